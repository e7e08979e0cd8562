//! The signed revocation list: everything that is not to be believed any more, in one document.

use serde::{Deserialize, Serialize};

/// `typ` of the signed list, and its media type behind `application/`.
pub const REVOCATION_LIST_TYP: &str = "revocation-list+jwt";
/// `aud` of the signed list: it is not of one product.
pub const REVOCATION_LIST_AUDIENCE: &str = "urn:licentia:revocation-list";

/// The claims of the signed list. It holds opaque ids: no reasons, no people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationListClaims {
    /// Issuer URL.
    pub iss: String,
    /// [`REVOCATION_LIST_AUDIENCE`].
    pub aud: String,
    /// When it was signed.
    pub iat: i64,
    /// First second at which it is not to be believed.
    pub exp: i64,
    /// Rises with every change. Whoever holds a list takes none with a lower one.
    pub generation: i64,
    /// Licences and activations that were taken back, by id.
    pub revoked: Vec<Revoked>,
    /// Licences that are on hold, by id.
    pub suspended: Vec<String>,
    /// Signing keys that are not to be believed any more, whatever they signed.
    pub revoked_kids: Vec<String>,
}

/// A licence or an activation that was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// `lic_…` or `act_…`.
    pub id: String,
    /// From when on (`NumericDate`): the end of the grace where there is one.
    pub from: i64,
}
