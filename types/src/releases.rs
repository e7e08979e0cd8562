//! Releases: versions of a product, and when they came out.

use serde::{Deserialize, Serialize};

use crate::not_supported::NotSupported;
use crate::text::ProductVersion;
use crate::time::Timestamp;

/// Declare when a version came out.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclareReleaseRequest {
    /// As programs tell it; compared exactly.
    pub version: ProductVersion,
    /// When it came out, or will; absent: now.
    #[serde(default)]
    pub released_at: Option<Timestamp>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub channel: NotSupported,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub notes: NotSupported,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub artifacts: NotSupported,
}

/// A version of a product.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReleaseResponse {
    /// As programs tell it.
    pub version: ProductVersion,
    /// When it came out, as declared; `null`: it was only seen.
    pub released_at: Option<Timestamp>,
    /// When a machine first activated with it; `null`: none has.
    pub first_seen_at: Option<Timestamp>,
}
