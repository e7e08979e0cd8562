//! Approved builds, and those whose approval was withdrawn.

use licentia_types::assemblies::{ApprovalSource, PublicKeyToken, Sha256};
use licentia_types::ids::{AssemblyApprovalId, LicenseId};
use licentia_types::text::{AssemblyName, AssemblyVersion, Note};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "assembly_approval")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AssemblyApprovalId,
    pub license_id: Option<LicenseId>,
    pub assembly_name: AssemblyName,
    pub version: AssemblyVersion,
    pub sha256: Sha256,
    pub public_key_token: Option<PublicKeyToken>,
    pub source: ApprovalSource,
    pub note: Option<Note>,
    pub approved_by: String,
    pub created_at: Timestamp,
    pub withdrawn_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
