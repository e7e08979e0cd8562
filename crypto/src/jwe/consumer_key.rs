//! The RSA public key of whoever shall read a token: taken from outside, checked, used.

use std::fmt;

use aws_lc_rs::{
    rand::{SecureRandom, SystemRandom},
    rsa::{OaepPublicEncryptingKey, PublicEncryptingKey},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    ConsumerKeyAlgorithm, EncryptError,
    content_encryption::{self, ContentKey, IV_BYTES},
};
use crate::rsa_keys::RsaPublicKey;

/// The longest key that is looked at, in bytes.
const MAX_INPUT: usize = 16 * 1024;
/// The length in bytes of what RSA-4096 encrypts.
const MAX_ENCRYPTED_KEY: usize = 512;

/// Why a consumer's key was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsumerKeyError {
    /// Over 16 KB of input.
    #[error("a public key has no more than 16 KB")]
    Oversized,
    /// A private key, or one with private members: it is no longer secret and must be replaced.
    #[error(
        "this is a private key: send the public key only, and replace this one, as it is no longer secret"
    )]
    Private,
    /// Neither PEM nor a JWK of an RSA public key.
    #[error("the key is neither an RSA public key in PEM (PUBLIC KEY, RSA PUBLIC KEY) nor an RSA JWK")]
    Unreadable,
    /// A JWK whose `use` is not `enc` (RFC 7517 §4.2).
    #[error("the key is not meant for encryption: its \"use\" must be \"enc\" or absent")]
    Use,
    /// A modulus under 2048 bits.
    #[error("the key has fewer than 2048 bits")]
    TooSmall,
    /// A modulus over 4096 bits.
    #[error("the key has more than 4096 bits")]
    TooLarge,
    /// An exponent that is even, or outside 2^16 < e < 2^33.
    #[error("the key's exponent must be odd and between 2^16 and 2^33; 65537 is usual")]
    Exponent,
}

/// A checked RSA public key to which tokens are encrypted: 2048–4096 bits, odd modulus, odd 2^16 < e < 2^33.
pub struct ConsumerKey {
    public: RsaPublicKey,
    thumbprint: String,
    oaep: OaepPublicEncryptingKey,
}

impl ConsumerKey {
    /// Reads what an administrator pasted: PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`, RFC 7468) or a JWK (RFC 7517).
    ///
    /// # Errors
    /// [`ConsumerKeyError`] names what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ConsumerKeyError> {
        if text.len() > MAX_INPUT {
            return Err(ConsumerKeyError::Oversized);
        }
        let text = text.trim();
        let public = if text.starts_with('{') { from_jwk(text)? } else { from_pem(text)? };
        Self::new(public)
    }

    /// Reads what [`Self::to_spki_der`] wrote, and checks it again.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_spki_der(der: &[u8]) -> Result<Self, ConsumerKeyError> {
        if der.len() > MAX_INPUT {
            return Err(ConsumerKeyError::Oversized);
        }
        Self::new(RsaPublicKey::from_spki_der(der).map_err(|_| ConsumerKeyError::Unreadable)?)
    }

    fn new(public: RsaPublicKey) -> Result<Self, ConsumerKeyError> {
        match public.bits() {
            0..2048 => return Err(ConsumerKeyError::TooSmall),
            2048..=4096 => {}
            _ => return Err(ConsumerKeyError::TooLarge),
        }
        if public.n().last().is_none_or(|byte| byte % 2 == 0) {
            return Err(ConsumerKeyError::Unreadable);
        }
        if !good_exponent(public.e()) {
            return Err(ConsumerKeyError::Exponent);
        }
        let oaep = PublicEncryptingKey::from_der(&public.to_spki_der())
            .ok()
            .and_then(|key| OaepPublicEncryptingKey::new(key).ok())
            .ok_or(ConsumerKeyError::Unreadable)?;
        let thumbprint = public.thumbprint();
        Ok(Self { public, thumbprint, oaep })
    }

    /// The JWK thumbprint (RFC 7638): the key's name in the database and in the token's header.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The key as it is stored: `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1.2.7).
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        self.public.to_spki_der()
    }

    /// Encrypts a signed token into a nested compact JWE (RFC 7516 §7.1; `cty` is `JWT`, RFC 7519 §5.2).
    ///
    /// # Errors
    /// [`EncryptError`] when the library fails.
    pub fn encrypt(&self, algorithm: ConsumerKeyAlgorithm, jws: &str) -> Result<String, EncryptError> {
        let random = SystemRandom::new();
        let mut content_key = ContentKey::new([0; 64]);
        random.fill(content_key.as_mut_slice()).map_err(|_| EncryptError)?;
        let mut iv = [0; IV_BYTES];
        random.fill(&mut iv).map_err(|_| EncryptError)?;

        let mut token = URL_SAFE_NO_PAD.encode(self.header(algorithm));
        let encrypted = content_encryption::encrypt(&content_key, iv, token.as_bytes(), jws.as_bytes())
            .map_err(|_| EncryptError)?;
        let mut buffer = [0; MAX_ENCRYPTED_KEY];
        let encrypted_key = self
            .oaep
            .encrypt(algorithm.oaep(), content_key.as_slice(), &mut buffer, None)
            .map_err(|_| EncryptError)?;

        for part in [encrypted_key, &iv[..], &encrypted.ciphertext, &encrypted.tag] {
            token.push('.');
            URL_SAFE_NO_PAD.encode_string(part, &mut token);
        }
        Ok(token)
    }

    /// None of the members can hold a character that JSON escapes.
    fn header(&self, algorithm: ConsumerKeyAlgorithm) -> String {
        let (alg, enc, kid) = (algorithm.as_str(), content_encryption::NAME, self.thumbprint());
        format!(r#"{{"alg":"{alg}","enc":"{enc}","cty":"JWT","typ":"JWT","kid":"{kid}"}}"#)
    }
}

