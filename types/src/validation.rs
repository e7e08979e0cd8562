//! Validation: may this licence, on this machine, do this now?

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::{ActivationId, LicenseId};
use crate::secret::SecretText;
use crate::text::{Fingerprint, Key, ProductVersion};
use crate::time::Timestamp;

pub use rules::{Rule, RuleVerdict};

mod rules;

/// Ask by token, or by licence key (and machine).
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidateRequest {
    /// A licence token (JWS). Excludes `licenseKey`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub token: Option<SecretText>,
    /// What the customer typed.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub license_key: Option<SecretText>,
    /// The machine; without it the licence alone is judged.
    #[serde(default)]
    pub fingerprint: Option<Fingerprint>,
    /// Key of a feature that is about to be used.
    #[serde(default)]
    pub action_type: Option<Key>,
    /// Version of the program that is about to run; absent: the one that the machine last told.
    #[serde(default)]
    pub product_version: Option<ProductVersion>,
    /// Whether the answer tells every rule, with what it was judged by.
    #[serde(default)]
    pub explain: bool,
}

/// The verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ValidationCode {
    /// Good.
    Valid,
    /// Good, by a grace only: the licence has just expired, or the machine has not called in time.
    Grace,
    /// Accompanies `GRACE` and `GRACE_EXPIRED`: the heartbeat interval has passed without contact.
    HeartbeatOverdue,
    /// No such licence, or none that is known under this key.
    NotFound,
    /// The token is not one of ours, or not good any more; a reason in lower case says more.
    TokenInvalid,
    /// The licence or the machine was taken back, whatever grace still runs.
    Revoked,
    /// On hold.
    Suspended,
    /// Past its expiry and grace.
    Expired,
    /// The machine is not active, or none of this licence is.
    NotActivated,
    /// The licence is active on other machines, not on this one.
    FingerprintMismatch,
    /// Accompanies the two above: no seat is free for this machine.
    SeatLimitReached,
    /// No contact for longer than the offline grace.
    GraceExpired,
    /// The machine activated with a build that is not approved any more.
    AssemblyNotApproved,
    /// The version came out after the licence's right to updates had ended.
    VersionNotCovered,
    /// The action's feature is not granted.
    FeatureNotIncluded,
}

impl ValidationCode {
    /// The code as it stands in the answer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Grace => "GRACE",
            Self::HeartbeatOverdue => "HEARTBEAT_OVERDUE",
            Self::NotFound => "NOT_FOUND",
            Self::TokenInvalid => "TOKEN_INVALID",
            Self::Revoked => "REVOKED",
            Self::Suspended => "SUSPENDED",
            Self::Expired => "EXPIRED",
            Self::NotActivated => "NOT_ACTIVATED",
            Self::FingerprintMismatch => "FINGERPRINT_MISMATCH",
            Self::SeatLimitReached => "SEAT_LIMIT_REACHED",
            Self::GraceExpired => "GRACE_EXPIRED",
            Self::AssemblyNotApproved => "ASSEMBLY_NOT_APPROVED",
            Self::VersionNotCovered => "VERSION_NOT_COVERED",
            Self::FeatureNotIncluded => "FEATURE_NOT_INCLUDED",
        }
    }

    /// Whether the program may not go on. What is not grave is a warning.
    #[must_use]
    pub const fn is_grave(self) -> bool {
        !matches!(self, Self::Valid | Self::Grace | Self::HeartbeatOverdue)
    }
}

/// The verdict.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ValidateResponse {
    /// Whether the program may go on.
    pub valid: bool,
    /// The verdict in one word: the gravest reason.
    pub code: ValidationCode,
    /// Every reason, gravest first; empty when all is well. Codes, and with `TOKEN_INVALID` a word
    /// in lower case (`encrypted`, `signature`, `expired`, …).
    pub reasons: Vec<String>,
    /// Key of the tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Key>,
    /// Entitlements of the licence.
    #[serde(default)]
    pub features: BTreeSet<Key>,
    /// When the licence expires; by token in whole seconds, as it says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_id: Option<LicenseId>,
    /// The machine's activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_id: Option<ActivationId>,
    /// With `explain`: every rule in the order judged, gravest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<RuleVerdict>>,
}
