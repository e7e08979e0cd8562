//! Features of products.

use licentia_types::features::{FeatureKind, FeatureValueType};
use licentia_types::ids::{FeatureId, ProductId};
use licentia_types::text::{Key, Name, Note};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "feature")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FeatureId,
    pub product_id: ProductId,
    pub key: Key,
    pub name: Name,
    pub description: Option<Note>,
    pub kind: FeatureKind,
    pub value_type: FeatureValueType,
    pub sort_order: i32,
    pub archived_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
