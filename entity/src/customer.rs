//! Customers.

use licentia_types::ids::{CustomerId, GroupId};
use licentia_types::metadata::Metadata;
use licentia_types::text::{Email, Name, Note, Reference};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CustomerId,
    pub external_id: Option<Reference>,
    pub name: Option<Name>,
    pub organization: Option<Name>,
    pub email: Option<Email>,
    pub notes: Option<Note>,
    pub metadata: Metadata,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
    pub group_id: Option<GroupId>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
