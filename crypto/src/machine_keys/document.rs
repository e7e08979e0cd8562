//! A compact JWS (RFC 7515 §7.1) that a machine signed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::{MachineKey, MachineKeyError};

/// The longest document that is looked at, in bytes.
const MAX_INPUT: usize = 16 * 1024;

/// Why a machine's document was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineDocumentError {
    /// No compact JWS with a header as it must be.
    #[error("the document is no compact JWS of its type with the members alg, typ, and jwk or kid")]
    Malformed,
    /// The key that it brings along cannot be used.
    #[error(transparent)]
    Key(#[from] MachineKeyError),
    /// Another key signed it, or somebody changed it.
    #[error("the document's signature is not valid")]
    Signature,
}

/// A document that a machine signed, its signature not looked at yet.
#[derive(Debug)]
pub struct MachineDocument<'a> {
    message: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    alg: String,
    key: Option<MachineKey>,
    kid: Option<String>,
}

/// A member more is refused: none of ours means anything else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    jwk: Option<Value>,
    kid: Option<String>,
}

impl<'a> MachineDocument<'a> {
    /// Reads a document of this type (`typ`, RFC 7515 §4.1.9).
    ///
    /// # Errors
    /// When it is none, or brings a key along that cannot be used.
    pub fn parse(compact: &'a str, typ: &str) -> Result<Self, MachineDocumentError> {
        use MachineDocumentError::Malformed;
        if compact.len() > MAX_INPUT {
            return Err(Malformed);
        }
        let (message, signature) = compact.rsplit_once('.').ok_or(Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(Malformed)?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Malformed);
        let (header, payload, signature) = (decoded(header)?, decoded(payload)?, decoded(signature)?);
        // An array would do for serde, member by member.
        if !header.starts_with(b"{") {
            return Err(Malformed);
        }
        let header: Header = serde_json::from_slice(&header).map_err(|_| Malformed)?;
        if header.typ != typ {
            return Err(Malformed);
        }
        let key = header.jwk.map(|jwk| MachineKey::parse(&jwk.to_string())).transpose()?;
        Ok(Self { message, payload, signature, alg: header.alg, key, kid: header.kid })
    }

    /// The key that it brings along (`jwk`, RFC 7515 §4.1.3): whoever signed holds its private part, no more.
    #[must_use]
    pub const fn own_key(&self) -> Option<&MachineKey> {
        self.key.as_ref()
    }

    /// Thumbprint of the key that it says it was signed with.
    #[must_use]
    pub fn key_name(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The claims, when this key signed them.
    ///
    /// # Errors
    /// When it did not.
    pub fn claims(&self, key: &MachineKey) -> Result<&[u8], MachineDocumentError> {
        let signed = self.alg == key.algorithm() && key.signed(self.message.as_bytes(), &self.signature);
        if signed { Ok(&self.payload) } else { Err(MachineDocumentError::Signature) }
    }
}
