//! What was claimed of a licence beside what would be claimed now, and tokens that are signed afresh.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::activations::TokenType;
use crate::ids::ActivationId;
use crate::licenses::LicenseStatus;
use crate::time::Timestamp;

/// A claim that would be another one now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Drift {
    /// Its name.
    pub claim: String,
    /// As it was signed; null when it was not.
    pub issued: Value,
    /// As it would be signed now; null when it would not.
    pub now: Value,
}

/// The live tokens of a licence, beside what would be issued now.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DriftResponse {
    /// What the licence is worth; only an active one, or one in its expiry grace, is worth a token.
    pub license_status: LicenseStatus,
    /// How many tokens of its active machines have not ended.
    pub live_tokens: u64,
    /// How many of them say something that would not be said now.
    pub drifted: u64,
    /// The machines of these tokens, those that drifted first; at most 1,000.
    pub machines: Vec<MachineDrift>,
}

/// The last token of a machine, beside what would be issued now.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineDrift {
    /// The machine's activation.
    pub activation_id: ActivationId,
    /// How it is packed.
    pub token_type: TokenType,
    /// Which key signed it.
    pub kid: String,
    /// When it was issued, set back for clocks that are behind.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What would be said otherwise now; empty when nothing would.
    pub drift: Vec<Drift>,
}

/// One fresh token for each active machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegenerateResponse {
    /// In the order of the machines' ids.
    pub tokens: Vec<RegeneratedToken>,
}

/// A fresh token, for somebody else to deliver.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegeneratedToken {
    /// The machine's activation.
    pub activation_id: ActivationId,
    /// The token.
    pub token: String,
    /// How it is packed.
    pub token_type: TokenType,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for RegeneratedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegeneratedToken").field("activation_id", &self.activation_id).finish_non_exhaustive()
    }
}
