//! Licences as their owner sees them: without what the vendor notes down for himself.

use std::collections::HashMap;

use licentia_entity::{license, product};
use licentia_types::accounts::{OwnLicenseResponse, OwnProduct, OwnTier};
use licentia_types::ids::{LicenseId, ProductId};
use licentia_types::licenses::{LicenseStatus, RevealedKeyResponse};
use licentia_types::pages::PageResponse;
use licentia_types::seats::Seats;
use licentia_types::time::Timestamp;
use sea_orm::ConnectionTrait;

use super::{LicenseError, keys, reveal, rules, store, terms};
use crate::actors::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::pages::{PageError, PageQuery};
use crate::scope::Scope;
use crate::tiers::Catalogue;
use crate::{accounts, activations, catalog, products};

/// A page of the caller's own licences.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list_own(
    ctx: &Context,
    caller: &Caller,
    status: Option<LicenseStatus>,
    query: &PageQuery,
) -> Result<PageResponse<OwnLicenseResponse>, PageError> {
    let now = ctx.moment().now;
    let page = store::list_own(&ctx.db, own(caller), status, query, now).await?;
    let items = render_all(ctx, &ctx.db, page.items, now).await.map_err(PageError::Failed)?;
    Ok(PageResponse { items, next_cursor: page.next_cursor, total: page.total })
}

/// One of the caller's own licences.
///
/// # Errors
/// When it is none of his.
pub async fn get_own(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
) -> Result<OwnLicenseResponse, LicenseError> {
    let license = store::find(&ctx.db, own(caller), id).await?.ok_or(LicenseError::NotFound)?;
    Ok(render(ctx, &ctx.db, license, ctx.moment().now).await?)
}

/// Shows the key of one of the caller's own licences, if he signed in a short while ago; written down in the audit log
/// before it is shown.
///
/// # Errors
/// When it is none of his, its key was never known, or his sign-in is not recent.
pub async fn reveal_own(
    ctx: &Context,
    caller: &Caller,
    id: LicenseId,
) -> Result<RevealedKeyResponse, LicenseError> {
    accounts::expect_recent(caller, ctx.moment().now)?;
    reveal(ctx, caller, id).await
}

/// What a customer may see; nobody else has anything of his own.
fn own(caller: &Caller) -> Scope {
    accounts::signed_in(caller).map_or(Scope::Nothing, |(id, _)| Scope::Customer(id))
}

pub(super) async fn render(
    ctx: &Context,
    db: &impl ConnectionTrait,
    license: license::Model,
    now: Timestamp,
) -> Result<OwnLicenseResponse, Failure> {
    let mut rendered = render_all(ctx, db, vec![license], now).await?;
    rendered.pop().ok_or(Failure::Corrupt("licence"))
}

/// Four queries, however many licences.
async fn render_all(
    ctx: &Context,
    db: &impl ConnectionTrait,
    licenses: Vec<license::Model>,
    now: Timestamp,
) -> Result<Vec<OwnLicenseResponse>, Failure> {
    let mut ids: Vec<ProductId> = licenses.iter().map(|license| license.product_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let products = products::store::find_all(db, &ids).await?;
    let products: HashMap<ProductId, product::Model> =
        products.into_iter().map(|product| (product.id, product)).collect();
    let catalogues = catalog::load_all(db, &ids).await?;
    let held: Vec<LicenseId> = licenses.iter().map(|license| license.id).collect();
    let due = activations::store::seats_due(db, &held, now).await?;
    let one = |license: license::Model| {
        let product = products.get(&license.product_id).ok_or(Failure::Corrupt("product"))?;
        let catalogue = catalogues.get(&license.product_id).ok_or(Failure::Corrupt("product"))?;
        let due = due.get(&license.id).copied().unwrap_or_default();
        one(ctx, license, (product, catalogue), due, now)
    };
    licenses.into_iter().map(one).collect()
}

fn one(
    ctx: &Context,
    license: license::Model,
    (product, catalogue): (&product::Model, &Catalogue),
    due: u32,
    now: Timestamp,
) -> Result<OwnLicenseResponse, Failure> {
    let limit = terms::entitlements(ctx, catalogue, &license)?.limits.max_activations;
    let used = u32::try_from(license.seats_used).unwrap_or_default().saturating_sub(due);
    let tier = catalogue.tiers.iter().find(|tier| tier.id == license.tier_id);
    let tier = tier.ok_or(Failure::Corrupt("tier"))?;
    Ok(OwnLicenseResponse {
        product: OwnProduct { id: product.id, slug: product.slug.clone(), name: product.name.clone() },
        tier: OwnTier { id: tier.id, key: tier.key.clone(), name: tier.name.clone() },
        key_kept: keys::is_kept(&license),
        status: rules::status(&license, now),
        id: license.id,
        masked_key: license.key_masked,
        starts_at: (!license.awaits_start).then_some(license.starts_at),
        expires_at: license.expires_at,
        updates_until: license.updates_until,
        trial: license.trial,
        seats: Seats { used, limit },
        over_limit: limit.is_some_and(|limit| used > limit),
        suspended_at: license.suspended_at,
        revoked_at: license.revoked_at,
        grace_until: license.grace_until,
        created_at: license.created_at,
    })
}
