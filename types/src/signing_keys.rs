//! Signing keys, as operators see them: their states, and the times at which they change.

use serde::{Deserialize, Serialize};

use crate::text::Note;
use crate::time::Timestamp;

/// Bytes of a SHA-256 thumbprint as base64url.
const THUMBPRINT: usize = 43;

/// A key's RFC 7638 thumbprint, its name in every token (`kid`, RFC 7515 §4.1.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Kid(String);

impl Kid {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Kid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no thumbprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a key id: {THUMBPRINT} letters, digits, hyphens and underscores")]
pub struct KidInvalid;

impl TryFrom<String> for Kid {
    type Error = KidInvalid;

    fn try_from(text: String) -> Result<Self, KidInvalid> {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.len() == THUMBPRINT && text.bytes().all(is_base64url) {
            Ok(Self(text))
        } else {
            Err(KidInvalid)
        }
    }
}

impl std::str::FromStr for Kid {
    type Err = KidInvalid;

    fn from_str(text: &str) -> Result<Self, KidInvalid> {
        text.to_owned().try_into()
    }
}

impl From<Kid> for String {
    fn from(kid: Kid) -> Self {
        kid.0
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Kid {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .min_length(Some(THUMBPRINT))
            .max_length(Some(THUMBPRINT))
            .description(Some("RFC 7638 thumbprint of the key."))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Kid {}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:tt,)* }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        $(#[$about])*
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum $name {
            $($(#[$of])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// What a key signs.
    // Read as a text, so that `null` is a value that is not valid, and no broken JSON.
    #[serde(try_from = "String", into = "String")]
    KeyPurpose {
        /// Licence tokens.
        Token = "token",
        /// Everything that lives longer: licence files, proofs, lists, checkpoints.
        Document = "document",
        /// Sessions of people; never published.
        Session = "session",
    }
}

words! {
    /// What a key is good for now.
    SigningKeyState {
        /// Published, so that every verifier knows it before it signs.
        Pending = "pending",
        /// It signs.
        Active = "active",
        /// It signs no more, and what it signed is good.
        Retiring = "retiring",
        /// Nothing that it signed is good any more.
        Retired = "retired",
        /// It is not to be believed, whatever it signed.
        Revoked = "revoked",
    }
}

/// There is no such purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be token, document or session")]
pub struct KeyPurposeUnknown;

impl std::str::FromStr for KeyPurpose {
    type Err = KeyPurposeUnknown;

    fn from_str(text: &str) -> Result<Self, KeyPurposeUnknown> {
        Self::ALL.iter().copied().find(|purpose| purpose.as_str() == text).ok_or(KeyPurposeUnknown)
    }
}

impl TryFrom<String> for KeyPurpose {
    type Error = KeyPurposeUnknown;

    fn try_from(text: String) -> Result<Self, KeyPurposeUnknown> {
        text.parse()
    }
}

impl From<KeyPurpose> for String {
    fn from(purpose: KeyPurpose) -> Self {
        purpose.as_str().to_owned()
    }
}

/// Let the pending key of a purpose take over.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RotateSigningKeyRequest {
    /// Which keys; `token` when absent.
    pub purpose: KeyPurpose,
}

impl Default for RotateSigningKeyRequest {
    fn default() -> Self {
        Self { purpose: KeyPurpose::Token }
    }
}

/// Do not believe a key any more.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeSigningKeyRequest {
    /// Why, for the vendor's people.
    #[serde(default)]
    pub reason: Option<Note>,
}

/// A signing key, without its private part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SigningKeyResponse {
    /// Its name in tokens.
    pub kid: Kid,
    /// What it signs.
    pub purpose: KeyPurpose,
    /// What it is good for now.
    pub state: SigningKeyState,
    /// RSA modulus.
    pub bits: u32,
    /// Since when it stands in the key set.
    pub published_at: Timestamp,
    /// From when on it signs; may lie ahead. Absent: it waits for a rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_from: Option<Timestamp>,
    /// From when on the next key signs in its place; may lie ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retiring_from: Option<Timestamp>,
    /// Nothing that it signed is good for longer. Absent: it has signed nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signs_until: Option<Timestamp>,
    /// When it left the key set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
    /// Whether an operator brought it.
    pub imported: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kid_is_a_thumbprint() {
        let kid = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        assert_eq!(kid.parse::<Kid>().unwrap().as_str(), kid);
        for wrong in ["", &kid[1..], &format!("{kid}A"), &kid.replace('-', "/"), &kid.replace('X', "é")] {
            assert_eq!(wrong.parse::<Kid>(), Err(KidInvalid), "{wrong}");
        }
    }

    #[test]
    fn purposes_are_read_as_they_are_written() {
        for purpose in KeyPurpose::ALL {
            assert_eq!(purpose.to_string().parse(), Ok(*purpose));
        }
        assert_eq!("Token".parse::<KeyPurpose>(), Err(KeyPurposeUnknown));
    }
}
