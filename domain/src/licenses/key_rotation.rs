//! A new key for a licence whose key leaked. Seats, machines and history stay.

use licentia_entity::license;
use licentia_types::ids::LicenseId;
use licentia_types::licenses::{IssuedLicenseResponse, RotateKeyRequest};
use serde_json::json;

use super::error::LicenseError;
use super::{Told, keys, lifecycle, locked, store, view, write};
use crate::actors::Caller;
use crate::context::Context;
use crate::events::Kind;
use crate::products;
use crate::{activation_claims, once};

/// Most days for which a former key is kept.
const MOST_DAYS_KEPT: u32 = 90;

/// Makes a new key; the answer shows it, and no later one. Former keys, also those of rotations
/// before, are taken until `keep_old_until`, or not at all any more: then nobody comes in with a claim either
/// that was made with them. Machines go on.
///
/// # Errors
/// When there is none, `expected` is not its version, it was revoked, or the former key would be
/// kept for too long.
pub async fn rotate_key(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    expected: Option<i64>,
    command: RotateKeyRequest,
) -> Result<IssuedLicenseResponse, LicenseError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let moment = ctx.moment();
    let valid_until = match command.keep_old_until {
        None => moment.now,
        Some(at) if at > moment.now && at <= moment.now.plus_days(MOST_DAYS_KEPT) => at,
        Some(_) => return Err(LicenseError::KeepOldUntil),
    };
    let tx = once::begin(ctx, caller).await?;
    let before = locked(&tx, caller.actor.scope(), id, expected).await?;
    let edited = lifecycle::edited(before.clone(), moment.now)?;
    let product = products::store::get(&tx, before.product_id).await?;
    let key = keys::make(&product, &moment)?;
    let stored = keys::store(ctx, id, &key)?;
    store::keep_former_key(&tx, &before, moment.now, valid_until).await?;
    let after = license::Model {
        key_digest: stored.digest,
        key_sealed: stored.sealed,
        key_masked: stored.masked,
        ..edited
    };
    let told = Told {
        action: "license.key_rotated",
        event: Some(Kind::LicenseKeyRotated),
        detail: json!({"before": before.key_masked, "after": after.key_masked, "keepOldUntil": command.keep_old_until}),
    };
    let license = write(&tx, &moment, caller, after, told).await?;
    if command.keep_old_until.is_none() {
        activation_claims::reject_open(&tx, &moment, caller, &license).await?;
    }
    let license = view::render(ctx, &tx, license, moment.now).await?;
    let license_key = key.canonical().to_owned();
    let issued = IssuedLicenseResponse { license, license_key, document: None, signing_key_id: None };
    once::commit(ctx, &moment, caller, tx, &issued).await?;
    Ok(issued)
}
