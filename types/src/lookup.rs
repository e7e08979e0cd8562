//! The look-up: something that a customer pasted, and what it belongs to.

use serde::{Deserialize, Serialize};

use crate::ids::{ActivationId, CustomerId, LicenseId, ProductId};
use crate::secret::SecretText;
use crate::time::Timestamp;
use crate::validation::ValidateResponse;

/// Look something up. The text may be a secret, so it is in no URL and in no log.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookupRequest {
    /// A licence key (any spelling, masked, or one that was replaced), a token, an order, a mail
    /// address, a fingerprint, a host name, the id of a request or of anything else, or a `kid`.
    /// Up to 16 KB.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 16384))]
    pub text: SecretText,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LookupKind {
    /// A licence token, good or not any more.
    Token,
    /// A licence, judged without a machine.
    License,
    /// A machine on a licence, judged with it.
    Activation,
    /// Who owns licences.
    Customer,
    /// What is sold.
    Product,
    /// One of its tiers.
    Tier,
    /// One of its features.
    Feature,
    /// What signs tokens.
    SigningKey,
    /// An entry of the audit log.
    AuditEvent,
    /// A call that was refused.
    Refusal,
}

impl LookupKind {
    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::License => "license",
            Self::Activation => "activation",
            Self::Customer => "customer",
            Self::Product => "product",
            Self::Tier => "tier",
            Self::Feature => "feature",
            Self::SigningKey => "signing_key",
            Self::AuditEvent => "audit_event",
            Self::Refusal => "refusal",
        }
    }
}

/// How the text led there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LookupBy {
    /// It is the licence's key.
    LicenseKey,
    /// It was the licence's key, and was replaced; `validUntil` says how long it goes on.
    FormerLicenseKey,
    /// It is what is shown of the licence's key.
    MaskedKey,
    /// It is a token of this server, signed or (never opened) encrypted to a machine's key.
    Token,
    /// It is the order at the source.
    Order,
    /// It is the customer's address.
    Email,
    /// It is the customer's id in another system.
    ExternalId,
    /// It is the machine's fingerprint.
    Fingerprint,
    /// It is the machine's host name.
    Hostname,
    /// It is the `X-Request-Id` of a call.
    RequestId,
    /// It is the thing's own id.
    Id,
    /// Its customer was found.
    Customer,
}

/// What the text can be but is not, for a helpful answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LookupHint {
    /// A licence key with a typing error.
    LicenseKeyMalformed,
}

/// Something that the text belongs to. Holds states and dates; names of people and machines are
/// read by their ids, by those who may.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LookupMatch {
    /// What it is.
    pub kind: LookupKind,
    /// How the text led there.
    pub by: LookupBy,
    /// Its id.
    pub id: String,
    /// In a few words.
    pub description: String,
    /// The licence that it is, or belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_id: Option<LicenseId>,
    /// The machine that it is, or belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_id: Option<ActivationId>,
    /// The customer that it is, or belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The product that it is, or belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
    /// Of a former licence key or a token: until when it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// Of a licence or machine: the verdict at this instant, with every rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<ValidateResponse>,
}

/// Everything that the text belongs to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LookupResponse {
    /// At most 20 of each kind.
    pub matches: Vec<LookupMatch>,
    /// Whether there are more of some kind.
    pub truncated: bool,
    /// What the text can be but is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<LookupHint>,
}
