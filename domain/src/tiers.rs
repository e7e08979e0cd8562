//! Pricing tiers, inherited through the tier that each includes.

use std::collections::HashSet;

use licentia_entity::{feature, tier};
use licentia_types::features::FeatureSelector;
use licentia_types::ids::{ProductId, TierId};
use licentia_types::pages::PageResponse;
use licentia_types::text::Key;
use licentia_types::tiers::{
    ActivationModel, CreateTierRequest, OrderTiersRequest, ResolvedFeature, ResolvedTierResponse,
    TierResponse, UpdateTierRequest,
};
use licentia_types::tokens::Enforcement;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::json;

use crate::actors::Caller;
use crate::audit::Event;
use crate::catalog::{Edit, EditError, entries};
use crate::context::Context;
use crate::database::{Constraint, violates};
use crate::pages::{PageError, PageQuery};

use check::check;
pub use error::TierError;
pub use resolve::{Catalogue, Grant, Limits, ResolveError, ResolvedTier, Times};

mod check;
mod error;
mod resolve;

const KEY_TAKEN: Constraint = Constraint { name: "tier_product_key", columns: "tier.product_id, tier.key" };

/// A tier as the API shows it.
#[must_use]
pub fn render(tier: tier::Model) -> TierResponse {
    TierResponse {
        id: tier.id,
        product_id: tier.product_id,
        key: tier.key,
        name: tier.name,
        description: tier.description,
        includes_tier_id: tier.includes_tier_id,
        monthly_price: tier.monthly_price,
        annual_price: tier.annual_price,
        currency: tier.currency,
        billing_periods: tier.billing_periods.0,
        max_activations: tier.max_activations,
        max_users: tier.max_users,
        max_tenants: tier.max_tenants,
        features: tier.features.0,
        feature_values: tier.feature_values.0,
        activation_model: ActivationModel::NodeLocked,
        token_ttl: tier.token_ttl,
        heartbeat_interval: tier.heartbeat_interval,
        offline_grace: tier.offline_grace,
        expiry_grace: tier.expiry_grace,
        enforcement: Enforcement::Block,
        sort_order: tier.sort_order,
        archived_at: tier.archived_at,
        created_at: tier.created_at,
        updated_at: tier.updated_at,
        version: tier.version,
    }
}

/// The granted features in sort order, each with the tier that it comes from.
#[must_use]
pub fn render_grants(catalogue: &Catalogue, tier: &ResolvedTier) -> Vec<ResolvedFeature> {
    let granted = |feature: &feature::Model| {
        tier.grants.get(&feature.key).map(|grant| ResolvedFeature {
            id: feature.id,
            key: feature.key.clone(),
            name: feature.name.clone(),
            kind: feature.kind,
            value_type: feature.value_type,
            value: grant.value.clone(),
            from: grant.from.clone(),
        })
    };
    catalogue.live_features().filter_map(granted).collect()
}

/// Whether a tier names a feature itself.
pub(crate) fn names(tier: &tier::Model, key: &Key) -> bool {
    tier.features.0.contains(&FeatureSelector::One(key.clone())) || tier.feature_values.0.contains_key(key)
}

/// A page of tiers.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    product: Option<ProductId>,
    query: &PageQuery,
) -> Result<PageResponse<TierResponse>, PageError> {
    Ok(entries::list::<tier::Entity>(&ctx.db, product, query).await?.map(render))
}

/// One tier, as it is written down.
///
/// # Errors
/// When there is none.
pub async fn get(ctx: &Context, id: TierId) -> Result<TierResponse, TierError> {
    tier::Entity::find_by_id(id).one(&ctx.db).await?.map(render).ok_or(TierError::NotFound)
}

