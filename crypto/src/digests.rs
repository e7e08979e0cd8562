//! Digests that stand for a secret or an identifier: by them a row is found without the value being stored.
//!
//! Keyed digests are useless to whoever reads the database without the key; every digest carries its purpose, so that
//! one of a licence key never equals one of an e-mail address.

use std::fmt;

use aws_lc_rs::{digest, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::{
    crockford,
    hashing::{hmac_sha256, leading, length_prefix, sha256},
};

/// A key for digests that are stored and looked up.
#[derive(Clone)]
pub struct DigestKey(hmac::Key);

impl DigestKey {
    /// Takes 32 bytes that are random or derived for this use alone.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice()))
    }

    /// HMAC-SHA-256 (RFC 2104) over the length-prefixed purpose and the value.
    #[must_use]
    pub fn digest(&self, purpose: &'static str, value: &[u8]) -> [u8; 32] {
        let purpose = purpose.as_bytes();
        hmac_sha256(&self.0, &[&length_prefix(purpose), purpose, value])
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(redacted)")
    }
}

/// A plain SHA-256 of several parts, which may come in pieces: each part is closed by its length.
#[derive(Clone)]
pub struct Parts {
    digest: digest::Context,
    length: u64,
}

impl Parts {
    /// Of nothing yet.
    #[must_use]
    pub fn begin() -> Self {
        Self { digest: digest::Context::new(&digest::SHA256), length: 0 }
    }

    /// Takes the next piece of the part.
    pub fn take(&mut self, piece: &[u8]) {
        self.digest.update(piece);
        self.length = self.length.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
    }

    /// Ends the part: `("ab", "c")` is not `("a", "bc")`.
    #[must_use]
    pub fn next(mut self) -> Self {
        self.digest.update(&self.length.to_be_bytes());
        Self { length: 0, ..self }
    }

    /// Ends the last part, and gives the digest.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        leading(self.next().digest.finish().as_ref())
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts")
    }
}

/// The `fingerprint` claim of a licence token: base64url SHA-256 of the fingerprint, salted with the licence id.
///
/// A verifier that knows both recomputes it as `SHA-256(be64(len(license_id)) ‖ license_id ‖ fingerprint)`; two
/// licences of one machine cannot be linked by it.
#[must_use]
pub fn fingerprint_claim(license_id: &str, fingerprint: &str) -> String {
    let salt = license_id.as_bytes();
    URL_SAFE_NO_PAD.encode(sha256(&[&length_prefix(salt), salt, fingerprint.as_bytes()]))
}

/// What a row remembers of a heartbeat's request id: the first 16 bytes of its SHA-256.
#[must_use]
pub fn request_id_digest(request_id: &str) -> [u8; 16] {
    leading(&sha256(&[request_id.as_bytes()]))
}

/// Names a token's text, header and signature included: its SHA-256.
#[must_use]
pub fn token_digest(token: &str) -> [u8; 32] {
    sha256(&[token.as_bytes()])
}

/// A bearer secret such as `lsk_…`: the prefix and the 256 bits as 52 symbols of Crockford's base32.
#[must_use]
pub fn bearer_secret(prefix: &str, random: [u8; 32]) -> SecretString {
    let random = Zeroizing::new(random);
    let mut text = String::with_capacity(prefix.len() + 52);
    text.push_str(prefix);
    text.extend(crockford::groups(random.as_slice()).map(crockford::symbol));
    SecretString::from(text)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn digests_differ_by_key_purpose_and_value() {
        let key = DigestKey::from_bytes([1; 32]);
        let digest = key.digest("license-key", b"value");
        assert_eq!(digest, key.digest("license-key", b"value"));
        assert_ne!(digest, DigestKey::from_bytes([2; 32]).digest("license-key", b"value"));
        assert_ne!(digest, key.digest("api-key", b"value"));
        assert_ne!(digest, key.digest("license-key", b"valuf"));
        assert_ne!(key.digest("ab", b"c"), key.digest("a", b"bc"));
    }

    #[test]
    fn digest_is_what_the_documentation_says() {
        let message = [&[0, 0, 0, 0, 0, 0, 0, 3][..], b"abc", b"value"].concat();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]), &message);
        assert_eq!(DigestKey::from_bytes([1; 32]).digest("abc", b"value"), tag.as_ref());
    }

    #[test]
    fn parts_are_told_apart_and_pieces_are_not() {
        let of = |parts: &[&[&str]]| {
            let mut digest = Parts::begin();
            for (index, pieces) in parts.iter().enumerate() {
                digest = if index == 0 { digest } else { digest.next() };
                pieces.iter().for_each(|piece| digest.take(piece.as_bytes()));
            }
            digest.finish()
        };
        assert_eq!(of(&[&["ab", "c"], &[]]), of(&[&["a", "", "bc"], &[""]]));
        assert_ne!(of(&[&["ab"], &["c"]]), of(&[&["a"], &["bc"]]));
        assert_ne!(of(&[&["ab"], &[]]), of(&[&["ab"]]));
        assert_ne!(of(&[&[], &["ab"]]), of(&[&["ab"], &[]]));
    }

    #[test]
    fn fingerprint_claim_is_salted_without_ambiguity() {
        assert_eq!(fingerprint_claim("lic_1", "machine").len(), 43);
        assert_ne!(fingerprint_claim("lic_1", "machine"), fingerprint_claim("lic_2", "machine"));
        assert_ne!(fingerprint_claim("lic_1", "2machine"), fingerprint_claim("lic_12", "machine"));
    }

    #[test]
    fn request_id_digest_is_a_truncated_sha256() {
        assert_eq!(hex::encode(request_id_digest("abc")), "ba7816bf8f01cfea414140de5dae2223");
    }

    #[test]
    fn bearer_secret_is_prefix_and_52_symbols() {
        let secret = bearer_secret("lsk_", [0xff; 32]);
        assert_eq!(secret.expose_secret(), format!("lsk_{}G", "Z".repeat(51)));
        assert!(!format!("{secret:?}").contains('Z'));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", DigestKey::from_bytes([1; 32])), "DigestKey(redacted)");
    }
}
