//! Pricing tiers: what a product costs and grants, inherited through `includesTierId`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::change::{Change, given};
use crate::features::{FeatureKind, FeatureSelector, FeatureValue, FeatureValueType};
use crate::ids::{FeatureId, ProductId, TierId};
use crate::limits::Limit;
use crate::not_supported::{NotSupported, landed};
use crate::prices::{BillingPeriod, MinorUnits};
use crate::text::{Currency, Key, Name, Note};
use crate::time::{Seconds, Timestamp};
use crate::tokens::Enforcement;

/// How machines hold their seats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActivationModel {
    /// Until they are deactivated.
    #[default]
    NodeLocked,
}

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
    /// `node_locked` is the only model so far.
    #[serde(default, deserialize_with = "landed")]
    pub activation_model: ActivationModel,
    /// Life of a token. Default 48 h; at least twice the heartbeat interval.
    #[serde(default)]
    pub token_ttl: Option<Seconds>,
    /// Default 24 h.
    #[serde(default)]
    pub heartbeat_interval: Option<Seconds>,
    /// From the last contact. Default 7 days.
    #[serde(default)]
    pub offline_grace: Option<Seconds>,
    /// After the licence's expiry. Default 0.
    #[serde(default)]
    pub expiry_grace: Option<Seconds>,
    /// `block` is the only way so far.
    #[serde(default, deserialize_with = "landed")]
    pub enforcement: Enforcement,
    /// Its place in lists; last when absent.
    #[serde(default)]
    pub sort_order: Option<i32>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub free_environments: NotSupported,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub revocation_grace: NotSupported,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub lease: NotSupported,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub degrade_to_tier_id: NotSupported,
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
    /// Its place in lists.
    #[serde(default, deserialize_with = "given")]
    pub sort_order: Option<i32>,
    #[serde(default, deserialize_with = "landed")]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub activation_model: ActivationModel,
    #[serde(default, deserialize_with = "landed")]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub enforcement: Enforcement,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub free_environments: NotSupported,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub revocation_grace: NotSupported,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub lease: NotSupported,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub degrade_to_tier_id: NotSupported,
}

/// A tier as it is written down; what it inherits is at `/pricing-tiers/{id}/features`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TierResponse {
    /// `tier_…`
    pub id: TierId,
    /// Its product.
    pub product_id: ProductId,
    /// Unique in the product.
    pub key: Key,
    /// For people.
    pub name: Name,
    /// For people.
    pub description: Option<Note>,
    /// The tier that it includes.
    pub includes_tier_id: Option<TierId>,
    /// Minor units.
    pub monthly_price: Option<MinorUnits>,
    /// Minor units.
    pub annual_price: Option<MinorUnits>,
    /// Of both prices.
    pub currency: Option<Currency>,
    /// How it can be bought.
    pub billing_periods: BTreeSet<BillingPeriod>,
    /// Machines; absent when inherited, `null` for no limit.
    #[serde(default, skip_serializing_if = "Limit::is_inherited")]
    pub max_activations: Limit,
    /// Distinct user references; absent when inherited, `null` for no limit.
    #[serde(default, skip_serializing_if = "Limit::is_inherited")]
    pub max_users: Limit,
    /// Distinct tenant references; absent when inherited, `null` for no limit.
    #[serde(default, skip_serializing_if = "Limit::is_inherited")]
    pub max_tenants: Limit,
    /// Its own features; `*` for every entitlement of the product.
    pub features: BTreeSet<FeatureSelector>,
    /// Its own values.
    pub feature_values: BTreeMap<Key, FeatureValue>,
    /// How machines hold their seats.
    pub activation_model: ActivationModel,
    /// `null`: inherited.
    pub token_ttl: Option<Seconds>,
    /// `null`: inherited.
    pub heartbeat_interval: Option<Seconds>,
    /// `null`: inherited.
    pub offline_grace: Option<Seconds>,
    /// `null`: inherited.
    pub expiry_grace: Option<Seconds>,
    /// What a program does when its token has ended.
    pub enforcement: Enforcement,
    /// Its place in lists.
    pub sort_order: i32,
    /// Set when no licence may be issued at it any more.
    pub archived_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// For `If-Match`.
    pub version: i64,
}

/// What a tier grants with all that it includes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ResolvedTierResponse {
    /// The tier.
    pub tier_id: TierId,
    /// The tier keys from this one to the last that it includes.
    pub path: Vec<Key>,
    /// Every feature, in sort order.
    pub features: Vec<ResolvedFeature>,
    /// Machines; `null` for no limit.
    pub max_activations: Option<u32>,
    /// Distinct user references; `null` for no limit.
    pub max_users: Option<u32>,
    /// Distinct tenant references; `null` for no limit.
    pub max_tenants: Option<u32>,
    /// Seconds.
    pub token_ttl: Seconds,
    /// Seconds.
    pub heartbeat_interval: Seconds,
    /// Seconds.
    pub offline_grace: Seconds,
    /// Seconds.
    pub expiry_grace: Seconds,
}

/// A feature of a resolved tier, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ResolvedFeature {
    /// `feat_…`
    pub id: FeatureId,
    /// Its key.
    pub key: Key,
    /// For people.
    pub name: Name,
    /// What it is for.
    pub kind: FeatureKind,
    /// What it holds.
    pub value_type: FeatureValueType,
    /// Its value, where it is typed and one was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<FeatureValue>,
    /// Key of the nearest tier that grants it.
    pub from: Key,
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
