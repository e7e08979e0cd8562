//! How often something was used on a day.

use licentia_types::ids::LicenseId;
use licentia_types::usage::Day;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_day")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: Day,
    #[sea_orm(primary_key, auto_increment = false)]
    pub license_id: LicenseId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub product_version: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub action: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub outcome: String,
    pub count: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
