//! The last refusals of each licence.

use licentia_types::ids::LicenseId;
use licentia_types::text::{Fingerprint, Hostname, ProductVersion};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "refusal")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub license_id: LicenseId,
    pub at: Timestamp,
    pub operation: String,
    pub code: String,
    pub ip: Option<String>,
    pub hostname: Option<Hostname>,
    pub product_version: Option<ProductVersion>,
    pub fingerprint: Option<Fingerprint>,
    pub request_id: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
