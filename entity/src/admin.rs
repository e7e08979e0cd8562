//! People who administer the server.

use licentia_types::admins::AdminOrigin;
use licentia_types::ids::AdminId;
use licentia_types::text::{Email, Name, RoleName};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "admin")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AdminId,
    pub email: Email,
    pub email_folded: String,
    pub name: Name,
    pub role: RoleName,
    pub password_hash: Option<String>,
    pub credentials_version: i64,
    pub totp_sealed: Option<Vec<u8>>,
    pub totp_confirmed_at: Option<Timestamp>,
    pub totp_last_step: Option<i64>,
    pub last_login_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
    pub bounded: bool,
    pub totp_failures: i32,
    pub origin: AdminOrigin,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
