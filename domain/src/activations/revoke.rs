//! Blocking one machine, and unblocking it.

use licentia_entity::activation;
use licentia_types::activations::{ActivationResponse, ActivationStatus, RevokeActivationRequest};
use licentia_types::ids::ActivationId;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::error::ActivationError;
use super::seats::Seats;
use super::{Told, render, rules, store, tell};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::events::Kind;
use crate::failure::Failure;
use crate::licenses::{self, terms};
use crate::revocations::{grace, raise_generation};
use crate::scope::Scope;
use crate::{catalog, once};

/// Takes a machine's activation back: it gets no licence token any more, and cannot activate again
/// until it is unblocked. Doing it again changes nothing, but that a grace can be cut.
///
/// # Errors
/// When there is no such activation for the caller, or the grace is too long.
pub async fn revoke(
    ctx: &Context,
    caller: &Caller,
    id: ActivationId,
    request: RevokeActivationRequest,
) -> Result<ActivationResponse, ActivationError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let hours = |hours| grace::of_hours(hours).ok_or(ActivationError::GraceHours);
    let asked = request.grace_hours.map(hours).transpose()?;
    let license_id = find(ctx, caller, id).await?.license_id;
    let tx = once::begin(ctx, caller).await?;
    let license = licenses::store::find_locked(&tx, Scope::License(license_id), license_id).await?;
    let license = license.ok_or(Failure::Corrupt("licence"))?;
    let catalogue = catalog::load(&tx, license.product_id).await?;
    let entitlements = terms::entitlements(ctx, &catalogue, &license)?;
    let mut seats = Seats::of(&tx, moment, license, entitlements.limits).await?;
    let mut machine = store::hold(&tx, id).await?.ok_or(ActivationError::NotFound)?;
    if machine.status == ActivationStatus::Revoked {
        let end = asked.and_then(|asked| rules::sooner(machine.grace_until, asked, moment.now));
        let Some(end) = end else { return Ok(render(machine, moment.now)) };
        cut(&mut machine, end, moment.now);
    } else {
        let grace = asked.unwrap_or(entitlements.times.revocation_grace);
        machine.grace_until = grace_until(&machine, grace, moment.now);
        let of_use_until = of_use_until(&machine);
        seats.release(&mut machine, &entitlements.free_environments, of_use_until).await?;
        machine.status = ActivationStatus::Revoked;
        machine.revoked_at = Some(moment.now);
        machine.revoked_by = Some(caller.actor.name());
        machine.revocation_reason = request.reason;
    }
    let detail = json!({"reason": machine.revocation_reason, "graceUntil": machine.grace_until,
                        "seatFreesAt": machine.seat_frees_at});
    let told = Told { kind: Kind::ActivationRevoked, machine: id, license: seats.license(), detail };
    let machine = write(&tx, &moment, caller, machine, told).await?;
    let shown = render(machine, moment.now);
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(shown)
}

/// Lets a revoked machine come back: it may activate again. One that is not revoked stays as it is.
///
/// # Errors
/// When there is no such activation for the caller.
pub async fn unblock(
    ctx: &Context,
    caller: &Caller,
    id: ActivationId,
) -> Result<ActivationResponse, ActivationError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let license_id = find(ctx, caller, id).await?.license_id;
    let tx = once::begin(ctx, caller).await?;
    let license = licenses::store::find_locked(&tx, Scope::License(license_id), license_id).await?;
    let license = license.ok_or(Failure::Corrupt("licence"))?;
    let mut machine = store::hold(&tx, id).await?.ok_or(ActivationError::NotFound)?;
    if machine.status != ActivationStatus::Revoked {
        return Ok(render(machine, moment.now));
    }
    machine.status = ActivationStatus::Deactivated;
    machine.revoked_at = None;
    // Who revoked it stays until it returns, which takes a proof then.
    machine.revocation_reason = None;
    machine.grace_until = None;
    let told = Told { kind: Kind::ActivationUnblocked, machine: id, license: &license, detail: json!({}) };
    let machine = write(&tx, &moment, caller, machine, told).await?;
    let shown = render(machine, moment.now);
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(shown)
}

/// Writes the machine as it has become, and tells of it.
async fn write(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    mut machine: activation::Model,
    told: Told<'_>,
) -> Result<activation::Model, Failure> {
    machine.updated_at = moment.now;
    machine.version += 1;
    let machine = machine.into_active_model().reset_all().update(tx).await?;
    tell(tx, moment, caller, told).await?;
    raise_generation(tx, moment).await?;
    Ok(machine)
}

async fn find(
    ctx: &Context,
    caller: &Caller,
    id: ActivationId,
) -> Result<activation::Model, ActivationError> {
    store::find(&ctx.db, caller.actor.scope(), id).await?.ok_or(ActivationError::NotFound)
}

/// Only a machine that was at work has something to go on with.
fn grace_until(machine: &activation::Model, grace: Seconds, now: Timestamp) -> Option<Timestamp> {
    let at_work = machine.status == ActivationStatus::Active;
    grace::end(grace, now).filter(|_| at_work)
}

/// Its grace ends at `end` already; a place that it holds till then frees as much sooner.
fn cut(machine: &mut activation::Model, end: Timestamp, now: Timestamp) {
    machine.grace_until = Some(end).filter(|until| *until > now);
    machine.seat_frees_at = machine.seat_frees_at.map(|at| at.min(of_use_until(machine).max(now)));
}

/// When a revoked machine can use nothing any more: neither its last token nor its grace nor a licence file.
fn of_use_until(machine: &activation::Model) -> Timestamp {
    let ends = [Some(machine.token_exp), machine.grace_until, machine.offline_until];
    ends.into_iter().flatten().max().unwrap_or(machine.token_exp)
}
