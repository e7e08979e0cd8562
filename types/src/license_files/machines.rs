//! What a machine without a network signs: the claims have the `snake_case` of their standards.

use serde::Deserialize;

use crate::activations::{ConsumerKeyAlg, ConsumerKeyText};
use crate::ids::LicenseFileId;
use crate::secret::SecretText;
use crate::text::{Environment, Fingerprint, Hostname, ProductVersion, Reference};

/// The claims of a request for a licence file. Its header brings the machine's key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfflineRequestClaims {
    /// `urn:licentia:license-request:<slug>`
    pub aud: String,
    /// By the machine's own clock, which may be wrong; for people.
    #[serde(default)]
    pub iat: Option<i64>,
    /// Any stable string that names the machine.
    pub fingerprint: Fingerprint,
    /// The key of the licence that it is for, if the machine knows it.
    #[serde(default)]
    pub license_key: Option<SecretText>,
    /// For people.
    #[serde(default)]
    pub hostname: Option<Hostname>,
    /// Such as `production`, `ci`.
    #[serde(default)]
    pub environment: Option<Environment>,
    /// Of the consuming program.
    #[serde(default)]
    pub product_version: Option<ProductVersion>,
    /// The user who sits there.
    #[serde(default)]
    pub user_ref: Option<Reference>,
    /// The tenant it serves.
    #[serde(default)]
    pub tenant_ref: Option<Reference>,
    /// RSA public key, PEM or JWK, to which the file is to be encrypted.
    #[serde(default)]
    pub consumer_key: Option<ConsumerKeyText>,
    /// How the file's key is encrypted.
    #[serde(default)]
    pub consumer_key_alg: Option<ConsumerKeyAlg>,
}

/// The claims of a deactivation receipt: the machine runs on these files no more. Signed with the key
/// that they were asked for with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptClaims {
    /// `urn:licentia:deactivation-receipt:<slug>`
    pub aud: String,
    /// By the machine's own clock, which may be wrong; for people.
    #[serde(default)]
    pub iat: Option<i64>,
    /// The files (`jti`), all of one machine.
    pub files: Vec<LicenseFileId>,
}
