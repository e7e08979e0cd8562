//! Products.

use licentia_types::ids::ProductId;
use licentia_types::products::FirstActivation;
use licentia_types::text::{KeyPrefixText, Name, Note, Slug};
use licentia_types::time::Timestamp;
use licentia_types::tokens::TokenTyp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "product")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProductId,
    pub slug: Slug,
    pub name: Name,
    pub description: Option<Note>,
    pub key_prefix: KeyPrefixText,
    pub token_typ: TokenTyp,
    pub one_active_key: bool,
    pub first_activation: FirstActivation,
    pub catalogue_revision: i64,
    pub archived_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
