//! Token Status Lists: whether a token that has not ended yet is still to be believed.

use serde::{Deserialize, Serialize};

/// `typ` of a signed list, and its media type behind `application/`.
pub const STATUS_LIST_TYP: &str = "statuslist+jwt";
/// `aud` of a signed list: it is not of one product.
pub const STATUS_LIST_AUDIENCE: &str = "urn:licentia:status-list";

/// The `status` claim of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Where it stands.
    pub status_list: StatusReference,
}

/// A place in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReference {
    /// Which entry of the list.
    pub idx: u32,
    /// Where the list is served; the `sub` of the list.
    pub uri: String,
}

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum StatusValue {
    /// 0: believe the token.
    Valid,
    /// 1: it was taken back, for good.
    Invalid,
    /// 2: it is on hold, and may become valid again.
    Suspended,
}

impl StatusValue {
    /// The two bits of the entry.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Suspended => 2,
        }
    }
}

/// The claims of a signed list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusListClaims {
    /// Issuer URL.
    pub iss: String,
    /// [`STATUS_LIST_AUDIENCE`].
    pub aud: String,
    /// The list's own address.
    pub sub: String,
    /// When it was signed.
    pub iat: i64,
    /// First second at which it is not to be believed.
    pub exp: i64,
    /// Seconds for which it may be kept without asking again.
    pub ttl: i64,
    /// The entries.
    pub status_list: StatusList,
}

/// The entries of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusList {
    /// Bits of an entry: 2. The first entry stands in the lowest bits of the first byte.
    pub bits: u8,
    /// base64url of the bytes, compressed (zlib, RFC 1950).
    pub lst: String,
}
