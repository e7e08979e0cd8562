//! API keys: `lsk_…`, for programs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::change::{Change, given};
use crate::ids::{ApiKeyId, GroupId};
use crate::ip_ranges::IpRange;
use crate::permissions::Permission;
use crate::text::{Name, RoleName};
use crate::time::Timestamp;

/// For how long a former secret may go on, in seconds: 30 days.
pub const LONGEST_OVERLAP: u32 = 30 * 86_400;
/// Ranges of addresses that one key may have.
pub const MOST_RANGES: usize = 64;

/// A new API key. It has `permissions`, or those that `role` has now.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateApiKeyRequest {
    /// What it is for, for people.
    pub name: Name,
    /// What it may do; at least one.
    #[serde(default)]
    pub permissions: Option<BTreeSet<Permission>>,
    /// Instead of `permissions`: what this role may do.
    #[serde(default)]
    pub role: Option<RoleName>,
    /// First instant at which it is worth nothing; absent: never.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// From where it may be used, up to 64 ranges; none: from everywhere.
    #[serde(default)]
    pub ip_ranges: BTreeSet<IpRange>,
    /// Within which groups it acts, at least one; absent: within those of whoever makes it.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeSet<GroupId>, required = false))]
    pub groups: Option<BTreeSet<GroupId>>,
}

/// An edit: absent members stay as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateApiKeyRequest {
    /// What it is for, for people.
    #[serde(default, deserialize_with = "given")]
    pub name: Option<Name>,
    /// What it may do, as a whole; at least one.
    #[serde(default, deserialize_with = "given")]
    pub permissions: Option<BTreeSet<Permission>>,
    /// Instead of `permissions`: what this role may do.
    #[serde(default, deserialize_with = "given")]
    pub role: Option<RoleName>,
    /// First instant at which it is worth nothing; `null`: never.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Timestamp>))]
    pub expires_at: Change<Timestamp>,
    /// From where it may be used, as a whole; empty: from everywhere.
    #[serde(default, deserialize_with = "given")]
    pub ip_ranges: Option<BTreeSet<IpRange>>,
    /// Within which groups it acts, as a whole, at least one; `null`: it has none, and is bounded by none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeSet<GroupId>>))]
    pub groups: Change<BTreeSet<GroupId>>,
}

/// A new secret for an API key.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateApiKeyRequest {
    /// For how long the former secret is good as well, in seconds: 0 (the default) to 30 days.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(maximum = 2_592_000))]
    pub overlap_seconds: u32,
}

/// Where an API key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyOrigin {
    /// `licentia admin create-key`.
    Operator,
    /// The first start in development.
    FirstStart,
    /// The demo data.
    Demo,
    /// Made over the API.
    Api,
    /// `admin.api_key_file`.
    File,
}

/// What an API key is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyStatus {
    /// It opens what it may.
    Active,
    /// Its time is over.
    Expired,
    /// It was ended.
    Revoked,
}

/// An API key, without its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyResponse {
    /// `key_…`
    pub id: ApiKeyId,
    /// What it is for, for people.
    pub name: Name,
    /// What it is worth now.
    pub status: ApiKeyStatus,
    /// Where it comes from.
    pub origin: ApiKeyOrigin,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
    /// From where it may be used; none: from everywhere.
    pub ip_ranges: BTreeSet<IpRange>,
    /// Within which groups it acts; `null`: it has none, and is bounded by none.
    pub groups: Option<BTreeSet<GroupId>>,
    /// First instant at which it is worth nothing.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Until when the former secret is good as well, where that is to come.
    pub overlap_until: Option<Timestamp>,
    /// When it was last used; up to a minute late.
    pub last_used_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// For `If-Match`.
    pub version: i64,
}

/// An API key with its secret, which is shown this once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IssuedApiKeyResponse {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKeyResponse,
    /// `lsk_…`
    pub secret: String,
}

impl std::fmt::Debug for IssuedApiKeyResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedApiKeyResponse").field("key", &self.key).finish_non_exhaustive()
    }
}
