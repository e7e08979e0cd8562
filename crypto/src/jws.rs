//! Signing of compact JWS (RFC 7515 §7.1) with RS256.
//!
//! Costs little more than the signature itself: the key is parsed once, the header is encoded once by the caller, and
//! the claims are written as JSON once.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::Value;

use crate::multi_buffer::{LaneKey, MultiBuffer};
use crate::rsa_keys::{KeyPair, MAX_SIGNATURE_BYTES};

/// Room for the encoded claims of an ordinary token (1.5 KB of JSON), so that the token is allocated once.
const EXPECTED_CLAIMS: usize = 2048;
/// The base64url of the longest signature.
const MAX_ENCODED_SIGNATURE: usize = MAX_SIGNATURE_BYTES.div_ceil(3) * 4;

/// The base64url of `{"alg":"RS256","typ":…,"kid":…}`, made once for a key and a type. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PreparedHeader {
    kid: Arc<str>,
    /// With the dot that ends it.
    encoded: Arc<str>,
}

/// Why nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The header was prepared by a signer with another `kid`.
    #[error("the token's header names another key")]
    OtherKey,
    /// The claims do not serialise: a map whose keys are no strings, say.
    #[error("the claims cannot be written as JSON")]
    Claims,
    /// The cryptographic library failed.
    #[error("the token could not be signed")]
    Failed,
}

/// Signs tokens with one key. Shared between threads.
pub struct Signer {
    key_pair: KeyPair,
    kid: Arc<str>,
    lane_key: Option<LaneKey>,
}

/// A token but for its signature: the signing input (RFC 7515 §5.1).
pub struct Unsigned(String);

impl Unsigned {
    /// What is to be signed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The compact JWS.
    #[must_use]
    pub fn signed(self, signature: &[u8]) -> String {
        let Self(mut token) = self;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

impl fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unsigned").finish_non_exhaustive()
    }
}

impl Signer {
    /// Signs with this key under this name; ours are the key's RFC 7638 thumbprint.
    #[must_use]
    pub fn new(key_pair: KeyPair, kid: String) -> Self {
        Self { key_pair, kid: kid.into(), lane_key: None }
    }

    /// The same, prepared to sign in lanes where this library can with the key.
    #[must_use]
    pub fn with_lanes(self, library: &MultiBuffer) -> Self {
        Self { lane_key: library.prepare(&self.key_pair), ..self }
    }

    /// The key as the lanes want it, where they can sign with it.
    #[must_use]
    pub fn lane_key(&self) -> Option<&LaneKey> {
        self.lane_key.as_ref()
    }

