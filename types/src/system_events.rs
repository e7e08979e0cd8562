//! Warnings and errors of the server itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::SystemEventId;
use crate::time::Timestamp;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SystemEventLevel {
    /// Worth a look.
    Warning,
    /// Something did not work.
    Error,
}

impl SystemEventLevel {
    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A warning or an error of the server itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SystemEventResponse {
    /// `sys_…`
    pub id: SystemEventId,
    /// When.
    pub at: Timestamp,
    /// How bad it is.
    pub level: SystemEventLevel,
    /// The part of the server: `request`, `job`, `audit`, `usage`.
    pub source: String,
    /// What happened, without anything secret.
    pub message: String,
    /// What else is known of it.
    pub detail: Value,
    /// The request in which it happened; the log has more under this id.
    pub request_id: Option<String>,
}
