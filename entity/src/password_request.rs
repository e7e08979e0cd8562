//! What somebody asked who says that he forgot his password, until it is looked up who he is.

use licentia_types::ids::PasswordRequestId;
use licentia_types::sessions::SignInAs;
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "password_request")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PasswordRequestId,
    pub email: Vec<u8>,
    pub ip: Option<String>,
    pub request_id: Option<String>,
    pub requested_at: Timestamp,
    pub asked_as: Option<SignInAs>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
