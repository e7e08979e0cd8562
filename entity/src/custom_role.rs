//! Roles that a vendor made beside the built-in ones.

use licentia_types::text::{Note, RoleName};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

use crate::api_key::Permissions;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "custom_role")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: RoleName,
    pub description: Option<Note>,
    pub permissions: Permissions,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
