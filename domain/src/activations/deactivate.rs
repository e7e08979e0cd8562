//! Giving a seat back: by the machine itself, or by somebody with the permission.

use licentia_entity::activation;
use licentia_types::activations::{ActivationResponse, ActivationStatus, DeactivateRequest};
use licentia_types::api_keys::Permission;
use licentia_types::ids::ActivationId;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::binding::{open_nonce, parse_key};
use super::error::ActivationError;
use super::seats::Seats;
use super::{render, store};
use crate::actors::{Actor, Caller};
use crate::context::Context;
use crate::database::Lane;
use crate::failure::Failure;
use crate::heartbeats::chain::Chain;
use crate::licenses::{self, terms};
use crate::scope::Scope;
use crate::{audit, catalog};

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
    let moment = ctx.moment();
    let caller = &authorize(ctx, caller, id, &request).await?;
    let scope = caller.actor.scope();
    let found = store::find(&ctx.db, scope, id).await?.ok_or(ActivationError::NotFound)?;

    let tx = ctx.db.write(Lane::Ordinary).await?;
    let everything = Scope::License(found.license_id);
    let license = licenses::store::find_locked(&tx, everything, found.license_id)
        .await?
        .ok_or(ActivationError::NotFound)?;
    let machine = store::hold(&tx, id).await?.ok_or(ActivationError::NotFound)?;
    if matches!(caller.actor, Actor::Machine(_)) {
        expect_proof(ctx, &machine, &request)?;
    }
    if machine.status == ActivationStatus::Deactivated {
        return Ok(render(machine));
    }
    let catalogue = catalog::load(&tx, license.product_id).await?;
    let limits = terms::entitlements(ctx, &catalogue, &license)?.limits;
    let mut seats = Seats::of(&tx, license, limits, moment.now).await?;
    let (token_exp, version) = (machine.token_exp, machine.version);
    let mut row = machine.into_active_model();
    seats.release(&mut row, token_exp, moment.now).await?;
    row.status = Set(ActivationStatus::Deactivated);
    row.updated_at = Set(moment.now);
    row.version = Set(version + 1);
    let machine = row.update(&tx).await?;
    let event =
        audit::Event::new("activation.deactivated", &id, json!({"seatFreesAt": machine.seat_frees_at}))
            .of_license(machine.license_id);
    audit::record(&tx, &moment, caller, event).await?;
    tx.commit().await?;
    Ok(render(machine))
}

/// Somebody with the permission acts as who he is; everybody else has to know the licence key, and
/// then acts as a machine of that licence.
async fn authorize(
    ctx: &Context,
    caller: &Caller,
    id: ActivationId,
    request: &DeactivateRequest,
) -> Result<Caller, ActivationError> {
    match &caller.actor {
        Actor::ApiKey { permissions, .. } if permissions.contains(&Permission::Activations) => {
            return Ok(caller.clone());
        }
        Actor::ApiKey { .. } => return Err(ActivationError::PermissionDenied),
        _ => {}
    }
    let missing = |member| ActivationError::ProofMissing { member };
    let key = parse_key(request.license_key.as_ref().ok_or_else(|| missing("licenseKey"))?)?;
    request.fingerprint.as_ref().ok_or_else(|| missing("fingerprint"))?;
    let nonce = request.nonce.as_ref().ok_or_else(|| missing("nonce"))?;
    open_nonce(ctx, id, nonce).map_err(|_| ActivationError::NonceInvalid)?;
    let digest = licenses::keys::digest(ctx, &key);
    let license = licenses::store::find_by_key(&ctx.db, digest).await?.ok_or(ActivationError::KeyUnknown)?;
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
