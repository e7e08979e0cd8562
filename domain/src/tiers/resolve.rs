//! What a tier grants with all that it includes: a pure function of the product's catalogue.
//!
//! The path runs from the tier to the last one it includes. For every feature, value, limit, time
//! and environment, the nearest tier of the path that says anything wins; nothing that any tier of the path
//! grants is lost.

use std::collections::{BTreeMap, HashSet};

use licentia_entity::{feature, tier};
use licentia_types::features::{FeatureKind, FeatureSelector, FeatureValue};
use licentia_types::ids::TierId;
use licentia_types::limits::Limit;
use licentia_types::text::{Environment, Key};
use licentia_types::tiers::ActivationModel;
use licentia_types::time::Seconds;
use licentia_types::tokens::Enforcement;

use crate::context::Settings;

/// The tiers and features of one product, archived ones too.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Its tiers.
    pub tiers: Vec<tier::Model>,
    /// Its features, in sort order.
    pub features: Vec<feature::Model>,
}

/// Limits after inheritance; `None`: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Machines.
    pub max_activations: Option<u32>,
    /// Distinct user references.
    pub max_users: Option<u32>,
    /// Distinct tenant references.
    pub max_tenants: Option<u32>,
}

/// Times after inheritance, as they apply: what a floating machine has is its lease, so that neither
/// its token nor its grace lasts longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Life of a token.
    pub token_ttl: Seconds,
    /// Between two heartbeats.
    pub heartbeat_interval: Seconds,
    /// From the last contact.
    pub offline_grace: Seconds,
    /// After the licence's expiry.
    pub expiry_grace: Seconds,
    /// After a revocation.
    pub revocation_grace: Seconds,
    /// Of a floating seat, from the last contact.
    pub lease: Seconds,
}

impl Times {
    /// A machine that calls every interval must never find its token (nor its lease) ended.
    #[must_use]
    pub fn outlive_heartbeats(&self) -> bool {
        self.token_ttl.get() >= 2 * self.heartbeat_interval.get() && self.heartbeat_interval > Seconds::ZERO
    }
}

/// A feature that a tier grants.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// The nearest tier that grants it.
    pub from: Key,
    /// The nearest value, where it is typed and one was set.
    pub value: Option<FeatureValue>,
}

/// A tier with all that it includes.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedTier {
    /// Its own key.
    pub key: Key,
    /// Tier keys, nearest first.
    pub path: Vec<Key>,
    /// By feature key; display features too.
    pub grants: BTreeMap<Key, Grant>,
    /// Limits as the tiers say them; nothing is said where they are inherited to the end.
    pub limits: Limits,
    /// Times.
    pub times: Times,
    /// How machines hold their seats.
    pub activation_model: ActivationModel,
    /// Machines that take no seat, by environment; none has 0.
    pub free_environments: BTreeMap<Environment, u32>,
    /// What a program does when its token has ended.
    pub enforcement: Enforcement,
    /// The tier whose features it goes on with; there with `degrade`.
    pub degrade_to: Option<Key>,
}

/// The tier is not of this product, or the tiers include each other in a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A circle.
    #[error("the tiers would include each other in a circle")]
    Cycle,
    /// Not a tier of this product.
    #[error("the included tier is not a tier of this product")]
    Unknown,
}

impl Catalogue {
    /// The tiers from `start` to the last one it includes.
    ///
    /// # Errors
    /// When the tiers form a circle, or one is missing.
    pub fn path(&self, start: TierId) -> Result<Vec<&tier::Model>, ResolveError> {
        let mut path = Vec::new();
        let mut seen = HashSet::new();
        let mut next = Some(start);
        while let Some(id) = next {
            if !seen.insert(id) {
                return Err(ResolveError::Cycle);
            }
            let tier = self.tiers.iter().find(|tier| tier.id == id).ok_or(ResolveError::Unknown)?;
            next = tier.includes_tier_id;
            path.push(tier);
        }
        Ok(path)
    }

    /// Whether `tier` would degrade to itself, or to a tier that includes it: that would be an upgrade.
    ///
    /// # Errors
    /// When the tiers form a circle, or one is missing.
    pub fn degrades_upwards(&self, tier: &ResolvedTier) -> Result<bool, ResolveError> {
        let target = self.tiers.iter().find(|other| Some(&other.key) == tier.degrade_to.as_ref());
        let Some(target) = target else { return Ok(false) };
        Ok(self.path(target.id)?.iter().any(|included| included.key == tier.key))
    }

    fn key_of(&self, id: TierId) -> Result<Key, ResolveError> {
        let tier = self.tiers.iter().find(|tier| tier.id == id);
        tier.map(|tier| tier.key.clone()).ok_or(ResolveError::Unknown)
    }

