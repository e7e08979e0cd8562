//! What concerns others, for whoever tells them.

use licentia_types::ids::{CustomerId, LicenseId, ProductId};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub at: Timestamp,
    pub kind: String,
    pub subject: String,
    pub license_id: Option<LicenseId>,
    pub product_id: Option<ProductId>,
    pub customer_id: Option<CustomerId>,
    pub data: Json,
    pub letter_due: bool,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