impl fmt::Debug for ConsumerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerKey").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

/// Odd, and 2^16 < e < 2^33.
fn good_exponent(e: &[u8]) -> bool {
    let value = e.iter().fold(0, |value: u64, byte| value << 8 | u64::from(*byte));
    e.len() <= 5 && value % 2 == 1 && (1 << 16) < value && value < (1 << 33)
}

/// Reads PEM as people paste it: any line width, any line ends, text around it (RFC 7468 §3, lax).
fn from_pem(text: &str) -> Result<RsaPublicKey, ConsumerKeyError> {
    if text.contains("PRIVATE KEY-----") {
        return Err(ConsumerKeyError::Private);
    }
    let body = |label: &str| {
        let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
    };
    body("PUBLIC KEY")
        .map(|der| RsaPublicKey::from_spki_der(&der))
        .or_else(|| body("RSA PUBLIC KEY").map(|der| RsaPublicKey::from_pkcs1_der(&der)))
        .and_then(Result::ok)
        .ok_or(ConsumerKeyError::Unreadable)
}

/// The members of an RSA JWK (RFC 7518 §6.3), the private ones only to refuse them; `k` is a symmetric key's.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    n: Option<String>,
    e: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

fn from_jwk(text: &str) -> Result<RsaPublicKey, ConsumerKeyError> {
    let jwk: Jwk = serde_json::from_str(text).map_err(|_| ConsumerKeyError::Unreadable)?;
    let private = [&jwk.d, &jwk.p, &jwk.q, &jwk.dp, &jwk.dq, &jwk.qi, &jwk.oth, &jwk.k];
    if private.iter().any(|member| member.is_some()) {
        return Err(ConsumerKeyError::Private);
    }
    if jwk.usage.is_some_and(|usage| usage != "enc") {
        return Err(ConsumerKeyError::Use);
    }
    match (jwk.kty.as_str(), jwk.n, jwk.e) {
        ("RSA", Some(n), Some(e)) => {
            RsaPublicKey::from_jwk_components(&n, &e).map_err(|_| ConsumerKeyError::Unreadable)
        }
        _ => Err(ConsumerKeyError::Unreadable),
    }
}

#[cfg(test)]
mod tests;
