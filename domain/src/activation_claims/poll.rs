//! Asking what became of a claim: once it is approved, the machine is activated by this.

use licentia_entity::activation_claim;
use licentia_types::activation_claims::{
    ActivationClaimKind, ActivationClaimStatus, PollActivationClaimRequest,
};

use super::error::ActivationClaimError;
use super::{awaited, request, rules, secrets, store};
use crate::activations::{self, Admission};
use crate::actors::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::licenses;
use crate::refusals::{Call, Operation};
use crate::scope::Scope;

/// What became of the claim whose secret the machine knows.
///
/// After its approval the machine comes in as it asked, and is told so again for as long as the claim lives:
/// an answer may be lost. It is refused as every other machine would be, for want of a seat for one, and may
/// ask again. One that waited to be the first comes in as everybody does with the key, once there was a first.
///
/// # Errors
/// When there is no such claim, or the secret is not its; when it was rejected or its time is over; and for
/// whatever activations are refused for.
pub async fn poll(
    ctx: &Context,
    caller: &Caller,
    question: PollActivationClaimRequest,
) -> Result<Admission, ActivationClaimError> {
    // The secret is the credential: what is not its claim is not told from what is no claim.
    let claim = store::find(&ctx.db, Scope::Everything, question.claim_id).await?;
    let claim = claim.filter(|claim| secrets::knows(ctx, claim, question.claim_secret.expose()));
    let claim = claim.ok_or(ActivationClaimError::NotFound)?;
    let mut call = Call::of(Operation::Activate, caller);
    call.concerns(claim.license_id);
    call.fingerprint = Some(claim.fingerprint.clone());
    call.hostname.clone_from(&claim.hostname);
    call.product_version.clone_from(&claim.product_version);
    let outcome = Box::pin(answer(ctx, caller, &claim, &mut call)).await;
    call.ended(ctx, &outcome);
    outcome
}

async fn answer(
    ctx: &Context,
    caller: &Caller,
    claim: &activation_claim::Model,
    call: &mut Call,
) -> Result<Admission, ActivationClaimError> {
    let now = ctx.moment().now;
    let status = rules::status(claim, now);
    if status == ActivationClaimStatus::Pending && waits(ctx, claim).await? {
        return Ok(Admission::Waits(awaited(claim, None)));
    }
    match status {
        ActivationClaimStatus::Rejected => Err(ActivationClaimError::Rejected),
        _ if now < claim.expires_at => {
            let request = request::open(ctx, claim)?;
            Ok(activations::activate_claimed(ctx, caller, claim, request, call).await?)
        }
        _ => Err(ActivationClaimError::Expired),
    }
}

/// Whether a claim on which nobody decided waits for that yet. A licence's first machine stays its first.
async fn waits(ctx: &Context, claim: &activation_claim::Model) -> Result<bool, Failure> {
    let of_license = Scope::License(claim.license_id);
    Ok(match claim.kind {
        ActivationClaimKind::Reactivation => true,
        ActivationClaimKind::FirstActivation => {
            let license = licenses::store::find(&ctx.db, of_license, claim.license_id).await?;
            license.is_none_or(|license| license.first_activated_at.is_none())
        }
    })
}
