//! What a licence file says.

use serde::{Deserialize, Serialize};

use crate::discovery::JwkSet;
use crate::ids::{ActivationId, LicenseFileId};
use crate::status_lists::Status;
use crate::text::{Email, Environment, Name, ProductVersion};
use crate::tokens::ClaimSet;

/// Every claim of a licence file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LicenseFileClaims {
    /// What it says of the licence, as a token does, but for the audience, and that no heartbeat is
    /// required.
    #[serde(flatten)]
    pub set: ClaimSet,
    /// When it was issued, set back for clocks that are behind (RFC 7519 §4.1.6).
    pub iat: i64,
    /// As `iat` (RFC 7519 §4.1.5).
    pub nbf: i64,
    /// First second at which it is not valid, never past the licence's end (RFC 7519 §4.1.4).
    pub exp: i64,
    /// The file's id (RFC 7519 §4.1.7).
    pub jti: LicenseFileId,
    /// Whom the licence belongs to; absent while it is unclaimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licensee: Option<Licensee>,
    /// The machine's activation; absent, as all that follows but the keys, from a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_id: Option<ActivationId>,
    /// base64url SHA-256 of the fingerprint, salted with the licence id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// As activated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Whether the machine takes a free place of its environment instead of a seat; absent when not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub free_environment: bool,
    /// As last told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_version: Option<ProductVersion>,
    /// Its place in the status lists, for machines that can ask now and then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The machine's own key (RFC 7800 §3); absent when it brought none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// The server's published keys when it was signed, to be believed as far as the file is; absent
    /// from what is not signed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<JwkSet>,
}

/// Whom a licence belongs to, as it was known when the file was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licensee {
    /// A person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// A company's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Name>,
    /// Where to write to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
}

/// Whose private key proves that the file is its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// RFC 7638 thumbprint of the key (RFC 9449 §6.1).
    pub jkt: String,
}
