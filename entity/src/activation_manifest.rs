//! Which manifest a machine activated with last; none for those that told none.

use licentia_types::ids::ActivationId;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "activation_manifest")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub activation_id: ActivationId,
    pub manifest: Vec<u8>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