    /// The key's name in the header and in the JWKS (RFC 7515 §4.1.4).
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The header of tokens of this type (`typ`, RFC 7515 §4.1.9). Keep it: it is the same for every token.
    #[must_use]
    pub fn prepare(&self, typ: &str) -> PreparedHeader {
        let (typ, kid) = (Value::from(typ), Value::from(self.kid()));
        let mut encoded = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"RS256","typ":{typ},"kid":{kid}}}"#));
        encoded.push('.');
        PreparedHeader { kid: Arc::clone(&self.kid), encoded: encoded.into() }
    }

    /// Signs the claims into a compact JWS.
    ///
    /// # Errors
    /// [`SignError`]: the header is another signer's, the claims are not JSON, or the library failed.
    pub fn sign<C: Serialize + ?Sized>(
        &self,
        header: &PreparedHeader,
        claims: &C,
    ) -> Result<String, SignError> {
        self.finish(self.unsigned(header, claims)?)
    }

    /// The token but for its signature.
    ///
    /// # Errors
    /// [`SignError`]: the header is another signer's, or the claims are not JSON.
    pub fn unsigned<C: Serialize + ?Sized>(
        &self,
        header: &PreparedHeader,
        claims: &C,
    ) -> Result<Unsigned, SignError> {
        if header.kid != self.kid {
            return Err(SignError::OtherKey);
        }
        let capacity = header.encoded.len() + EXPECTED_CLAIMS + MAX_ENCODED_SIGNATURE;
        let mut token = String::with_capacity(capacity);
        token.push_str(&header.encoded);

        // In one piece: encoding what serde writes piece by piece costs more than the copy.
        let mut json = Vec::with_capacity(EXPECTED_CLAIMS);
        serde_json::to_writer(&mut json, claims).map_err(|_| SignError::Claims)?;
        URL_SAFE_NO_PAD.encode_string(json, &mut token);
        Ok(Unsigned(token))
    }

    /// Signs what was made by this signer.
    ///
    /// # Errors
    /// [`SignError::Failed`] when the library fails.
    pub fn finish(&self, unsigned: Unsigned) -> Result<String, SignError> {
        let mut buffer = [0; MAX_SIGNATURE_BYTES];
        let signature =
            self.key_pair.sign_rs256(unsigned.as_bytes(), &mut buffer).map_err(|_| SignError::Failed)?;
        Ok(unsigned.signed(signature))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
    use serde_json::json;

    use super::*;
    use crate::rsa_keys::fixtures;

    fn signer() -> Signer {
        let key = fixtures::key_pair();
        let kid = key.public().thumbprint();
        Signer::new(key, kid)
    }

    fn decoded(part: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    fn verifies(token: &str) -> bool {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let key = fixtures::key_pair().public();
        RsaPublicKeyComponents { n: key.n(), e: key.e() }
            .verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message.as_bytes(),
                &URL_SAFE_NO_PAD.decode(signature).unwrap(),
            )
            .is_ok()
    }

    #[test]
    fn token_holds_header_and_claims_and_verifies() {
        let (signer, claims) = (signer(), json!({"sub": "lic_1", "text": "żółw \"quoted\"", "exp": 1}));
        let token = signer.sign(&signer.prepare("JWT"), &claims).unwrap();
        let parts: Vec<_> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(decoded(parts[0]), json!({"alg": "RS256", "typ": "JWT", "kid": signer.kid()}));
        assert_eq!(decoded(parts[1]), claims);
        assert!(verifies(&token));
    }

    #[test]
    fn any_changed_character_spoils_the_signature() {
        let signer = signer();
        let token = signer.sign(&signer.prepare("JWT"), &json!({"sub": "a"})).unwrap();
        for position in 0..token.rfind('.').unwrap() {
            let mut tampered = token.clone().into_bytes();
            tampered[position] = if tampered[position] == b'A' { b'B' } else { b'A' };
            assert!(!verifies(&String::from_utf8(tampered).unwrap()));
        }
    }

    #[test]
    fn claims_of_every_length_are_encoded_whole() {
        let signer = signer();
        let header = signer.prepare("license+jwt");
        for length in (0..40).chain([3000]) {
            let claims = json!({"text": "x".repeat(length)});
            let token = signer.sign(&header, &claims).unwrap();
            assert_eq!(decoded(token.split('.').nth(1).unwrap()), claims);
        }
    }

    #[test]
    fn an_ordinary_token_is_allocated_once() {
        let signer = signer();
        let header = signer.prepare("JWT");
        let token = signer.sign(&header, &json!({"text": "x".repeat(1200)})).unwrap();
        assert_eq!(token.capacity(), header.encoded.len() + EXPECTED_CLAIMS + MAX_ENCODED_SIGNATURE);
    }

    #[test]
    fn header_is_escaped() {
        let signer = Signer::new(fixtures::key_pair(), "a\"b\\c".to_owned());
        let header = signer.prepare("x\",\"alg\":\"none");
        let value = decoded(header.encoded.trim_end_matches('.'));
        assert_eq!(value, json!({"alg": "RS256", "typ": "x\",\"alg\":\"none", "kid": "a\"b\\c"}));
    }

    #[test]
    fn header_of_another_key_is_refused() {
        let other = Signer::new(fixtures::key_pair(), "other".to_owned());
        assert_eq!(signer().sign(&other.prepare("JWT"), &json!({})), Err(SignError::OtherKey));
    }

    #[test]
    fn claims_that_are_no_json_are_refused() {
        let (signer, claims) = (signer(), BTreeMap::from([(vec![1, 2], 3)]));
        assert_eq!(signer.sign(&signer.prepare("JWT"), &claims), Err(SignError::Claims));
    }

    #[test]
    fn debug_shows_the_kid_only() {
        let signer = signer();
        assert_eq!(format!("{signer:?}"), format!("Signer {{ kid: {:?}, .. }}", signer.kid()));
    }
}
