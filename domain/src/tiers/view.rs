//! Tiers as the API shows them: as they are written down, and resolved.

use licentia_entity::{feature, tier};
use licentia_types::ids::TierId;
use licentia_types::tiers::{ResolvedFeature, ResolvedTierResponse, TierResponse};

use super::resolve::{Catalogue, ResolvedTier};

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
        activation_model: tier.activation_model,
        free_environments: tier.free_environments.0,
        token_ttl: tier.token_ttl,
        heartbeat_interval: tier.heartbeat_interval,
        offline_grace: tier.offline_grace,
        expiry_grace: tier.expiry_grace,
        revocation_grace: tier.revocation_grace,
        lease: tier.lease,
        enforcement: tier.enforcement,
        degrade_to_tier_id: tier.degrade_to_tier_id,
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

/// The tier with all that it includes.
pub(super) fn render_resolved(
    id: TierId,
    catalogue: &Catalogue,
    resolved: ResolvedTier,
) -> ResolvedTierResponse {
    ResolvedTierResponse {
        tier_id: id,
        features: render_grants(catalogue, &resolved),
        path: resolved.path,
        max_activations: resolved.limits.max_activations,
        max_users: resolved.limits.max_users,
        max_tenants: resolved.limits.max_tenants,
        activation_model: resolved.activation_model,
        free_environments: resolved.free_environments,
        token_ttl: resolved.times.token_ttl,
        heartbeat_interval: resolved.times.heartbeat_interval,
        offline_grace: resolved.times.offline_grace,
        expiry_grace: resolved.times.expiry_grace,
        revocation_grace: resolved.times.revocation_grace,
        lease: resolved.times.lease,
        enforcement: resolved.enforcement,
        degrade_to_tier: resolved.degrade_to,
    }
}
