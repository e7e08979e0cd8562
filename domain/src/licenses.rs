//! Licences: a customer's right to a product at a tier. Issued, edited, revoked.

use licentia_entity::license;
use licentia_types::ids::LicenseId;
use licentia_types::licenses::{
    LicenseResponse, RevealedKeyResponse, RevokeLicenseRequest, UpdateLicenseRequest,
};
use licentia_types::pages::PageResponse;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use crate::actors::Caller;
use crate::audit;
use crate::context::Context;
use crate::database::{Lane, WriteTx};
use crate::pages::{PageError, PageQuery};
use crate::products;
use crate::scope::Scope;

pub use error::LicenseError;
pub use issue::issue;
pub use rules::status;
pub use store::LicenseFilter;

mod error;
mod issue;
pub(crate) mod keys;
mod rules;
pub(crate) mod store;
pub(crate) mod terms;
mod view;

/// A page of licences.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    scope: Scope,
    filter: &LicenseFilter,
    query: &PageQuery,
) -> Result<PageResponse<LicenseResponse>, PageError> {
    let now = ctx.moment().now;
    let page = store::list(&ctx.db, scope, filter, query, now).await?;
    let items = view::render_all(ctx, &ctx.db, page.items, now).await.map_err(PageError::Failed)?;
    Ok(PageResponse { items, next_cursor: page.next_cursor, total: page.total })
}

/// One licence.
///
/// # Errors
/// When there is none in `scope`.
pub async fn get(ctx: &Context, scope: Scope, id: LicenseId) -> Result<LicenseResponse, LicenseError> {
    let license = store::find(&ctx.db, scope, id).await?.ok_or(LicenseError::NotFound)?;
    Ok(view::render(ctx, &ctx.db, license, ctx.moment().now).await?)
}

/// Edits a licence. Its machines learn of it at their next heartbeat.
///
/// # Errors
/// When there is none, `expected` is not its version, it was revoked, or the edit does not fit.
pub async fn update(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    expected: Option<i64>,
    command: UpdateLicenseRequest,
) -> Result<LicenseResponse, LicenseError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let before = locked(&tx, caller.actor.scope(), id, expected).await?;
    if before.status == license::Status::Revoked {
        return Err(LicenseError::Revoked);
    }
    let customer_id = match (before.customer_id, command.customer_id) {
        (Some(owner), Some(other)) if owner != other => return Err(LicenseError::Owned),
        (owner, None) => owner,
        (_, Some(customer)) => Some(terms::expect_customer(&tx, caller.actor.scope(), customer).await?),
    };
    if matches!(command.expires_at, licentia_types::change::Change::Set(at) if at <= moment.now) {
        return Err(LicenseError::ExpiryPast);
    }
    let edits_features = command.features.is_some();
    let license = license::Model {
        customer_id,
        expires_at: command.expires_at.apply(before.expires_at),
        features: command.features.unwrap_or(before.features),
        max_activations: command.max_activations.unwrap_or(before.max_activations),
        max_users: command.max_users.unwrap_or(before.max_users),
        max_tenants: command.max_tenants.unwrap_or(before.max_tenants),
        notes: command.notes.apply(before.notes),
        metadata: command.metadata.unwrap_or(before.metadata),
        updated_at: moment.now,
        version: before.version + 1,
        ..before
    };
    if edits_features {
        let product = products::store::find_unchanging(&tx, license.product_id).await?;
        terms::check_features(ctx, &tx, &product.ok_or(LicenseError::ProductUnknown)?, &license).await?;
    }
    let license = license.into_active_model().reset_all().update(&tx).await?;
    record(&tx, &moment, caller, "license.updated", &license, json!({"version": license.version})).await?;
    let shown = view::render(ctx, &tx, license, moment.now).await?;
    tx.commit().await?;
    Ok(shown)
}

/// Takes a licence back for good: no machine gets a token any more. Doing it again changes nothing.
///
/// # Errors
/// When there is none, or `expected` is not its version.
pub async fn revoke(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
    expected: Option<i64>,
    command: RevokeLicenseRequest,
) -> Result<LicenseResponse, LicenseError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let before = locked(&tx, caller.actor.scope(), id, expected).await?;
    if before.status == license::Status::Revoked {
        return Ok(view::render(ctx, &tx, before, moment.now).await?);
    }
    let mut row = before.clone().into_active_model();
    row.status = Set(license::Status::Revoked);
    row.revoked_at = Set(Some(moment.now));
    row.revocation_reason = Set(command.reason.clone());
    row.updated_at = Set(moment.now);
    row.version = Set(before.version + 1);
    let license = row.update(&tx).await?;
    record(&tx, &moment, caller, "license.revoked", &license, json!({"reason": command.reason})).await?;
    let shown = view::render(ctx, &tx, license, moment.now).await?;
    tx.commit().await?;
    Ok(shown)
}

/// Shows a licence key in clear; written down in the audit log before it is shown.
///
/// # Errors
/// When there is none.
pub async fn reveal(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
) -> Result<RevealedKeyResponse, LicenseError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let license = store::find(&tx, caller.actor.scope(), id).await?.ok_or(LicenseError::NotFound)?;
    let license_key = keys::open(ctx, &license)?;
    record(&tx, &moment, caller, "license.revealed", &license, json!({})).await?;
    tx.commit().await?;
    Ok(RevealedKeyResponse { license_key })
}

async fn locked(
    tx: &WriteTx,
    scope: Scope,
    id: LicenseId,
    expected: Option<i64>,
) -> Result<license::Model, LicenseError> {
    let license = store::find_locked(tx, scope, id).await?.ok_or(LicenseError::NotFound)?;
    match expected {
        Some(version) if version != license.version => Err(LicenseError::Stale { current: license.version }),
        _ => Ok(license),
    }
}

async fn record(
    tx: &WriteTx,
    moment: &crate::context::Moment<'_>,
    caller: &Caller,
    action: &'static str,
    license: &license::Model,
    detail: serde_json::Value,
) -> Result<(), LicenseError> {
    let event = audit::Event::new(action, &license.id, detail).of_license(license.id);
    Ok(audit::record(tx, moment, caller, event).await?)
}
