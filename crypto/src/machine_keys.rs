//! Public keys of machines, and what they signed: proof that whoever asks for something, or gives it back, holds the
//! private part.

mod document;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};

use crate::{hashing::sha256, rsa_keys::RsaPublicKey};

pub use document::{MachineDocument, MachineDocumentError};

/// The longest key that is looked at, in bytes.
const MAX_INPUT: usize = 4 * 1024;
/// Bytes of a coordinate on P-256, and of an Ed25519 key.
const COORDINATE: usize = 32;

/// Why a machine's key was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineKeyError {
    /// A key with private members: it is no longer secret and must be replaced.
    #[error("this is a private key: send the public members only, and replace it, as it is no longer secret")]
    Private,
    /// No JWK of a key that can be used.
    #[error("the key is no public JWK of one of: EC P-256, OKP Ed25519, RSA with 2048 to 4096 bits")]
    Unusable,
}

/// A machine's public key: EC P-256 (`ES256`), Ed25519 (`EdDSA`) or RSA with 2048–4096 bits (`RS256`).
#[derive(Clone, Debug)]
pub struct MachineKey {
    kind: Kind,
    jwk: String,
    thumbprint: String,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The uncompressed point.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
    Rsa(Box<RsaPublicKey>),
}

/// The members of a JWK (RFC 7518 §6, RFC 8037 §2), the private ones only to refuse them.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

impl MachineKey {
    /// Reads a JWK (RFC 7517).
    ///
    /// # Errors
    /// [`MachineKeyError`] names what is wrong with it.
    pub fn parse(jwk: &str) -> Result<Self, MachineKeyError> {
        if jwk.len() > MAX_INPUT {
            return Err(MachineKeyError::Unusable);
        }
        let jwk: Jwk = serde_json::from_str(jwk).map_err(|_| MachineKeyError::Unusable)?;
        if [&jwk.d, &jwk.p, &jwk.q, &jwk.k].iter().any(|member| member.is_some()) {
            return Err(MachineKeyError::Private);
        }
        Self::of(&jwk).ok_or(MachineKeyError::Unusable)
    }

    fn of(jwk: &Jwk) -> Option<Self> {
        let (kind, canonical) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("EC", Some("P-256")) => {
                let (x, y) = (coordinate(jwk.x.as_deref()?)?, coordinate(jwk.y.as_deref()?)?);
                let (x64, y64) = (URL_SAFE_NO_PAD.encode(&x), URL_SAFE_NO_PAD.encode(&y));
                let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x64}","y":"{y64}"}}"#);
                (Kind::P256([vec![4], x, y].concat()), canonical)
            }
            ("OKP", Some("Ed25519")) => {
                let x = coordinate(jwk.x.as_deref()?)?;
                let x64 = URL_SAFE_NO_PAD.encode(&x);
                (Kind::Ed25519(x), format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x64}"}}"#))
            }
            ("RSA", None) => {
                let key = RsaPublicKey::from_jwk_components(jwk.n.as_deref()?, jwk.e.as_deref()?).ok()?;
                if !(2048..=4096).contains(&key.bits()) {
                    return None;
                }
                let (n, e) = (key.n_base64url(), key.e_base64url());
                (Kind::Rsa(Box::new(key)), format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#))
            }
            _ => return None,
        };
        let thumbprint = URL_SAFE_NO_PAD.encode(sha256(&[canonical.as_bytes()]));
        Some(Self { kind, jwk: canonical, thumbprint })
    }

    /// The required members in their order: what [`Self::parse`] reads, and what the thumbprint is of (RFC 7638 §3).
    #[must_use]
    pub fn to_jwk(&self) -> &str {
        &self.jwk
    }

    /// The JWK thumbprint (RFC 7638): `jkt` of a confirmation (RFC 9449 §6.1).
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The one algorithm that this key signs with (RFC 7518 §3.1, RFC 8037 §3.1).
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self.kind {
            Kind::P256(_) => "ES256",
            Kind::Ed25519(_) => "EdDSA",
            Kind::Rsa(_) => "RS256",
        }
    }

    /// Whether the private part of this key signed the message.
    #[must_use]
    pub fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.kind {
            Kind::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Kind::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Kind::Rsa(key) => RsaPublicKeyComponents { n: key.n(), e: key.e() }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
        };
        verified.is_ok()
    }
}

fn coordinate(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == COORDINATE)
}

#[cfg(test)]
mod tests;
