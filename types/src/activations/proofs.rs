//! What the proof of an activation says.

use serde::{Deserialize, Serialize};

use super::ActivationKind;
use crate::assemblies::ProvenAssembly;
use crate::ids::{ActivationId, LicenseId};
use crate::license_files::Licensee;
use crate::status_lists::Status;
use crate::text::{Environment, Hostname, Instance, ProductVersion, Reference};

/// `typ` of a proof (RFC 7515 §4.1.9).
pub const ACTIVATION_PROOF_TYP: &str = "activation-proof+jwt";
/// Most bytes of a proof: the assemblies of the largest manifest, every other claim at its longest, and
/// the signature of a 4096-bit key.
pub const MOST_PROOF_BYTES: usize = 48 * 1_024;

/// The audience of a proof.
#[must_use]
pub fn proof_audience(slug: &str) -> String {
    format!("urn:licentia:activation-proof:{slug}")
}

/// Every claim of a proof: all that binds a machine to a licence, and which builds of the program were
/// approved when it activated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationProofClaims {
    /// Issuer URL (RFC 7519 §4.1.1).
    pub iss: String,
    /// As in the licence token (RFC 7519 §4.1.2).
    pub sub: String,
    /// `urn:licentia:activation-proof:<slug>` (RFC 7519 §4.1.3).
    pub aud: String,
    /// When it was issued, set back for clocks that are behind (RFC 7519 §4.1.6).
    pub iat: i64,
    /// As `iat` (RFC 7519 §4.1.5).
    pub nbf: i64,
    /// First second at which it is not valid: as `stale_until` of the token beside it (RFC 7519 §4.1.4).
    pub exp: i64,
    /// Activation, epoch and generation, and that it is a proof (RFC 7519 §4.1.7).
    pub jti: String,
    /// The licence.
    pub license_id: LicenseId,
    /// Whom the licence belongs to, without an e-mail address: the licence key alone is enough for a proof.
    /// Absent while it is unclaimed, and where nothing else is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licensee: Option<Licensee>,
    /// The machine's activation.
    pub activation_id: ActivationId,
    /// When it first activated.
    pub activated_at: i64,
    /// How it holds its right.
    pub kind: ActivationKind,
    /// Epoch of its nonce chain: another one since means that it activated again.
    pub epoch: i64,
    /// base64url SHA-256 of the fingerprint, salted with the licence id.
    pub fingerprint: String,
    /// Which of the replicas that share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
    /// As last told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Hostname>,
    /// As activated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Whether the machine takes a free place of its environment instead of a seat; absent when not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub free_environment: bool,
    /// As last told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_version: Option<ProductVersion>,
    /// The user who sits there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_ref: Option<Reference>,
    /// The tenant it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Reference>,
    /// RFC 7638 thumbprint of the key that its tokens are encrypted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer_key: Option<String>,
    /// Its place in the status lists: whether the activation still stands.
    pub status: Status,
    /// The builds that the machine activated with, as they were approved, each once; absent when it told
    /// none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assemblies: Vec<ProvenAssembly>,
}
