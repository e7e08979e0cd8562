//! Warnings and errors of the server itself.

use licentia_types::ids::SystemEventId;
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "system_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SystemEventId,
    pub at: Timestamp,
    pub level: String,
    pub source: String,
    pub message: String,
    pub detail: Json,
    pub request_id: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
