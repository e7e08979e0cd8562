//! What a licence grants: its tier with all that it includes, and its own overrides.

use std::collections::{BTreeMap, BTreeSet};

use licentia_entity::{license, product};
use licentia_types::features::{FeatureKind, FeatureValue};
use licentia_types::ids::LicenseId;
use licentia_types::licenses::FeatureOverrides;
use licentia_types::limits::Limit;
use licentia_types::text::{Environment, Key};
use licentia_types::tiers::ActivationModel;
use licentia_types::time::{Seconds, Timestamp};
use licentia_types::tokens::{ClaimSet, Enforcement};

use crate::tiers::{Catalogue, Limits, ResolvedTier, Times};

/// What a licence grants now: its tier with all that it includes, and its own overrides.
#[derive(Clone, Debug, PartialEq)]
pub struct Entitlements {
    /// Key of the tier.
    pub tier: Key,
    /// Tier keys, nearest first.
    pub path: Vec<Key>,
    /// Entitlement keys.
    pub features: BTreeSet<Key>,
    /// Values of the typed ones.
    pub values: BTreeMap<Key, FeatureValue>,
    /// Limits.
    pub limits: Limits,
    /// Times.
    pub times: Times,
    /// How machines hold their seats.
    pub activation_model: ActivationModel,
    /// Machines that take no seat, by environment.
    pub free_environments: BTreeMap<Environment, u32>,
    /// What a program does when its token has ended.
    pub enforcement: Enforcement,
    /// The tier whose features it goes on with; there with `degrade`.
    pub degrade_to: Option<Key>,
}

/// Overrides of a licence's limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitOverrides {
    /// Machines.
    pub max_activations: Limit,
    /// Distinct user references.
    pub max_users: Limit,
    /// Distinct tenant references.
    pub max_tenants: Limit,
}

impl From<&license::Model> for LimitOverrides {
    fn from(license: &license::Model) -> Self {
        Self {
            max_activations: license.max_activations,
            max_users: license.max_users,
            max_tenants: license.max_tenants,
        }
    }
}

impl Entitlements {
    /// Applies a licence's overrides to its tier. Display features never become entitlements.
    #[must_use]
    pub fn of(
        catalogue: &Catalogue,
        tier: &ResolvedTier,
        features: &FeatureOverrides,
        limits: LimitOverrides,
    ) -> Self {
        let granted = |key: &Key| match &features.set {
            Some(frozen) => frozen.contains(key),
            None => {
                (tier.grants.contains_key(key)
                    || features.add.contains(key)
                    || features.values.contains_key(key))
                    && !features.remove.contains(key)
            }
        };
        let entitled: BTreeSet<Key> = catalogue
            .live_features()
            .filter(|feature| feature.kind == FeatureKind::Entitlement && granted(&feature.key))
            .map(|feature| feature.key.clone())
            .collect();
        let values = entitled
            .iter()
            .filter_map(|key| {
                let of_tier = || tier.grants.get(key).and_then(|grant| grant.value.as_ref());
                let value = features.values.get(key).or_else(of_tier)?;
                Some((key.clone(), value.clone()))
            })
            .collect();
        let overridden = |own: Limit, inherited: Option<u32>| match own {
            Limit::Inherit => inherited,
            Limit::Unlimited => None,
            Limit::AtMost(number) => Some(number),
        };
        Self {
            tier: tier.key.clone(),
            path: tier.path.clone(),
            features: entitled,
            values,
            limits: Limits {
                max_activations: overridden(limits.max_activations, tier.limits.max_activations),
                max_users: overridden(limits.max_users, tier.limits.max_users),
                max_tenants: overridden(limits.max_tenants, tier.limits.max_tenants),
            },
            times: tier.times,
            activation_model: tier.activation_model,
            free_environments: tier.free_environments.clone(),
            enforcement: tier.enforcement,
            degrade_to: tier.degrade_to.clone(),
        }
    }

    /// What a token says of the licence.
    #[must_use]
    pub fn claim_set(&self, issuer: &str, license: &license::Model, product: &product::Model) -> ClaimSet {
        ClaimSet {
            iss: issuer.to_owned(),
            sub: license.customer_id.map_or_else(|| license.id.to_string(), |customer| customer.to_string()),
            aud: product.slug.as_str().to_owned(),
            license_id: license.id,
            license_exp: license.expires_at.map(Timestamp::seconds),
            updates_until: license.updates_until.map(Timestamp::seconds),
            tier: self.tier.clone(),
            tiers: self.path.clone(),
            features: self.features.clone(),
            feature_values: self.values.clone(),
            max_users: self.limits.max_users,
            max_tenants: self.limits.max_tenants,
            max_activations: self.limits.max_activations,
            heartbeat_required: self.times.heartbeat_interval > Seconds::ZERO,
            heartbeat_interval: self.times.heartbeat_interval.get(),
            enforcement: self.enforcement,
            degrade_to_tier: self.degrade_to.clone(),
            free_environments: self.free_environments.clone(),
        }
    }
}

impl Entitlements {
    /// What [`Entitlements::claim_set`] makes at the most: for a check before anything is written.
    #[must_use]
    pub fn largest_claim_set(&self, issuer: &str, product: &product::Model) -> ClaimSet {
        let widest = LicenseId::new(uuid::Uuid::max());
        ClaimSet {
            iss: issuer.to_owned(),
            sub: widest.to_string(),
            aud: product.slug.as_str().to_owned(),
            license_id: widest,
            license_exp: Some(i64::MAX),
            updates_until: Some(i64::MAX),
            tier: self.tier.clone(),
            tiers: self.path.clone(),
            features: self.features.clone(),
            feature_values: self.values.clone(),
            max_users: Some(u32::MAX),
            max_tenants: Some(u32::MAX),
            max_activations: Some(u32::MAX),
            heartbeat_required: false,
            heartbeat_interval: i64::MAX,
            enforcement: self.enforcement,
            degrade_to_tier: self.degrade_to.clone(),
            free_environments: self.free_environments.clone(),
        }
    }
}
