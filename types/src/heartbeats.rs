//! The heartbeat: rotates the nonce, records contact, returns a fresh token.

use serde::{Deserialize, Serialize};

use crate::activations::{Liveness, TokenType};
use crate::ids::ActivationId;
use crate::licenses::LicenseStatus;
use crate::not_supported::NotSupported;
use crate::secret::SecretText;
use crate::text::{Fingerprint, ProductVersion, RequestId};
use crate::time::Timestamp;

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
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub usage: NotSupported,
}

/// The answer to a heartbeat. Without `token` the program goes on no longer than its last one.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatResponse {
    /// What the licence is worth now.
    pub status: LicenseStatus,
    /// A fresh token, while the licence is worth one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// How it is packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<TokenType>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// To be sent with the next heartbeat.
    pub nonce: String,
    /// When to call again.
    pub refresh_after: Timestamp,
    /// Until when an unreachable server must not stop the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_until: Option<Timestamp>,
    /// Whether the machine was late and is well again.
    pub recovered: bool,
    /// What it was before this call.
    pub previous_status: Liveness,
    /// The server's clock.
    pub server_time: Timestamp,
}