/// One tier with all that it includes.
///
/// # Errors
/// When there is none.
pub async fn resolved(ctx: &Context, id: TierId) -> Result<ResolvedTierResponse, TierError> {
    let tier = tier::Entity::find_by_id(id).one(&ctx.db).await?.ok_or(TierError::NotFound)?;
    let catalogue = crate::catalog::load(&ctx.db, tier.product_id).await.map_err(TierError::Failed)?;
    let resolved = catalogue.resolve(id, &ctx.settings).map_err(EditError::Resolve)?;
    Ok(ResolvedTierResponse {
        tier_id: id,
        features: render_grants(&catalogue, &resolved),
        path: resolved.path,
        max_activations: resolved.limits.max_activations,
        max_users: resolved.limits.max_users,
        max_tenants: resolved.limits.max_tenants,
        token_ttl: resolved.times.token_ttl,
        heartbeat_interval: resolved.times.heartbeat_interval,
        offline_grace: resolved.times.offline_grace,
        expiry_grace: resolved.times.expiry_grace,
    })
}

/// Makes a tier.
///
/// # Errors
/// When the product is unknown or archived, has the key, or the tier does not fit in its catalogue.
pub async fn create(
    ctx: &Context,
    caller: &Caller,
    command: CreateTierRequest,
) -> Result<TierResponse, TierError> {
    let edit = Edit::begin(ctx, command.product_id).await?;
    edit.expect_on_sale()?;
    let last = edit.catalogue.tiers.iter().map(|tier| tier.sort_order).max().unwrap_or(0);
    let now = edit.moment.now;
    let tier = tier::Model {
        id: TierId::new(edit.moment.new_uuid()?),
        product_id: command.product_id,
        key: command.key,
        name: command.name,
        description: command.description,
        includes_tier_id: command.includes_tier_id,
        monthly_price: command.monthly_price,
        annual_price: command.annual_price,
        currency: command.currency,
        billing_periods: tier::BillingPeriods(command.billing_periods),
        max_activations: command.max_activations,
        max_users: command.max_users,
        max_tenants: command.max_tenants,
        features: tier::FeatureSelectors(command.features),
        feature_values: tier::FeatureValues(command.feature_values),
        token_ttl: command.token_ttl,
        heartbeat_interval: command.heartbeat_interval,
        offline_grace: command.offline_grace,
        expiry_grace: command.expiry_grace,
        sort_order: command.sort_order.unwrap_or_else(|| last.saturating_add(1)),
        archived_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    check(&edit.catalogue, &tier)?;
    let inserted = tier.into_active_model().reset_all().insert(&edit.tx).await;
    let tier = inserted
        .map_err(|error| if violates(&error, KEY_TAKEN) { TierError::KeyTaken } else { error.into() })?;
    edit.finish(
        caller,
        Event::new("tier.created", &tier.id, json!({"key": tier.key, "product": tier.product_id})),
    )
    .await?;
    Ok(render(tier))
}

/// Edits a tier; licences at it, and at every tier that includes it, change with it.
///
/// # Errors
/// When there is none, `expected` is not its version, or it would not fit in its catalogue.
pub async fn update(
    ctx: &Context,
    caller: &Caller,
    id: TierId,
    expected: Option<i64>,
    command: UpdateTierRequest,
) -> Result<TierResponse, TierError> {
    let (edit, before) = begin(ctx, id, expected).await?;
    let mut tier = edited(before, command);
    tier.updated_at = edit.moment.now;
    tier.version += 1;
    check(&edit.catalogue, &tier)?;
    let tier = tier.into_active_model().reset_all().update(&edit.tx).await?;
    edit.finish(caller, Event::new("tier.updated", &id, json!({"version": tier.version}))).await?;
    Ok(render(tier))
}

fn edited(before: tier::Model, command: UpdateTierRequest) -> tier::Model {
    tier::Model {
        name: command.name.unwrap_or(before.name),
        description: command.description.apply(before.description),
        includes_tier_id: command.includes_tier_id.apply(before.includes_tier_id),
        monthly_price: command.monthly_price.apply(before.monthly_price),
        annual_price: command.annual_price.apply(before.annual_price),
        currency: command.currency.apply(before.currency),
        billing_periods: command.billing_periods.map_or(before.billing_periods, tier::BillingPeriods),
        max_activations: command.max_activations.unwrap_or(before.max_activations),
        max_users: command.max_users.unwrap_or(before.max_users),
        max_tenants: command.max_tenants.unwrap_or(before.max_tenants),
        features: command.features.map_or(before.features, tier::FeatureSelectors),
        feature_values: command.feature_values.map_or(before.feature_values, tier::FeatureValues),
        token_ttl: command.token_ttl.apply(before.token_ttl),
        heartbeat_interval: command.heartbeat_interval.apply(before.heartbeat_interval),
        offline_grace: command.offline_grace.apply(before.offline_grace),
        expiry_grace: command.expiry_grace.apply(before.expiry_grace),
        sort_order: command.sort_order.unwrap_or(before.sort_order),
        ..before
    }
}

/// Archives a tier that no other tier includes: no licence is issued at it any more.
///
/// # Errors
/// When there is none, `expected` is not its version, or a tier includes it.
pub async fn archive(
    ctx: &Context,
    caller: &Caller,
    id: TierId,
    expected: Option<i64>,
) -> Result<(), TierError> {
    let (edit, before) = begin(ctx, id, expected).await?;
    if before.archived_at.is_some() {
        return Ok(());
    }
    let including = edit
        .catalogue
        .tiers
        .iter()
        .find(|tier| tier.archived_at.is_none() && tier.includes_tier_id == Some(id));
    if let Some(tier) = including {
        return Err(TierError::InUse { tier: tier.key.to_string() });
    }
    let mut row = before.clone().into_active_model();
    row.archived_at = Set(Some(edit.moment.now));
    row.updated_at = Set(edit.moment.now);
    row.version = Set(before.version + 1);
    row.update(&edit.tx).await?;
    edit.finish(caller, Event::new("tier.archived", &id, json!({}))).await?;
    Ok(())
}

/// Puts all tiers of a product in order.
///
/// # Errors
/// When the list is not every live tier of the product, once.
pub async fn order(
    ctx: &Context,
    caller: &Caller,
    command: OrderTiersRequest,
) -> Result<Vec<TierResponse>, TierError> {
    let edit = Edit::begin(ctx, command.product_id).await?;
    let live = |tier: &&tier::Model| tier.archived_at.is_none();
    let wanted: HashSet<TierId> = command.ids.iter().copied().collect();
    let present: HashSet<TierId> = edit.catalogue.tiers.iter().filter(live).map(|tier| tier.id).collect();
    if wanted != present || wanted.len() != command.ids.len() {
        return Err(TierError::OrderIncomplete);
    }
    entries::set_order::<tier::Entity>(&edit.tx, &command.ids, edit.moment.now).await?;
    let tiers = entries::of_product::<tier::Entity>(&edit.tx, command.product_id).await?;
    edit.finish(caller, Event::new("tier.ordered", &command.product_id, json!({"ids": command.ids}))).await?;
    Ok(tiers.into_iter().filter(|tier| tier.archived_at.is_none()).map(render).collect())
}

async fn begin(
    ctx: &Context,
    id: TierId,
    expected: Option<i64>,
) -> Result<(Edit<'_>, tier::Model), TierError> {
    let product = tier::Entity::find_by_id(id).one(&ctx.db).await?.ok_or(TierError::NotFound)?.product_id;
    let edit = Edit::begin(ctx, product).await?;
    let tier = edit.catalogue.tiers.iter().find(|tier| tier.id == id).cloned().ok_or(TierError::NotFound)?;
    match expected {
        Some(version) if version != tier.version => Err(TierError::Stale { current: tier.version }),
        _ => Ok((edit, tier)),
    }
}
