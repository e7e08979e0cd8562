//! What tells one build from another: the digest of its bytes, and the key that named it.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

/// Bytes of a SHA-256.
const DIGEST: usize = 32;
/// Bytes of a public key token.
const TOKEN: usize = 8;

/// The text is no SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a SHA-256, as 64 hexadecimal digits or as base64")]
pub struct Sha256Invalid;

/// A SHA-256 digest (FIPS 180-4): read from hexadecimal, base64 or base64url, told in lower-case
/// hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::DeriveValueType))]
#[serde(try_from = "String", into = "String")]
pub struct Sha256(Vec<u8>);

impl FromStr for Sha256 {
    type Err = Sha256Invalid;

    fn from_str(text: &str) -> Result<Self, Sha256Invalid> {
        let bytes = if text.len() == 2 * DIGEST { hex::decode(text).ok() } else { of_base64(text) };
        bytes.filter(|bytes| bytes.len() == DIGEST).map(Self).ok_or(Sha256Invalid)
    }
}

/// Of either alphabet, with or without the sign at its end.
fn of_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_suffix('=').unwrap_or(text);
    STANDARD_NO_PAD.decode(text.replace('-', "+").replace('_', "/")).ok()
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Sha256 {
    type Error = Sha256Invalid;

    fn try_from(text: String) -> Result<Self, Sha256Invalid> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Sha256 {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("64 hexadecimal digits; read as base64 as well."))
            .examples(["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Sha256 {}

/// The text is no public key token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a public key token: 16 hexadecimal digits")]
pub struct PublicKeyTokenInvalid;

/// The last eight bytes of the SHA-1 of a public key, by which .NET tells who gave an assembly its
/// strong name (ECMA-335 §II.6.3); kept in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::DeriveValueType))]
#[serde(try_from = "String", into = "String")]
pub struct PublicKeyToken(String);

impl PublicKeyToken {
    /// In lower-case hexadecimal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicKeyToken {
    type Err = PublicKeyTokenInvalid;

    fn from_str(text: &str) -> Result<Self, PublicKeyTokenInvalid> {
        let bytes = hex::decode(text).ok().filter(|bytes| bytes.len() == TOKEN);
        bytes.map(|bytes| Self(hex::encode(bytes))).ok_or(PublicKeyTokenInvalid)
    }
}

impl TryFrom<String> for PublicKeyToken {
    type Error = PublicKeyTokenInvalid;

    fn try_from(text: String) -> Result<Self, PublicKeyTokenInvalid> {
        text.parse()
    }
}

impl From<PublicKeyToken> for String {
    fn from(token: PublicKeyToken) -> Self {
        token.0
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for PublicKeyToken {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[0-9A-Fa-f]{16}$"))
            .examples(["b77a5c561934e089"])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for PublicKeyToken {}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4, of `abc`.
    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_digest_is_read_in_each_of_its_forms() {
        let upper = HEX.to_uppercase();
        let forms = [
            HEX,
            &upper,
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
            "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
        ];
        for form in forms {
            assert_eq!(form.parse::<Sha256>().map(|digest| digest.to_string()).as_deref(), Ok(HEX), "{form}");
        }
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let (short, long, odd) = (&HEX[2..], format!("{HEX}00"), HEX.replace('b', "g"));
        for text in ["", short, &long, &odd, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0==", &"A".repeat(64)]
        {
            let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert_eq!(text.parse::<Sha256>().is_ok(), is_hex, "{text}");
        }
    }

    #[test]
    fn a_public_key_token_has_one_form() {
        assert_eq!("B77A5C561934E089".parse::<PublicKeyToken>().unwrap().as_str(), "b77a5c561934e089");
        for text in ["", "b77a5c561934e0", "b77a5c561934e08900", "b77a5c561934e08g", "null"] {
            assert_eq!(text.parse::<PublicKeyToken>(), Err(PublicKeyTokenInvalid), "{text}");
        }
    }
}
