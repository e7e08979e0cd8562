//! When the owner of a licence was told last that somebody else tried to claim it.

use licentia_types::ids::LicenseId;
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "claim_notice")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub license_id: LicenseId,
    pub told_at: Timestamp,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