    /// The features that are not archived.
    pub fn live_features(&self) -> impl Iterator<Item = &feature::Model> {
        self.features.iter().filter(|feature| feature.archived_at.is_none())
    }

    /// The entitlement of this key that is not archived.
    #[must_use]
    pub fn live_entitlement(&self, key: &Key) -> Option<&feature::Model> {
        self.live_features().find(|feature| feature.key == *key && feature.kind == FeatureKind::Entitlement)
    }

    /// What `start` grants with all that it includes.
    ///
    /// # Errors
    /// When the tiers form a circle, or one is missing.
    pub fn resolve(&self, start: TierId, settings: &Settings) -> Result<ResolvedTier, ResolveError> {
        let path = self.path(start)?;
        let key = path.first().map(|tier| tier.key.clone()).ok_or(ResolveError::Unknown)?;
        let enforcing = path.iter().find(|tier| tier.enforcement.is_some());
        let degrade_to = enforcing.and_then(|tier| tier.degrade_to_tier_id);
        let activation_model = path.iter().find_map(|tier| tier.activation_model).unwrap_or_default();
        let grants = self
            .live_features()
            .filter_map(|feature| grant(&path, feature).map(|grant| (feature.key.clone(), grant)))
            .collect();
        Ok(ResolvedTier {
            key,
            grants,
            limits: limits(&path, settings),
            times: times(&path, activation_model, settings),
            activation_model,
            free_environments: free_environments(&path),
            enforcement: enforcing.and_then(|tier| tier.enforcement).unwrap_or_default(),
            degrade_to: degrade_to.map(|id| self.key_of(id)).transpose()?,
            path: path.iter().map(|tier| tier.key.clone()).collect(),
        })
    }
}

fn grant(path: &[&tier::Model], feature: &feature::Model) -> Option<Grant> {
    let named = FeatureSelector::One(feature.key.clone());
    let granting = path.iter().find(|tier| {
        let selectors = &tier.features.0;
        selectors.contains(&named)
            || tier.feature_values.0.contains_key(&feature.key)
            || (feature.kind == FeatureKind::Entitlement && selectors.contains(&FeatureSelector::Every))
    })?;
    let value = path.iter().find_map(|tier| tier.feature_values.0.get(&feature.key)).cloned();
    Some(Grant { from: granting.key.clone(), value })
}

fn limits(path: &[&tier::Model], settings: &Settings) -> Limits {
    let nearest = |of: fn(&tier::Model) -> Limit| {
        path.iter().map(|tier| of(tier)).find(|limit| !limit.is_inherited()).unwrap_or_default()
    };
    Limits {
        max_activations: nearest(|tier| tier.max_activations)
            .or(Limit::AtMost(settings.max_activations))
            .number(),
        max_users: nearest(|tier| tier.max_users).number(),
        max_tenants: nearest(|tier| tier.max_tenants).number(),
    }
}

/// For each environment, the nearest tier that names it.
fn free_environments(path: &[&tier::Model]) -> BTreeMap<Environment, u32> {
    let farthest_first = path.iter().rev().map(|tier| BTreeMap::from(tier.free_environments.0.clone()));
    let mut places: BTreeMap<Environment, u32> = farthest_first.flatten().collect();
    places.retain(|_, machines| *machines > 0);
    places
}

fn times(path: &[&tier::Model], model: ActivationModel, settings: &Settings) -> Times {
    let own = |of: fn(&tier::Model) -> Option<Seconds>| path.iter().find_map(|tier| of(tier));
    let nearest = |of, default| own(of).unwrap_or(default);
    let lease = nearest(|tier| tier.lease, settings.times.lease);
    let (token_ttl, heartbeat_interval, offline_grace) = match model {
        ActivationModel::NodeLocked => (
            nearest(|tier| tier.token_ttl, settings.times.token_ttl),
            settings.times.heartbeat_interval,
            nearest(|tier| tier.offline_grace, settings.times.offline_grace),
        ),
        // Two calls may be missed, where no tier says how often a machine is to call.
        ActivationModel::Floating => (lease, lease.third(), lease),
    };
    Times {
        token_ttl,
        heartbeat_interval: nearest(|tier| tier.heartbeat_interval, heartbeat_interval),
        offline_grace,
        expiry_grace: nearest(|tier| tier.expiry_grace, settings.times.expiry_grace),
        revocation_grace: nearest(|tier| tier.revocation_grace, settings.times.revocation_grace),
        lease,
    }
}

#[cfg(test)]
mod tests;
