//! The public half of an RSA key and its standard forms.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use pkcs1::UintRef;
use spki::{
    AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef,
    der::{
        Decode, Encode,
        asn1::{AnyRef, BitStringRef},
    },
};

use super::RsaKeyError;
use crate::hashing::sha256;

/// `rsaEncryption`, RFC 8017 appendix C.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Characters a line of PEM (RFC 7468 §2).
const PEM_LINE: usize = 64;

/// An RSA public key: modulus and exponent, big-endian, without leading zeros.
///
/// That the numbers make a good key is not checked here: whoever takes one from outside checks its strength
/// ([`crate::jwe::ConsumerKey`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaPublicKey {
    n: Vec<u8>,
    e: Vec<u8>,
    spki_der: Vec<u8>,
}

impl RsaPublicKey {
    /// Takes the members `n` and `e` of a JWK: base64url without padding (RFC 7518 §6.3.1). Leading zero bytes, which
    /// some libraries write, are dropped.
    ///
    /// # Errors
    /// [`RsaKeyError::Unreadable`] when either is not base64url or is zero.
    pub fn from_jwk_components(n: &str, e: &str) -> Result<Self, RsaKeyError> {
        let number = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| RsaKeyError::Unreadable);
        Self::from_numbers(&number(n)?, &number(e)?)
    }

    /// Reads a `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1.2.7) whose algorithm is `rsaEncryption`.
    ///
    /// # Errors
    /// [`RsaKeyError::Unreadable`] for anything else, also for a key that is bound to RSA-PSS.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, RsaKeyError> {
        let document = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| RsaKeyError::Unreadable)?;
        if document.algorithm.oid != RSA_ENCRYPTION {
            return Err(RsaKeyError::Unreadable);
        }
        let key = document.subject_public_key.as_bytes().ok_or(RsaKeyError::Unreadable)?;
        Self::from_pkcs1_der(key)
    }

    /// Reads an `RSAPublicKey` in DER (RFC 8017 appendix A.1.1).
    ///
    /// # Errors
    /// [`RsaKeyError::Unreadable`] for anything else.
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, RsaKeyError> {
        let key = pkcs1::RsaPublicKey::from_der(der).map_err(|_| RsaKeyError::Unreadable)?;
        Self::from_numbers(key.modulus.as_bytes(), key.public_exponent.as_bytes())
    }

    fn from_numbers(n: &[u8], e: &[u8]) -> Result<Self, RsaKeyError> {
        let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
        if n.is_empty() || e.is_empty() {
            return Err(RsaKeyError::Unreadable);
        }
        let spki_der = spki_der(n, e).map_err(|_| RsaKeyError::Unreadable)?;
        Ok(Self { n: n.to_vec(), e: e.to_vec(), spki_der })
    }

    /// The modulus, big-endian.
    #[must_use]
    pub fn n(&self) -> &[u8] {
        &self.n
    }

    /// The public exponent, big-endian.
    #[must_use]
    pub fn e(&self) -> &[u8] {
        &self.e
    }

    /// The length of the modulus in bits.
    #[must_use]
    pub fn bits(&self) -> u32 {
        let unused = self.n.first().map_or(0, |byte| byte.leading_zeros());
        u32::try_from(self.n.len() * 8).unwrap_or(u32::MAX) - unused
    }

    /// The JWK member `n` (RFC 7518 §6.3.1.1).
    #[must_use]
    pub fn n_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.n)
    }

    /// The JWK member `e` (RFC 7518 §6.3.1.2).
    #[must_use]
    pub fn e_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.e)
    }

    /// The JWK thumbprint with SHA-256, base64url: the `kid` of our keys (RFC 7638 §3).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let (n, e) = (self.n_base64url(), self.e_base64url());
        let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        URL_SAFE_NO_PAD.encode(sha256(&[canonical.as_bytes()]))
    }

    /// The key as `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1.2.7).
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        self.spki_der.clone()
    }

    /// The key as PEM, `-----BEGIN PUBLIC KEY-----` (RFC 7468 §13), ending with a line feed.
    #[must_use]
    pub fn to_spki_pem(&self) -> String {
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----");
        for (index, character) in STANDARD.encode(&self.spki_der).chars().enumerate() {
            if index.is_multiple_of(PEM_LINE) {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem.push_str("\n-----END PUBLIC KEY-----\n");
        pem
    }
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn spki_der(n: &[u8], e: &[u8]) -> spki::der::Result<Vec<u8>> {
    let key =
        pkcs1::RsaPublicKey { modulus: UintRef::new(n)?, public_exponent: UintRef::new(e)? }.to_der()?;
    SubjectPublicKeyInfoRef {
        algorithm: AlgorithmIdentifierRef { oid: RSA_ENCRYPTION, parameters: Some(AnyRef::NULL) },
        subject_public_key: BitStringRef::from_bytes(&key)?,
    }
    .to_der()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::AsDer,
        signature::{KeyPair as _, RsaKeyPair},
    };

    use super::*;
    use crate::rsa_keys::fixtures;

    /// The key of RFC 7638 §3.1.
    const RFC_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    #[test]
    fn thumbprint_matches_the_example_of_rfc_7638() {
        let key = RsaPublicKey::from_jwk_components(RFC_N, "AQAB").unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!((key.n_base64url().as_str(), key.e_base64url().as_str()), (RFC_N, "AQAB"));
        assert_eq!((key.bits(), key.e()), (2048, &[1, 0, 1][..]));
    }

    #[test]
    fn leading_zeros_change_nothing() {
        let key = RsaPublicKey::from_jwk_components(RFC_N, "AQAB").unwrap();
        let padded = URL_SAFE_NO_PAD.encode([&[0, 0], key.n()].concat());
        assert_eq!(RsaPublicKey::from_jwk_components(&padded, "AAEAAQ").unwrap(), key);
    }

    #[test]
    fn components_that_are_no_numbers_are_unreadable() {
        for (n, e) in
            [("", "AQAB"), (RFC_N, ""), (RFC_N, "AA"), (RFC_N, "AQ=="), ("a+b/", "AQAB"), (RFC_N, "AQAB\n")]
        {
            assert_eq!(RsaPublicKey::from_jwk_components(n, e), Err(RsaKeyError::Unreadable));
        }
    }

    #[test]
    fn spki_is_what_the_library_writes_and_reads_back() {
        let library = RsaKeyPair::from_pkcs8(fixtures::pkcs8()).unwrap();
        let key = fixtures::key_pair().public();
        assert_eq!(key.to_spki_der(), library.public_key().as_der().unwrap().as_ref());
        assert_eq!(RsaPublicKey::from_spki_der(&key.to_spki_der()), Ok(key));
    }

    #[test]
    fn spki_that_is_truncated_extended_or_of_another_algorithm_is_unreadable() {
        let der = fixtures::key_pair().public().to_spki_der();
        let mut pss = der.clone();
        pss[14] = 10; // rsaEncryption is …1.1.1, id-RSASSA-PSS …1.1.10
        for broken in [&der[..der.len() - 1], &[&der[..], &[0]].concat(), &pss, &[]] {
            assert_eq!(RsaPublicKey::from_spki_der(broken), Err(RsaKeyError::Unreadable));
        }
    }

    #[test]
    fn pem_has_64_characters_a_line() {
        let key = fixtures::key_pair().public();
        let pem = key.to_spki_pem();
        let lines: Vec<_> = pem.lines().collect();
        assert_eq!(
            (lines[0], lines[lines.len() - 1]),
            ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----")
        );
        let body = &lines[1..lines.len() - 1];
        assert!(body[..body.len() - 1].iter().all(|line| line.len() == PEM_LINE));
        assert_eq!(STANDARD.decode(body.concat()).unwrap(), key.to_spki_der());
    }
}
