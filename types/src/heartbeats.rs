//! The heartbeat: rotates the nonce, records contact, returns a fresh token.

use serde::{Deserialize, Serialize};

use crate::activations::{Liveness, TokenType};
use crate::ids::ActivationId;
use crate::secret::SecretText;
use crate::text::{Fingerprint, ProductVersion, RequestId};
use crate::time::Timestamp;
use crate::usage::UsageCounts;

/// A machine calls.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeartbeatRequest {
    /// The machine's activation.
    pub activation_id: ActivationId,
    /// As activated.
    pub fingerprint: Fingerprint,
    /// From the last answer.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub nonce: SecretText,
    /// 128 random bits, stored before they are sent and sent again when no answer came.
    #[serde(default)]
    pub request_id: Option<RequestId>,
    /// Of the consuming program, when it changed.
    #[serde(default)]
    pub product_version: Option<ProductVersion>,
    /// What was used since the last heartbeat: up to 100 features, with counts of 0 to 1,000,000,000. Counted once,
    /// however often the same request comes.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<std::collections::BTreeMap<String, u32>>))]
    pub usage: UsageCounts,
}

/// What a machine's licence, or its own seat, is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HeartbeatStatus {
    /// Good.
    Active,
    /// Past the licence's expiry; with a token within its grace.
    Expired,
    /// The licence is on hold.
    Suspended,
    /// The licence, or this machine, was revoked.
    Revoked,
    /// The machine's lease ended, and no seat is free.
    Lapsed,
}

/// The answer to a heartbeat. Without `token` the program goes on no longer than its last one.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatResponse {
    /// What the licence is worth now to this machine.
    pub status: HeartbeatStatus,
    /// A fresh token, while the licence is worth one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// How `token`, or `graceToken`, is packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<TokenType>,
    /// When the token ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// To be sent with the next heartbeat.
    pub nonce: String,
    /// When to call again.
    pub refresh_after: Timestamp,
    /// Until when an unreachable server must not stop the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_until: Option<Timestamp>,
    /// Revoked, in a grace: a `grace+jwt` that says what the program may go on with. No licence token. A
    /// machine with a consumer key gets it encrypted, as its tokens were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_token: Option<String>,
    /// Revoked, in a grace: when it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_until: Option<Timestamp>,
    /// Whether the machine was late and is well again.
    pub recovered: bool,
    /// What it was before this call.
    pub previous_status: Liveness,
    /// The server's clock.
    pub server_time: Timestamp,
}
