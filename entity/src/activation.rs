//! Machines.

use licentia_types::activations::{ActivationKind, ActivationStatus, ConsumerKeyAlg};
use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::text::{Environment, Fingerprint, Hostname, Instance, Note, ProductVersion, Reference};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "activation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ActivationId,
    pub license_id: LicenseId,
    pub fingerprint: Fingerprint,
    pub instance: Option<Instance>,
    pub kind: ActivationKind,
    pub status: ActivationStatus,
    pub hostname: Option<Hostname>,
    pub ip: Option<String>,
    pub environment: Option<Environment>,
    pub product_version: Option<ProductVersion>,
    pub user_ref: Option<Reference>,
    pub tenant_ref: Option<Reference>,
    pub consumer_key: Option<String>,
    pub consumer_key_alg: Option<ConsumerKeyAlg>,
    pub holds_seat: bool,
    pub seat_frees_at: Option<Timestamp>,
    pub floating: bool,
    pub lease_until: Option<Timestamp>,
    pub offline_until: Option<Timestamp>,
    pub free_environment: Option<Environment>,
    pub epoch: i64,
    pub generation: i64,
    pub request_digest: Option<Vec<u8>>,
    pub rotated_at: Timestamp,
    pub late_generation: i64,
    pub late_retries: i32,
    pub last_contact_at: Timestamp,
    pub previous_contact_at: Timestamp,
    pub claim_set_id: i64,
    pub kid: String,
    pub token_iat: Timestamp,
    pub token_exp: Timestamp,
    pub status_serial: i64,
    pub former_status_serial: Option<i64>,
    pub clone_suspected_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub revoked_by: Option<String>,
    pub revocation_reason: Option<Note>,
    pub grace_until: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
