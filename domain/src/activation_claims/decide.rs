//! Deciding who is let in. Decisions on a licence's claims are made one after the other, under its lock.

use licentia_entity::activation_claim::{Decision, Model};
use licentia_entity::license;
use licentia_types::activation_claims::{ActivationClaimKind, ActivationClaimResponse};
use licentia_types::ids::ActivationClaimId;

use super::error::ActivationClaimError;
use super::{render, rules, store, tell};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::events::Kind;
use crate::failure::Failure;
use crate::licenses;

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

/// Lets a machine know that it is not let in. Doing it again changes nothing.
///
/// # Errors
/// When there is no such claim for the caller, it was approved, or its time is over.
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
    let moment = ctx.moment();
    let scope = caller.actor.scope();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let seen = store::find(&tx, scope, id).await?.ok_or(ActivationClaimError::NotFound)?;
    let license = licenses::store::find_locked(&tx, scope, seen.license_id).await?;
    let license = license.ok_or(ActivationClaimError::NotFound)?;
    // As it is now that nobody else decides.
    let claim = store::find(&tx, scope, id).await?.ok_or(ActivationClaimError::NotFound)?;
    let Some(decided) = rules::decide(claim.clone(), decision, moment.now)? else {
        return Ok(render(claim, moment.now));
    };
    let claim = write(&tx, &moment, caller, &license, decided).await?;
    if decision == Decision::Approved && claim.kind == ActivationClaimKind::FirstActivation {
        reject_others(&tx, &moment, caller, &license).await?;
    }
    tx.commit().await?;
    Ok(render(claim, moment.now))
}

/// One was picked.
async fn reject_others(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    license: &license::Model,
) -> Result<(), ActivationClaimError> {
    for other in store::waiting(tx, license.id, moment.now).await? {
        if other.kind == ActivationClaimKind::FirstActivation
            && let Some(rejected) = rules::decide(other, Decision::Rejected, moment.now)?
        {
            write(tx, moment, caller, license, rejected).await?;
        }
    }
    Ok(())
}

async fn write(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    license: &license::Model,
    decided: Model,
) -> Result<Model, Failure> {
    let claim = store::update(tx, decided).await?;
    let kind = match claim.decision {
        Decision::Approved => Kind::ActivationClaimApproved,
        Decision::Rejected => Kind::ActivationClaimRejected,
        Decision::Pending => return Err(Failure::Corrupt("activation claim")),
    };
    tell(tx, moment, caller, license, (kind, &claim)).await?;
    Ok(claim)
}
