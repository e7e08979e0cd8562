//! What became of each row of an import.

use licentia_types::ids::{CustomerId, ImportId, LicenseId};
use licentia_types::imports::ImportOutcome;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "import_row")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub import_id: ImportId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub outcome: ImportOutcome,
    pub license_id: Option<LicenseId>,
    pub customer_id: Option<CustomerId>,
    pub code: Option<String>,
    pub detail: Option<String>,
    pub errors: Json,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
