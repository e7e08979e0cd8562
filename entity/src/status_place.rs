//! Places in the status lists, handed out by a sequence and never reused.

use licentia_types::ids::ActivationId;
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "status_place")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub serial: i64,
    pub activation_id: ActivationId,
    pub invalid_from: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
