//! The licence token: its header type and its claims (DESIGN: the contract with every consumer).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::features::FeatureValue;
use crate::ids::{ActivationId, LicenseId};
use crate::status_lists::Status;
use crate::text::{Environment, Key, ProductVersion};

/// Most bytes of a compact JWS that common verifiers and proxies take.
pub const MOST_TOKEN_BYTES: usize = 6 * 1024;

/// `typ` of a licence token (RFC 7515 §4.1.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TokenTyp {
    /// What every stock verifier takes.
    #[default]
    #[serde(rename = "JWT")]
    #[cfg_attr(feature = "orm", sea_orm(string_value = "JWT"))]
    Jwt,
    /// Says more; some Java middleware refuses it.
    #[serde(rename = "license+jwt")]
    #[cfg_attr(feature = "orm", sea_orm(string_value = "license+jwt"))]
    LicenseJwt,
}

impl TokenTyp {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Jwt, Self::LicenseJwt];

    /// The header member's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "JWT",
            Self::LicenseJwt => "license+jwt",
        }
    }
}

/// What a program does when its token has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// It stops.
    #[default]
    #[cfg_attr(feature = "orm", sea_orm(string_value = "block"))]
    Block,
    /// It goes on with the features of a lower tier.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "degrade"))]
    Degrade,
    /// It goes on, and says so.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "advise"))]
    Advise,
}

/// What a token says of the licence, the same for all of its machines. Kept, sealed, once for each
/// combination of licence version and catalogue revision that was ever minted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimSet {
    /// Issuer URL (RFC 7519 §4.1.1).
    pub iss: String,
    /// Customer id, or the licence id while unclaimed (RFC 7519 §4.1.2).
    pub sub: String,
    /// The product's slug (RFC 7519 §4.1.3).
    pub aud: String,
    /// The licence.
    pub license_id: LicenseId,
    /// The licence's own expiry (`NumericDate`); absent when perpetual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_exp: Option<i64>,
    /// Versions released before it are covered (`NumericDate`); absent when all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates_until: Option<i64>,
    /// Key of the tier.
    pub tier: Key,
    /// The inheritance path, nearest first.
    pub tiers: Vec<Key>,
    /// Entitlement keys after inheritance and overrides, sorted.
    pub features: BTreeSet<Key>,
    /// Values of the typed ones; absent when there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub feature_values: BTreeMap<Key, FeatureValue>,
    /// Absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_users: Option<u32>,
    /// Absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tenants: Option<u32>,
    /// Absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_activations: Option<u32>,
    /// Whether the machine has to call.
    pub heartbeat_required: bool,
    /// Seconds between two calls.
    pub heartbeat_interval: i64,
    /// What to do when the token has ended.
    pub enforcement: Enforcement,
    /// Key of the tier whose features to go on with; there with `degrade`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degrade_to_tier: Option<Key>,
    /// Machines that take no seat, by environment; absent when there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub free_environments: BTreeMap<Environment, u32>,
}

/// Every claim of a grace token: what a machine whose licence, or which itself, was revoked may go on
/// with, and until when. Its audience is `urn:licentia:grace:<slug>`, so that nobody takes it for a
/// licence token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GraceClaims {
    /// Issuer URL (RFC 7519 §4.1.1).
    pub iss: String,
    /// As in the licence token (RFC 7519 §4.1.2).
    pub sub: String,
    /// `urn:licentia:grace:<slug>` (RFC 7519 §4.1.3).
    pub aud: String,
    /// When it was issued, set back for clocks that are behind (RFC 7519 §4.1.6).
    pub iat: i64,
    /// As `iat` (RFC 7519 §4.1.5).
    pub nbf: i64,
    /// First second at which the grace is over (RFC 7519 §4.1.4).
    pub exp: i64,
    /// Activation, epoch and generation, and that it is a grace (RFC 7519 §4.1.7).
    pub jti: String,
    /// The licence.
    pub license_id: LicenseId,
    /// The machine's activation.
    pub activation_id: ActivationId,
    /// base64url SHA-256 of the fingerprint, salted with the licence id.
    pub fingerprint: String,
    /// Key of the tier.
    pub tier: Key,
    /// Entitlement keys after inheritance and overrides, sorted.
    pub features: BTreeSet<Key>,
    /// Values of the typed ones; absent when there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub feature_values: BTreeMap<Key, FeatureValue>,
}

/// Every claim of a licence token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LicenseClaims {
    /// What it says of the licence.
    #[serde(flatten)]
    pub set: Arc<ClaimSet>,
    /// When it was issued, set back for clocks that are behind (RFC 7519 §4.1.6).
    pub iat: i64,
    /// As `iat` (RFC 7519 §4.1.5).
    pub nbf: i64,
    /// First second at which it is not valid (RFC 7519 §4.1.4).
    pub exp: i64,
    /// Activation, epoch and generation, and for a token that was signed afresh its place (RFC 7519 §4.1.7).
    pub jti: String,
    /// The machine's activation.
    pub activation_id: ActivationId,
    /// When to call again.
    pub refresh_after: i64,
    /// Until when an unreachable server must not stop the program.
    pub stale_until: i64,
    /// As activated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Whether the machine takes a free place of its environment instead of a seat; absent when not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub free_environment: bool,
    /// As activated, or as last told by a heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_version: Option<ProductVersion>,
    /// base64url SHA-256 of the fingerprint, salted with the licence id.
    pub fingerprint: String,
    /// Its place in the status lists; absent in tokens of before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}
