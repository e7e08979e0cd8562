//! Licences as the API shows them: with their seats after inheritance, never with their key.

use std::collections::HashMap;

use licentia_entity::license;
use licentia_types::ids::{LicenseId, ProductId};
use licentia_types::licenses::LicenseResponse;
use licentia_types::seats::Seats;
use licentia_types::time::Timestamp;
use sea_orm::ConnectionTrait;

use super::{rules, terms};
use crate::activations;
use crate::catalog;
use crate::context::Context;
use crate::failure::Failure;

pub(super) async fn render(
    ctx: &Context,
    db: &impl ConnectionTrait,
    license: license::Model,
    now: Timestamp,
) -> Result<LicenseResponse, Failure> {
    let mut rendered = render_all(ctx, db, vec![license], now).await?;
    rendered.pop().ok_or(Failure::Corrupt("licence"))
}

/// Three queries, however many licences.
pub(super) async fn render_all(
    ctx: &Context,
    db: &impl ConnectionTrait,
    licenses: Vec<license::Model>,
    now: Timestamp,
) -> Result<Vec<LicenseResponse>, Failure> {
    let mut products: Vec<ProductId> = licenses.iter().map(|license| license.product_id).collect();
    products.sort_unstable();
    products.dedup();
    let ids: Vec<LicenseId> = licenses.iter().map(|license| license.id).collect();
    let catalogues = catalog::load_all(db, &products).await?;
    let due = activations::store::seats_due(db, &ids, now).await?;
    licenses
        .into_iter()
        .map(|license| {
            let catalogue = catalogues.get(&license.product_id).ok_or(Failure::Corrupt("product"))?;
            let limit = terms::entitlements(ctx, catalogue, &license)?.limits.max_activations;
            Ok(one(license, limit, &due, now))
        })
        .collect()
}

fn one(
    license: license::Model,
    limit: Option<u32>,
    due: &HashMap<LicenseId, u32>,
    now: Timestamp,
) -> LicenseResponse {
    let held = u32::try_from(license.seats_used).unwrap_or_default();
    let used = held.saturating_sub(due.get(&license.id).copied().unwrap_or_default());
    let term = terms::own_term(&license);
    LicenseResponse {
        status: rules::status(&license, now),
        id: license.id,
        product_id: license.product_id,
        tier_id: license.tier_id,
        customer_id: license.customer_id,
        group_id: license.group_id,
        masked_key: license.key_masked,
        starts_at: (!license.awaits_start).then_some(license.starts_at),
        expires_at: license.expires_at,
        term,
        updates_until: license.updates_until,
        trial: license.trial,
        first_activated_at: license.first_activated_at,
        features: license.features,
        max_activations: license.max_activations,
        max_users: license.max_users,
        max_tenants: license.max_tenants,
        seats: Seats { used, limit },
        over_limit: limit.is_some_and(|limit| used > limit),
        source: license.source,
        source_order_id: license.source_order_id,
        notes: license.notes,
        metadata: license.metadata,
        suspended_at: license.suspended_at,
        suspension_reason: license.suspension_reason,
        revoked_at: license.revoked_at,
        revoked_by: license.revoked_by,
        revocation_reason: license.revocation_reason,
        grace_until: license.grace_until,
        superseded_by: license.superseded_by,
        created_at: license.created_at,
        updated_at: license.updated_at,
        version: license.version,
    }
}
