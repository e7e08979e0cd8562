//! What one of our tokens says, and what has become of it since it was signed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::drift::Drift;
use crate::ids::{ActivationId, LicenseId};
use crate::secret::SecretText;
use crate::signing_keys::SigningKeyState;
use crate::status_lists::StatusValue;
use crate::time::Timestamp;

/// Which token.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InspectRequest {
    /// The compact text of anything that this server signed.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: SecretText,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InspectedType {
    /// A licence token.
    LicenseToken,
    /// A licence token that only its owner can read.
    EncryptedLicenseToken,
    /// Leave to go on for a while after a revocation.
    Grace,
    /// A licence file.
    LicenseFile,
    /// The proof of an activation.
    ActivationProof,
    /// A Token Status List.
    StatusList,
    /// The revocation list.
    RevocationList,
    /// A checkpoint of the audit log.
    AuditCheckpoint,
}

/// A genuine token, explained.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InspectResponse {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: InspectedType,
    /// Its header.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub header: Map<String, Value>,
    /// Its claims as signed; absent when it is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub claims: Option<Map<String, Value>>,
    /// The key that signed it; absent when it is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<InspectedKey>,
    /// Its times; absent when it is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<InspectedTimes>,
    /// The machine that it was signed for; absent unless it is a licence token of a machine that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<InspectedMachine>,
}

/// A signing key, as far as one of its tokens is concerned.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InspectedKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// What it is at now: `pending`, `active`, `retiring` or `retired`.
    pub state: SigningKeyState,
}

/// Whether a token is good by the clock alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TimeStanding {
    /// Its time has not come.
    NotYetValid,
    /// It is.
    Good,
    /// It has ended, but a program whose server cannot be reached may go on.
    Stale,
    /// It has ended.
    Ended,
}

/// The times of a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InspectedTimes {
    /// Whether it is good by the clock alone.
    pub standing: TimeStanding,
    /// When it was issued, set back for clocks that are behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Seconds until then; below 0: since then.
    pub expires_in: i64,
    /// When the machine was to call again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_after: Option<Timestamp>,
    /// Until when a server that cannot be reached must not stop the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_until: Option<Timestamp>,
}

/// A licence token beside what is known of its machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InspectedMachine {
    /// The licence.
    pub license_id: LicenseId,
    /// The machine's activation.
    pub activation_id: ActivationId,
    /// Whether it is the last one that was signed for this machine.
    pub newest: bool,
    /// What a token that is signed now would say otherwise of the licence.
    pub drift: Vec<Drift>,
    /// What the status lists say of it now; absent for tokens without a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusValue>,
}
