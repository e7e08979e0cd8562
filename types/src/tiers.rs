//! Pricing tiers: what a product costs and grants, inherited through `includesTierId`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::features::{FeatureKind, FeatureSelector, FeatureValue, FeatureValueType};
use crate::ids::{FeatureId, ProductId, TierId};
use crate::limits::Limit;
use crate::prices::{BillingPeriod, MinorUnits};
use crate::text::{Currency, Environment, Key, Name, Note};
use crate::time::{Seconds, Timestamp};
use crate::tokens::Enforcement;

pub use free_environments::{FreeEnvironments, FreeEnvironmentsInvalid};
pub use requests::{CreateTierRequest, OrderTiersRequest, UpdateTierRequest};

mod free_environments;
mod requests;

/// How machines hold their seats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActivationModel {
    /// Until they are deactivated.
    #[default]
    #[cfg_attr(feature = "orm", sea_orm(string_value = "node_locked"))]
    NodeLocked,
    /// Until their lease ends without a heartbeat.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "floating"))]
    Floating,
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
    /// How machines hold their seats; `null`: inherited.
    pub activation_model: Option<ActivationModel>,
    /// Its own places for machines without a seat, by environment; 0 takes an inherited one away.
    pub free_environments: FreeEnvironments,
    /// `null`: inherited.
    pub token_ttl: Option<Seconds>,
    /// `null`: inherited.
    pub heartbeat_interval: Option<Seconds>,
    /// `null`: inherited.
    pub offline_grace: Option<Seconds>,
    /// `null`: inherited.
    pub expiry_grace: Option<Seconds>,
    /// `null`: inherited.
    pub revocation_grace: Option<Seconds>,
    /// `null`: inherited.
    pub lease: Option<Seconds>,
    /// What a program does when its token has ended; `null`: inherited.
    pub enforcement: Option<Enforcement>,
    /// The tier whose features it goes on with; there with `degrade`, and only then.
    pub degrade_to_tier_id: Option<TierId>,
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
    /// How machines hold their seats.
    pub activation_model: ActivationModel,
    /// Machines without a seat, by environment.
    pub free_environments: BTreeMap<Environment, u32>,
    /// Seconds; for floating machines their lease.
    pub token_ttl: Seconds,
    /// Seconds.
    pub heartbeat_interval: Seconds,
    /// Seconds; for floating machines their lease.
    pub offline_grace: Seconds,
    /// Seconds.
    pub expiry_grace: Seconds,
    /// Seconds.
    pub revocation_grace: Seconds,
    /// Seconds; holds for floating machines.
    pub lease: Seconds,
    /// What a program does when its token has ended.
    pub enforcement: Enforcement,
    /// Key of the tier whose features it goes on with; there with `degrade`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degrade_to_tier: Option<Key>,
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
