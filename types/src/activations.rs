//! Activations: machines that hold the seats of a licence.

use serde::{Deserialize, Serialize};

use crate::assemblies::AssemblyManifest;
use crate::ids::{ActivationId, LicenseId};
use crate::licenses::LicenseStatus;
use crate::not_supported::NotSupported;
use crate::seats::Seats;
use crate::secret::SecretText;
use crate::text::{Environment, Fingerprint, Hostname, Instance, Note, ProductVersion, Reference};
use crate::time::Timestamp;

pub use consumer_keys::{ConsumerKeyAlg, ConsumerKeyText};
pub use proofs::{ACTIVATION_PROOF_TYP, ActivationProofClaims, MOST_PROOF_BYTES, proof_audience};
pub use states::{ActivationKind, ActivationStatus, Liveness};

mod consumer_keys;
mod proofs;
mod states;

/// Bind a machine to a licence.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActivateRequest {
    /// What the customer typed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "DEMO-4K7Q2-9XWTB-0M3HN-V5ZRC-8GJ1S"))]
    pub license_key: SecretText,
    /// Any stable string that names the machine.
    pub fingerprint: Fingerprint,
    /// Tells replicas apart that share a fingerprint; floating licences only.
    #[serde(default)]
    pub instance: Option<Instance>,
    /// For people.
    #[serde(default)]
    pub hostname: Option<Hostname>,
    /// Such as `production`, `ci`.
    #[serde(default)]
    pub environment: Option<Environment>,
    /// Of the consuming program.
    #[serde(default)]
    pub product_version: Option<ProductVersion>,
    /// The user who sits there; counted against `maxUsers`.
    #[serde(default)]
    pub user_ref: Option<Reference>,
    /// The tenant it serves; counted against `maxTenants`.
    #[serde(default)]
    pub tenant_ref: Option<Reference>,
    /// RSA public key (2048–4096 bits), PEM or JWK: tokens come as JWE, for its owner only.
    #[serde(default)]
    pub consumer_key: Option<ConsumerKeyText>,
    /// How the token's key is encrypted (RFC 7518 §4.3).
    #[serde(default)]
    pub consumer_key_alg: Option<ConsumerKeyAlg>,
    /// Activating again: the machine's current nonce. Lets keys and references be replaced.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub nonce: Option<SecretText>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub public_key: NotSupported,
    /// Whether the answer holds a proof of the activation. With a manifest it always does.
    #[serde(default)]
    pub proof: bool,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub csr: NotSupported,
    /// The builds that the machine runs, which together take up to 28 KB in the proof: each has to be
    /// approved, for all or for this licence.
    #[serde(default)]
    pub assembly_manifest: Option<AssemblyManifest>,
}

/// How a token is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TokenType {
    /// A signed token (JWS).
    #[serde(rename = "JWT")]
    Jwt,
    /// The signed token, encrypted to the consumer's key.
    #[serde(rename = "JWE")]
    Jwe,
}

/// The answer to an activation.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ActivateResponse {
    /// The machine's activation.
    pub activation: ActivationResponse,
    /// The licence token.
    pub token: String,
    /// How it is packed.
    pub token_type: TokenType,
    /// When it ends.
    pub expires_at: Timestamp,
    /// To be sent with the next heartbeat.
    pub nonce: String,
    /// Whether and how often to call.
    pub heartbeat: HeartbeatTerms,
    /// When to call again.
    pub refresh_after: Timestamp,
    /// Until when an unreachable server must not stop the program.
    pub stale_until: Timestamp,
    /// Seats of the licence.
    pub seats: Seats,
    /// A signed document (JWS) of all that binds the machine, with the approved builds; there when it was
    /// asked for, or a manifest was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_proof: Option<String>,
}

/// Whether and how often a machine has to call.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatTerms {
    /// Whether it has to.
    pub required: bool,
    /// Seconds.
    pub interval_seconds: i64,
}

/// One machine on a licence.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ActivationResponse {
    /// `act_…`
    pub id: ActivationId,
    /// The licence.
    pub license_id: LicenseId,
    /// What became of it.
    pub status: ActivationStatus,
    /// As activated.
    pub fingerprint: Fingerprint,
    /// Which of the replicas that share it.
    pub instance: Option<Instance>,
    /// How it holds its right.
    pub kind: ActivationKind,
    /// For people.
    pub hostname: Option<Hostname>,
    /// Where it last called from.
    pub ip: Option<String>,
    /// As activated.
    pub environment: Option<Environment>,
    /// As last told.
    pub product_version: Option<ProductVersion>,
    /// The user who sits there.
    pub user_ref: Option<Reference>,
    /// The tenant it serves.
    pub tenant_ref: Option<Reference>,
    /// Whether its tokens are encrypted.
    pub token_type: TokenType,
    /// Whether it holds a seat; a deactivated or revoked one may until `seatFreesAt`.
    pub holds_seat: bool,
    /// When the seat, or the free place, of a deactivated or revoked machine becomes free.
    pub seat_frees_at: Option<Timestamp>,
    /// The environment whose free place it holds, instead of a seat; a deactivated or revoked one may
    /// until `seatFreesAt`.
    pub free_environment: Option<Environment>,
    /// Whether it lapses without heartbeats.
    pub floating: bool,
    /// Until when a floating or an offline machine keeps its seat without a heartbeat.
    pub lease_until: Option<Timestamp>,
    /// Until when a licence file of the machine is good: its seat is not given to another before, unless
    /// the machine gives the file back by a signed receipt.
    pub offline_until: Option<Timestamp>,
    /// Last contact.
    pub last_contact_at: Timestamp,
    /// Set when a copy of its nonce was seen.
    pub clone_suspected_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Why.
    pub revocation_reason: Option<Note>,
    /// Until when it may go on, though it was revoked.
    pub grace_until: Option<Timestamp>,
    /// When it first activated.
    pub created_at: Timestamp,
    /// When it was last changed, heartbeats apart.
    pub updated_at: Timestamp,
}

/// Give a seat back: a machine proves itself with key, fingerprint and its current or previous
/// nonce; an API key needs no body.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeactivateRequest {
    /// What the customer typed.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub license_key: Option<SecretText>,
    /// The machine.
    #[serde(default)]
    pub fingerprint: Option<Fingerprint>,
    /// Its current or previous nonce.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub nonce: Option<SecretText>,
}

/// Block a machine until it is unblocked.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeActivationRequest {
    /// For the vendor's people.
    #[serde(default)]
    pub reason: Option<Note>,
    /// 0 to 8,760 hours in which it may go on, told that it was revoked. Absent: as its tier says; 0:
    /// none. Revoking again can make a grace shorter, and never longer.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 8_760))]
    pub grace_hours: Option<u32>,
}

/// Ask for the standing of a machine, without rotating anything.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusRequest {
    /// What the customer typed.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub license_key: SecretText,
    /// The machine.
    pub fingerprint: Fingerprint,
    /// Which of the replicas that share it.
    #[serde(default)]
    pub instance: Option<Instance>,
}

/// The standing of a machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StatusResponse {
    /// What the licence is worth now.
    pub license_status: LicenseStatus,
    /// When it expires; `null`: never.
    pub expires_at: Option<Timestamp>,
    /// Absent when the machine was never activated.
    pub activation_id: Option<ActivationId>,
    /// Absent when the machine was never activated.
    pub activation_status: Option<ActivationStatus>,
    /// Absent when the machine is not active.
    pub liveness: Option<Liveness>,
    /// Seats of the licence.
    pub seats: Seats,
}
