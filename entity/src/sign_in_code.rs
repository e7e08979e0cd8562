//! Codes that were asked for, by the digest of the address: of one that nobody has as of any other.

use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_code")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub address_digest: Vec<u8>,
    pub code_digest: Vec<u8>,
    pub made_at: Timestamp,
    pub expires_at: Timestamp,
    pub failures: i32,
    pub failures_in_row: i32,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
