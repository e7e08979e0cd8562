//! Deciding who is let in. Decisions on a licence's claims are made one after the other, under its lock.

use std::slice;

use licentia_entity::activation_claim::{Decision, Model};
use licentia_entity::license;
use licentia_types::activation_claims::{ActivationClaimKind, ActivationClaimResponse};
use licentia_types::ids::ActivationClaimId;

use super::error::ActivationClaimError;
use super::{Told, render, rules, store, tell};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::events::Kind;
use crate::failure::Failure;
use crate::{licenses, once};

/// Lets a machine in. Of those that wait to be the first of their licence one is picked: the others are
/// rejected. Doing it again changes nothing.
///
/// # Errors
/// When there is no such claim for the caller, it was rejected, or its time is over.
pub async fn approve(
    ctx: &Context,
    caller: &Caller,
    id: ActivationClaimId,
) -> Result<ActivationClaimResponse, ActivationClaimError> {
    decide(ctx, caller, id, Decision::Approved).await
}

/// Lets a machine know that it is not let in; also one that was approved, until it is in. Doing it again
/// changes nothing.
///
/// # Errors
/// When there is no such claim for the caller, its machine is in, or its time is over.
pub async fn reject(
    ctx: &Context,
    caller: &Caller,
    id: ActivationClaimId,
) -> Result<ActivationClaimResponse, ActivationClaimError> {
    decide(ctx, caller, id, Decision::Rejected).await
}

async fn decide(
    ctx: &Context,
    caller: &Caller,
    id: ActivationClaimId,
    decision: Decision,
) -> Result<ActivationClaimResponse, ActivationClaimError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let scope = caller.actor.scope();
    let tx = once::begin(ctx, caller).await?;
    let seen = store::find(&tx, scope.clone(), id).await?.ok_or(ActivationClaimError::NotFound)?;
    let license = licenses::store::find_locked(&tx, scope.clone(), seen.license_id).await?;
    let license = license.ok_or(ActivationClaimError::NotFound)?;
    // As it is now that nobody else decides.
    let claim = store::find(&tx, scope, id).await?.ok_or(ActivationClaimError::NotFound)?;
    let Some(claim) = rules::decide(claim.clone(), decision, moment.now)? else {
        return Ok(render(claim, moment.now));
    };
    let picked = decision == Decision::Approved && picks(&claim, &license);
    let decided = Decided { license: &license, decision, claims: slice::from_ref(&claim) };
    write(&tx, &moment, caller, decided).await?;
    if picked {
        reject_others(&tx, &moment, caller, &license).await?;
    }
    let shown = render(claim, moment.now);
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(shown)
}

/// Whether it is one of those of which one is the first machine. After that one, nobody is picked.
fn picks(claim: &Model, license: &license::Model) -> bool {
    claim.kind == ActivationClaimKind::FirstActivation && license.first_activated_at.is_none()
}

/// One was picked.
async fn reject_others(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    license: &license::Model,
) -> Result<(), Failure> {
    let mut others = store::waiting(tx, license.id, moment.now).await?;
    others.retain(|other| picks(other, license));
    write(tx, moment, caller, Decided { license, decision: Decision::Rejected, claims: &others }).await
}

/// Rejects every claim of a licence with which no machine came in yet: it was made with a key that is not
/// its key any more, or for somebody whose licence it is not any more. Its row is held.
pub(crate) async fn reject_open(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    license: &license::Model,
) -> Result<(), Failure> {
    let claims = store::open(tx, license.id, moment.now).await?;
    write(tx, moment, caller, Decided { license, decision: Decision::Rejected, claims: &claims }).await
}

/// Claims of a licence that are decided alike.
struct Decided<'a> {
    license: &'a license::Model,
    decision: Decision,
    claims: &'a [Model],
}

/// However many they are, in as many statements.
async fn write(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    Decided { license, decision, claims }: Decided<'_>,
) -> Result<(), Failure> {
    if claims.is_empty() {
        return Ok(());
    }
    let kind = match decision {
        Decision::Approved => Kind::ActivationClaimApproved,
        Decision::Rejected => Kind::ActivationClaimRejected,
        Decision::Pending => return Err(Failure::Corrupt("activation claim")),
    };
    store::decide(tx, claims, decision, moment.now).await?;
    tell(tx, moment, caller, Told { kind, license, claims }).await
}
