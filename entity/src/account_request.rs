//! What customers asked for that is answered by a letter, until the letter is written.

use licentia_types::ids::AccountRequestId;
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "account_request")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccountRequestId,
    pub asked: Vec<u8>,
    pub ip: Option<String>,
    pub request_id: Option<String>,
    pub requested_at: Timestamp,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
