//! Machines that wait until somebody lets them in.

use licentia_types::activation_claims::ActivationClaimKind;
use licentia_types::ids::{ActivationClaimId, ActivationId, LicenseId};
use licentia_types::text::{Environment, Fingerprint, Hostname, Instance, ProductVersion, Reference};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "activation_claim")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ActivationClaimId,
    pub license_id: LicenseId,
    pub kind: ActivationClaimKind,
    pub decision: Decision,
    pub activation_id: Option<ActivationId>,
    pub fingerprint: Fingerprint,
    pub instance: Option<Instance>,
    pub hostname: Option<Hostname>,
    pub ip: Option<String>,
    pub environment: Option<Environment>,
    pub product_version: Option<ProductVersion>,
    pub user_ref: Option<Reference>,
    pub tenant_ref: Option<Reference>,
    pub request: Vec<u8>,
    pub secret_digests: Vec<u8>,
    pub requested_at: Timestamp,
    pub expires_at: Timestamp,
    pub decided_at: Option<Timestamp>,
    pub activated_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Decision {
    #[sea_orm(string_value = "pending")]
    Pending,
    #[sea_orm(string_value = "approved")]
    Approved,
    #[sea_orm(string_value = "rejected")]
    Rejected,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
