//! Licences.

use licentia_types::ids::{CustomerId, GroupId, LicenseId, ProductId, TierId};
use licentia_types::licenses::FeatureOverrides;
use licentia_types::limits::Limit;
use licentia_types::metadata::Metadata;
use licentia_types::text::{Note, Reference};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "license")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LicenseId,
    pub product_id: ProductId,
    pub tier_id: TierId,
    pub customer_id: Option<CustomerId>,
    pub key_digest: Vec<u8>,
    pub key_sealed: Vec<u8>,
    pub key_masked: String,
    pub status: Status,
    pub starts_at: Timestamp,
    pub awaits_start: bool,
    pub expires_at: Option<Timestamp>,
    pub term_days: Option<i32>,
    pub term_months: Option<i32>,
    pub updates_until: Option<Timestamp>,
    pub trial: bool,
    pub first_activated_at: Option<Timestamp>,
    pub max_activations: Limit,
    pub max_users: Limit,
    pub max_tenants: Limit,
    pub features: FeatureOverrides,
    pub seats_used: i32,
    pub source: Option<Reference>,
    pub source_order_id: Option<Reference>,
    pub notes: Option<Note>,
    pub metadata: Metadata,
    pub suspended_at: Option<Timestamp>,
    pub suspension_reason: Option<Note>,
    pub revoked_at: Option<Timestamp>,
    pub revoked_by: Option<String>,
    pub revocation_reason: Option<Note>,
    pub grace_until: Option<Timestamp>,
    pub superseded_by: Option<LicenseId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
    pub group_id: Option<GroupId>,
    pub group_since: Option<Timestamp>,
}

/// What is stored of a licence's state; its expiry follows from the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Status {
    #[sea_orm(string_value = "active")]
    Active,
    #[sea_orm(string_value = "suspended")]
    Suspended,
    #[sea_orm(string_value = "revoked")]
    Revoked,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
