//! What was ever claimed of a licence, sealed.

use licentia_types::ids::LicenseId;
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "claim_set")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub license_id: LicenseId,
    pub license_version: i64,
    pub catalogue_revision: i64,
    pub sealed: Vec<u8>,
    pub created_at: Timestamp,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
