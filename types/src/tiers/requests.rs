//! What is asked of tiers.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{ActivationModel, FreeEnvironments};
use crate::change::{Change, given};
use crate::features::{FeatureSelector, FeatureValue};
use crate::ids::{ProductId, TierId};
use crate::limits::Limit;
use crate::prices::{BillingPeriod, MinorUnits};
use crate::text::{Currency, Key, Name, Note};
use crate::time::Seconds;
use crate::tokens::Enforcement;

/// A new tier. Times and limits that are absent come from the included tier, or from the defaults.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTierRequest {
    /// Its product.
    pub product_id: ProductId,
    /// Unique in the product, and never changed.
    pub key: Key,
    /// For people.
    pub name: Name,
    /// For people.
    #[serde(default)]
    pub description: Option<Note>,
    /// The tier whose features, limits and times it inherits.
    #[serde(default)]
    pub includes_tier_id: Option<TierId>,
    /// Minor units.
    #[serde(default)]
    pub monthly_price: Option<MinorUnits>,
    /// Minor units.
    #[serde(default)]
    pub annual_price: Option<MinorUnits>,
    /// Of both prices; must be there with a price.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// How it can be bought.
    #[serde(default)]
    pub billing_periods: BTreeSet<BillingPeriod>,
    /// Machines. Default 3.
    #[serde(default)]
    pub max_activations: Limit,
    /// Distinct user references. Default: no limit.
    #[serde(default)]
    pub max_users: Limit,
    /// Distinct tenant references. Default: no limit.
    #[serde(default)]
    pub max_tenants: Limit,
    /// Keys of the features that it adds; `*` for every entitlement of the product.
    #[serde(default)]
    pub features: BTreeSet<FeatureSelector>,
    /// Values of typed features; naming one here adds it.
    #[serde(default)]
    pub feature_values: BTreeMap<Key, FeatureValue>,
    /// How machines hold their seats. Default `node_locked`.
    #[serde(default)]
    pub activation_model: Option<ActivationModel>,
    /// Machines that take no seat, by environment: `{"dev": 2, "ci": 5}`; 0 takes an inherited one away.
    #[serde(default)]
    pub free_environments: FreeEnvironments,
    /// Life of a token. Default 48 h; at least twice the heartbeat interval. Floating machines have
    /// their lease instead.
    #[serde(default)]
    pub token_ttl: Option<Seconds>,
    /// Default 24 h; of a floating tier a third of its lease.
    #[serde(default)]
    pub heartbeat_interval: Option<Seconds>,
    /// From the last contact. Default 7 days.
    #[serde(default)]
    pub offline_grace: Option<Seconds>,
    /// After the licence's expiry. Default 0.
    #[serde(default)]
    pub expiry_grace: Option<Seconds>,
    /// After a revocation. Default 24 h.
    #[serde(default)]
    pub revocation_grace: Option<Seconds>,
    /// How long a floating machine keeps its seat without contact. Default 15 minutes; at least
    /// twice the heartbeat interval.
    #[serde(default)]
    pub lease: Option<Seconds>,
    /// What a program does when its token has ended. Default `block`.
    #[serde(default)]
    pub enforcement: Option<Enforcement>,
    /// The tier whose features it goes on with; goes together with `degrade`.
    #[serde(default)]
    pub degrade_to_tier_id: Option<TierId>,
    /// Its place in lists; last when absent.
    #[serde(default)]
    pub sort_order: Option<i32>,
}

/// An edit: absent members stay as they are. Product and key never change.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateTierRequest {
    /// For people.
    #[serde(default, deserialize_with = "given")]
    pub name: Option<Name>,
    /// For people; `null` removes it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Note>))]
    pub description: Change<Note>,
    /// `null`: it includes no tier any more.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<TierId>))]
    pub includes_tier_id: Change<TierId>,
    /// Minor units; `null` removes it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub monthly_price: Change<MinorUnits>,
    /// Minor units; `null` removes it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub annual_price: Change<MinorUnits>,
    /// Of both prices.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Currency>))]
    pub currency: Change<Currency>,
    /// How it can be bought.
    #[serde(default, deserialize_with = "given")]
    pub billing_periods: Option<BTreeSet<BillingPeriod>>,
    /// Machines; `null` for no limit.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Limit))]
    pub max_activations: Option<Limit>,
    /// Distinct user references; `null` for no limit.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Limit))]
    pub max_users: Option<Limit>,
    /// Distinct tenant references; `null` for no limit.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Limit))]
    pub max_tenants: Option<Limit>,
    /// All the features that it adds of its own.
    #[serde(default, deserialize_with = "given")]
    pub features: Option<BTreeSet<FeatureSelector>>,
    /// All the values that it sets of its own.
    #[serde(default, deserialize_with = "given")]
    pub feature_values: Option<BTreeMap<Key, FeatureValue>>,
    /// `null`: inherited.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Seconds>))]
    pub token_ttl: Change<Seconds>,
    /// `null`: inherited.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Seconds>))]
    pub heartbeat_interval: Change<Seconds>,
    /// `null`: inherited.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Seconds>))]
    pub offline_grace: Change<Seconds>,
    /// `null`: inherited.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Seconds>))]
    pub expiry_grace: Change<Seconds>,
    /// `null`: inherited.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Seconds>))]
    pub revocation_grace: Change<Seconds>,
    /// `null`: inherited.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Seconds>))]
    pub lease: Change<Seconds>,
    /// `null`: inherited. Machines follow at their next contact.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ActivationModel>))]
    pub activation_model: Change<ActivationModel>,
    /// All the places that it sets of its own.
    #[serde(default, deserialize_with = "given")]
    pub free_environments: Option<FreeEnvironments>,
    /// `null`: inherited.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Enforcement>))]
    pub enforcement: Change<Enforcement>,
    /// Goes together with `degrade`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<TierId>))]
    pub degrade_to_tier_id: Change<TierId>,
    /// Its place in lists.
    #[serde(default, deserialize_with = "given")]
    pub sort_order: Option<i32>,
}

/// The whole order of a product's tiers.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderTiersRequest {
    /// The product.
    pub product_id: ProductId,
    /// Every one of its tiers that is not archived, once, first to last.
    pub ids: Vec<TierId>,
}
