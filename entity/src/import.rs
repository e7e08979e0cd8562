//! Imports: what is to be taken in, and how far that is.

use licentia_types::ids::{AdminId, ApiKeyId, GroupId, ImportId, SessionId};
use licentia_types::imports::ImportStatus;
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "import")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ImportId,
    pub status: ImportStatus,
    pub options: Json,
    pub api_key_id: Option<ApiKeyId>,
    pub admin_id: Option<AdminId>,
    pub session_id: Option<SessionId>,
    pub ip: Option<String>,
    pub request_id: Option<String>,
    pub rows: i64,
    pub rows_done: i64,
    pub rows_created: i64,
    pub rows_refused: i64,
    pub chunks: i64,
    pub chunks_done: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub dry_run: bool,
    pub group_id: Option<GroupId>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
