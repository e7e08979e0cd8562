//! Tiers as they are about to be written.

use licentia_entity::tier;
use licentia_types::ids::TierId;
use licentia_types::tiers::{CreateTierRequest, UpdateTierRequest};

use crate::context::Moment;
use crate::randomness::RandomnessExhausted;

/// A tier that is made now; `last` is its place in lists where none is asked for.
pub(super) fn new(
    moment: &Moment<'_>,
    command: CreateTierRequest,
    last: i32,
) -> Result<tier::Model, RandomnessExhausted> {
    Ok(tier::Model {
        id: TierId::new(moment.new_uuid()?),
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
        activation_model: command.activation_model,
        free_environments: tier::FreeEnvironments(command.free_environments),
        token_ttl: command.token_ttl,
        heartbeat_interval: command.heartbeat_interval,
        offline_grace: command.offline_grace,
        expiry_grace: command.expiry_grace,
        revocation_grace: command.revocation_grace,
        lease: command.lease,
        enforcement: command.enforcement,
        degrade_to_tier_id: command.degrade_to_tier_id,
        sort_order: command.sort_order.unwrap_or(last),
        archived_at: None,
        created_at: moment.now,
        updated_at: moment.now,
        version: 1,
    })
}

/// A tier as an edit leaves it.
pub(super) fn edited(before: tier::Model, command: UpdateTierRequest) -> tier::Model {
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
        activation_model: command.activation_model.apply(before.activation_model),
        free_environments: command.free_environments.map_or(before.free_environments, tier::FreeEnvironments),
        revocation_grace: command.revocation_grace.apply(before.revocation_grace),
        lease: command.lease.apply(before.lease),
        enforcement: command.enforcement.apply(before.enforcement),
        degrade_to_tier_id: command.degrade_to_tier_id.apply(before.degrade_to_tier_id),
        sort_order: command.sort_order.unwrap_or(before.sort_order),
        ..before
    }
}
