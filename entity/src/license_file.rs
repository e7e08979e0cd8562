//! Licence files: what they say, sealed, and their bytes once they are signed.

use licentia_types::activations::ConsumerKeyAlg;
use licentia_types::ids::{ActivationId, LicenseFileId, LicenseId};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "license_file")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LicenseFileId,
    pub license_id: LicenseId,
    pub activation_id: Option<ActivationId>,
    pub ttl_days: i32,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub consumer_key: Option<String>,
    pub consumer_key_alg: Option<ConsumerKeyAlg>,
    #[sea_orm(column_type = "Text", nullable)]
    pub machine_key: Option<String>,
    pub machine_key_thumbprint: Option<String>,
    pub claims: Vec<u8>,
    pub content: Option<Vec<u8>>,
    pub kid: Option<String>,
    pub returned_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
