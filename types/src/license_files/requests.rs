//! Asking for a licence file, and giving one back.

use serde::Deserialize;

use crate::activations::{ConsumerKeyAlg, ConsumerKeyText};
use crate::secret::SecretText;
use crate::text::{Environment, Fingerprint, Hostname, ProductVersion, Reference};

/// Check a licence out to a machine that cannot call: described here, or by the request file that it
/// made.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckoutRequest {
    /// A request file (`-----BEGIN LICENSE REQUEST-----`), which says all of the machine itself. Excludes
    /// every member but `ttlDays`, `encrypt` and `renew`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub request: Option<SecretText>,
    /// Any stable string that names the machine.
    #[serde(default)]
    pub fingerprint: Option<Fingerprint>,
    /// 1 to 365 days, 30 when absent; never past the licence's end.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 365, default = 30))]
    pub ttl_days: Option<u32>,
    /// Whether the file is encrypted to the machine: to `consumerKey`, or else to the key that it
    /// activated with. Absent: when `consumerKey` is there.
    #[serde(default)]
    pub encrypt: Option<bool>,
    /// A new file also when the last one is still good.
    #[serde(default)]
    pub renew: bool,
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
    /// RSA public key (2048–4096 bits), PEM or JWK, to which the file is encrypted.
    #[serde(default)]
    pub consumer_key: Option<ConsumerKeyText>,
    /// How the file's key is encrypted (RFC 7518 §4.3).
    #[serde(default)]
    pub consumer_key_alg: Option<ConsumerKeyAlg>,
    /// The machine's own public key as JWK (EC P-256, Ed25519, RSA): a receipt that it signed gives the
    /// seat back before the file ends.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub public_key: Option<MachineKeyText>,
}

/// A machine's public key as sent: a JWK as object or text.
#[derive(Clone, Deserialize)]
#[serde(from = "serde_json::Value")]
pub struct MachineKeyText(String);

/// People paste private keys here by mistake.
impl std::fmt::Debug for MachineKeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MachineKeyText(…)")
    }
}

impl From<serde_json::Value> for MachineKeyText {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(text) => Self(text),
            other => Self(other.to_string()),
        }
    }
}

impl MachineKeyText {
    /// A JWK as JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Give a machine's licence files back: it signed that it runs on them no more.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReceiptRequest {
    /// A receipt file (`-----BEGIN DEACTIVATION RECEIPT-----`).
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt: SecretText,
}
