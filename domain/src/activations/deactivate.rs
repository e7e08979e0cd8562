//! Giving a seat back: by the machine itself, or by somebody with the permission.

use licentia_entity::activation;
use licentia_types::activations::{ActivationResponse, ActivationStatus, DeactivateRequest};
use licentia_types::ids::ActivationId;
use licentia_types::permissions::Permission;
use licentia_types::time::Timestamp;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::binding::{open_nonce, parse_key};
use super::error::ActivationError;
use super::seats::Seats;
use super::{Told, render, store, tell};
use crate::actors::{Actor, Caller};
use crate::context::Context;
use crate::events::Kind;
use crate::failure::Failure;
use crate::heartbeats::chain::Chain;
use crate::licenses::{self, terms};
use crate::{catalog, once};

/// Deactivates a machine. Doing it again changes nothing.
///
/// # Errors
/// When there is no such activation for the caller, or a machine does not prove itself with key,
/// fingerprint and its current or previous nonce.
pub async fn deactivate(
    ctx: &Context,
    caller: &Caller,
    id: ActivationId,
    request: DeactivateRequest,
) -> Result<ActivationResponse, ActivationError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let caller = &authorize(ctx, caller, id, &request, moment.now).await?;
    let scope = caller.actor.scope();
    let seen = store::find(&ctx.db, scope.clone(), id).await?.ok_or(ActivationError::NotFound)?;

    let tx = once::begin(ctx, caller).await?;
    // Whose it is now that nobody else changes it: it may have gone to somebody else meanwhile.
    let license = licenses::store::find_locked(&tx, scope, seen.license_id).await?;
    let license = license.ok_or(ActivationError::NotFound)?;
    let catalogue = catalog::load(&tx, license.product_id).await?;
    let entitlements = terms::entitlements(ctx, &catalogue, &license)?;
    let mut seats = Seats::of(&tx, moment, license, entitlements.limits).await?;
    let machine = store::hold(&tx, id).await?.filter(|machine| machine.license_id == seen.license_id);
    let mut machine = machine.ok_or(ActivationError::NotFound)?;
    if matches!(caller.actor, Actor::Machine(_)) {
        expect_proof(ctx, &machine, &request)?;
    }
    match machine.status {
        ActivationStatus::Active | ActivationStatus::Lapsed => {}
        ActivationStatus::Deactivated => return Ok(render(machine, moment.now)),
        ActivationStatus::Revoked => return Err(ActivationError::Revoked),
    }
    let last_token = machine.token_exp;
    seats.release(&mut machine, &entitlements.free_environments, last_token).await?;
    machine.status = ActivationStatus::Deactivated;
    machine.updated_at = moment.now;
    machine.version += 1;
    let machine = machine.into_active_model().reset_all().update(&tx).await?;
    let detail = json!({"seatFreesAt": machine.seat_frees_at});
    let told = Told { kind: Kind::ActivationDeactivated, machine: id, license: seats.license(), detail };
    tell(&tx, &moment, caller, told).await?;
    let shown = render(machine, moment.now);
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(shown)
}

/// Somebody with the permission acts as who he is; everybody else has to know the licence key, and
/// then acts as a machine of that licence.
async fn authorize(
    ctx: &Context,
    caller: &Caller,
    id: ActivationId,
    request: &DeactivateRequest,
    now: Timestamp,
) -> Result<Caller, ActivationError> {
    match &caller.actor {
        actor if actor.may(Permission::Activations) => return Ok(caller.clone()),
        // His own, as his scope has it.
        Actor::Customer { .. } => return Ok(caller.clone()),
        actor if actor.principal().is_some() => return Err(ActivationError::PermissionDenied),
        _ => {}
    }
    let missing = |member| ActivationError::ProofMissing { member };
    let key = parse_key(request.license_key.as_ref().ok_or_else(|| missing("licenseKey"))?)?;
    request.fingerprint.as_ref().ok_or_else(|| missing("fingerprint"))?;
    let nonce = request.nonce.as_ref().ok_or_else(|| missing("nonce"))?;
    open_nonce(ctx, id, nonce).map_err(|_| ActivationError::NonceInvalid)?;
    let digest = licenses::keys::digest(ctx, &key);
    let license =
        licenses::store::find_by_key(&ctx.db, digest, now).await?.ok_or(ActivationError::KeyUnknown)?;
    Ok(caller.acting_as(Actor::Machine(license.id)))
}

fn expect_proof(
    ctx: &Context,
    machine: &activation::Model,
    request: &DeactivateRequest,
) -> Result<(), ActivationError> {
    if request.fingerprint.as_ref() != Some(&machine.fingerprint) {
        return Err(ActivationError::NotFound);
    }
    let nonce = request.nonce.as_ref().ok_or(ActivationError::NonceInvalid)?;
    let nonce = open_nonce(ctx, machine.id, nonce).map_err(|_| ActivationError::NonceInvalid)?;
    let chain: Result<Chain, Failure> = Chain::of(machine);
    if chain?.knows(nonce) { Ok(()) } else { Err(ActivationError::NonceReused) }
}
