//! Pricing tiers.

use std::collections::{BTreeMap, BTreeSet};

use licentia_types::features::{FeatureSelector, FeatureValue};
use licentia_types::ids::{ProductId, TierId};
use licentia_types::limits::Limit;
use licentia_types::prices::{BillingPeriod, MinorUnits};
use licentia_types::text::{Currency, Key, Name, Note};
use licentia_types::tiers::ActivationModel;
use licentia_types::time::{Seconds, Timestamp};
use licentia_types::tokens::Enforcement;
use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tier")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TierId,
    pub product_id: ProductId,
    pub key: Key,
    pub name: Name,
    pub description: Option<Note>,
    pub includes_tier_id: Option<TierId>,
    pub monthly_price: Option<MinorUnits>,
    pub annual_price: Option<MinorUnits>,
    pub currency: Option<Currency>,
    pub billing_periods: BillingPeriods,
    pub max_activations: Limit,
    pub max_users: Limit,
    pub max_tenants: Limit,
    pub features: FeatureSelectors,
    pub feature_values: FeatureValues,
    pub activation_model: Option<ActivationModel>,
    pub free_environments: FreeEnvironments,
    pub token_ttl: Option<Seconds>,
    pub heartbeat_interval: Option<Seconds>,
    pub offline_grace: Option<Seconds>,
    pub expiry_grace: Option<Seconds>,
    pub revocation_grace: Option<Seconds>,
    pub lease: Option<Seconds>,
    pub enforcement: Option<Enforcement>,
    pub degrade_to_tier_id: Option<TierId>,
    pub sort_order: i32,
    pub archived_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

/// A JSON array of periods.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, FromJsonQueryResult)]
pub struct BillingPeriods(pub BTreeSet<BillingPeriod>);

/// A JSON array of feature keys, or `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, FromJsonQueryResult)]
pub struct FeatureSelectors(pub BTreeSet<FeatureSelector>);

/// A JSON object of feature values.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, FromJsonQueryResult)]
pub struct FeatureValues(pub BTreeMap<Key, FeatureValue>);

/// A JSON object of machines without a seat, by environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, FromJsonQueryResult)]
pub struct FreeEnvironments(pub licentia_types::tiers::FreeEnvironments);

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
