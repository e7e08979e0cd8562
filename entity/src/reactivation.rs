//! Machines that activated again by key alone, for the limit on it.

use licentia_types::ids::ActivationId;
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "reactivation")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub activation_id: ActivationId,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
