//! The audit log.

use licentia_types::ids::{AuditEventId, GroupId, LicenseId};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEventId,
    pub at: Timestamp,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    pub action: String,
    pub subject: String,
    pub license_id: Option<LicenseId>,
    pub detail: Json,
    pub ip: Option<String>,
    pub request_id: Option<String>,
    pub group_id: Option<GroupId>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
