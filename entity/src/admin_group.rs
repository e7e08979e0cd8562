//! Groups within which an admin may act.

use licentia_types::ids::{AdminId, GroupId};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "admin_group")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub admin_id: AdminId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_id: GroupId,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
