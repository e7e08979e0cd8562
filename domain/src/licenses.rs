//! Licences: a customer's right to a product at a tier. What can become of one is in
//! `lifecycle.rs`, as pure functions; the operations around them each hold the licence's row.

use licentia_entity::license;
use licentia_types::ids::LicenseId;
use licentia_types::licenses::{LicenseResponse, RevealedKeyResponse};
use licentia_types::pages::PageResponse;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;
use crate::pages::{PageError, PageQuery};
use crate::scope::Scope;
use crate::{audit, events};

pub use claiming::claim;
pub use drift::audit;
pub use edit::{change_features, update};
pub use error::LicenseError;
pub use export::{Export, export};
pub use issue::{issue, issue_bulk};
pub use key_rotation::rotate_key;
pub use own::{get_own, list_own, reveal_own};
pub use regenerate::regenerate;
pub use renewal::renew;
pub use rules::status;
pub use standing::{reinstate, revoke, suspend};
pub use store::LicenseFilter;
pub use transfer::transfer;

mod claiming;
mod drift;
mod edit;
mod error;
mod export;
mod feature_changes;
pub(crate) mod first_activation;
pub(crate) mod grants;
pub(crate) mod issue;
mod key_rotation;
pub mod keys;
mod license_row;
mod lifecycle;
mod live_tokens;
mod own;
pub(crate) mod owners;
mod regenerate;
mod renewal;
mod rules;
mod standing;
pub(crate) mod store;
pub(crate) mod terms;
mod transfer;
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

/// Shows a licence key in clear; written down in the audit log before it is shown.
///
/// # Errors
/// When there is none, or its key was never known.
pub async fn reveal(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
) -> Result<RevealedKeyResponse, LicenseError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let license = store::find(&tx, caller.actor.scope(), id).await?.ok_or(LicenseError::NotFound)?;
    if !keys::is_kept(&license) {
        return Err(LicenseError::KeyNotKept);
    }
    let license_key = keys::open(ctx, &license)?;
    let told = Told { action: "license.revealed", event: None, detail: json!({}) };
    tell(&tx, &moment, caller, &license, told).await?;
    tx.commit().await?;
    Ok(RevealedKeyResponse { license_key })
}

/// The licence, held until the transaction ends.
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

/// What is told of a change: in the audit log, and to others where it concerns them.
struct Told {
    action: &'static str,
    event: Option<events::Kind>,
    detail: Value,
}

/// Writes a licence as it has become, and what is told of it.
async fn write(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    license: license::Model,
    told: Told,
) -> Result<license::Model, Failure> {
    let license = license.into_active_model().reset_all().update(tx).await?;
    tell(tx, moment, caller, &license, told).await?;
    Ok(license)
}

async fn tell(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    license: &license::Model,
    told: Told,
) -> Result<(), Failure> {
    if let Some(kind) = told.event {
        let event = events::Event::new(kind, &license.id, told.detail.clone()).of_license(license);
        events::record(tx, moment, event).await?;
    }
    let event = audit::Event::new(told.action, &license.id, told.detail).of_license(license.id);
    audit::record(tx, moment, caller, event).await
}
