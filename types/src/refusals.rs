//! Refusals: what was refused to the machines of a licence, for support.

use serde::{Deserialize, Serialize};

use crate::text::{Fingerprint, Hostname, ProductVersion};
use crate::time::Timestamp;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefusedOperation {
    /// A verdict, which was not good.
    Validate,
    /// A seat.
    Activate,
    /// The next token.
    Heartbeat,
}

impl RefusedOperation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Validate, Self::Activate, Self::Heartbeat];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Activate => "activate",
            Self::Heartbeat => "heartbeat",
        }
    }
}

/// The last refusals of a licence, latest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusalsResponse {
    /// At most 50.
    pub items: Vec<RefusalResponse>,
}

/// Something that was refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RefusalResponse {
    /// When.
    pub at: Timestamp,
    /// What was asked for.
    pub operation: RefusedOperation,
    /// Why it was refused: the code of the verdict or of the problem.
    pub code: String,
    /// Where the call came from.
    pub ip: Option<String>,
    /// As the machine told.
    pub hostname: Option<Hostname>,
    /// As the machine told.
    pub product_version: Option<ProductVersion>,
    /// As the machine told.
    pub fingerprint: Option<Fingerprint>,
    /// The call's `X-Request-Id`.
    pub request_id: Option<String>,
}
