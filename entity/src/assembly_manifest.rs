//! Manifests that machines activated with: each once, named by its digest, a row for each build.

use licentia_types::assemblies::{PublicKeyToken, Sha256};
use licentia_types::text::{AssemblyName, AssemblyVersion};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "assembly_manifest")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub digest: Vec<u8>,
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i32,
    pub assembly_name: AssemblyName,
    pub version: AssemblyVersion,
    pub sha256: Sha256,
    pub public_key_token: Option<PublicKeyToken>,
    pub doubted_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
