//! Seats and free places that were given back, for the release budgets.

use licentia_types::ids::LicenseId;
use licentia_types::text::Environment;
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "seat_release")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub license_id: LicenseId,
    pub free_environment: Option<Environment>,
    pub released_at: Timestamp,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
