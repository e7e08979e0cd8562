//! RSA keys: made, read and written, always in one form.
//!
//! Private keys travel as PKCS#8 and are parsed once; public keys are kept as their two numbers, from which the JWK
//! members, the SPKI document and the thumbprint follow without failing.

mod private_pem;
mod public;

use std::fmt;

use aws_lc_rs::{
    encoding::AsDer,
    error::Unspecified,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use zeroize::Zeroizing;

pub use private_pem::PrivatePemError;
pub use public::RsaPublicKey;

/// The length in bytes of a signature by the largest key, RSA-4096.
pub(crate) const MAX_SIGNATURE_BYTES: usize = 512;

/// The key sizes that sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RsaKeyBits {
    /// 2048 bits: the default, and the cheapest signature.
    Rsa2048,
    /// 3072 bits: 128 bits of security.
    Rsa3072,
    /// 4096 bits: about seven times the cost of 2048.
    Rsa4096,
}

impl RsaKeyBits {
    fn size(self) -> KeySize {
        match self {
            Self::Rsa2048 => KeySize::Rsa2048,
            Self::Rsa3072 => KeySize::Rsa3072,
            Self::Rsa4096 => KeySize::Rsa4096,
        }
    }
}

impl TryFrom<u32> for RsaKeyBits {
    type Error = RsaKeyError;

    fn try_from(bits: u32) -> Result<Self, Self::Error> {
        match bits {
            2048 => Ok(Self::Rsa2048),
            3072 => Ok(Self::Rsa3072),
            4096 => Ok(Self::Rsa4096),
            _ => Err(RsaKeyError::UnsupportedSize),
        }
    }
}

impl From<RsaKeyBits> for u32 {
    fn from(bits: RsaKeyBits) -> Self {
        match bits {
            RsaKeyBits::Rsa2048 => 2048,
            RsaKeyBits::Rsa3072 => 3072,
            RsaKeyBits::Rsa4096 => 4096,
        }
    }
}

/// Why an RSA key could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RsaKeyError {
    /// Not a size that signs: 2048, 3072 or 4096 bits for those that are made, any in between for others.
    #[error("an RSA key has 2048, 3072 or 4096 bits")]
    UnsupportedSize,
    /// Not the document it should be, or its numbers do not fit each other.
    #[error("the RSA key cannot be read")]
    Unreadable,
    /// The cryptographic library failed.
    #[error("the RSA key could not be generated or written")]
    Failed,
}

/// An RSA key pair, parsed once. Cheap to sign with, never shown.
pub struct KeyPair {
    private: RsaKeyPair,
    public: RsaPublicKey,
}

impl KeyPair {
    /// Makes a new key pair with the public exponent 65537. Takes from tenths of a second to seconds.
    ///
    /// # Errors
    /// [`RsaKeyError::Failed`] when the library cannot.
    pub fn generate(bits: RsaKeyBits) -> Result<Self, RsaKeyError> {
        Self::new(RsaKeyPair::generate(bits.size()).map_err(|_| RsaKeyError::Failed)?)
    }

    /// Reads an unencrypted PKCS#8 document in DER (RFC 5208 §5).
    ///
    /// # Errors
    /// [`RsaKeyError::Unreadable`], or [`RsaKeyError::UnsupportedSize`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, RsaKeyError> {
        Self::new(RsaKeyPair::from_pkcs8(der).map_err(|_| RsaKeyError::Unreadable)?)
    }

    /// The private key as a PKCS#8 document in DER (RFC 5208 §5), to be sealed at once.
    ///
    /// # Errors
    /// [`RsaKeyError::Failed`] when the library cannot.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, RsaKeyError> {
        let der = self.private.as_der().map_err(|_| RsaKeyError::Failed)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> RsaPublicKey {
        self.public.clone()
    }

    /// Signs with RSASSA-PKCS1-v1_5 and SHA-256 (`RS256`, RFC 7518 §3.3) into the buffer; returns the part used.
    pub(crate) fn sign_rs256<'signature>(
        &self,
        message: &[u8],
        buffer: &'signature mut [u8; MAX_SIGNATURE_BYTES],
    ) -> Result<&'signature [u8], Unspecified> {
        let signature = buffer.get_mut(..self.private.public_modulus_len()).ok_or(Unspecified)?;
        self.private.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, signature)?;
        Ok(signature)
    }

    fn new(private: RsaKeyPair) -> Result<Self, RsaKeyError> {
        let public = RsaPublicKey::from_pkcs1_der(private.public_key().as_ref())?;
        match public.bits() {
            // What was imported has any size in between.
            2048..=4096 => Ok(Self { private, public }),
            _ => Err(RsaKeyError::UnsupportedSize),
        }
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("thumbprint", &self.public.thumbprint()).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod fixtures {
    use std::sync::LazyLock;

    use super::{KeyPair, RsaKeyBits};

    /// One key for all tests of this crate: making one is the slowest thing they do.
    static PKCS8: LazyLock<Vec<u8>> =
        LazyLock::new(|| KeyPair::generate(RsaKeyBits::Rsa2048).unwrap().to_pkcs8().unwrap().to_vec());

    pub(crate) fn pkcs8() -> &'static [u8] {
        &PKCS8
    }

    pub(crate) fn key_pair() -> KeyPair {
        KeyPair::from_pkcs8(pkcs8()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::{fixtures::*, *};

    #[test]
    fn pkcs8_round_trip_keeps_the_key() {
        let key = key_pair();
        assert_eq!(key.to_pkcs8().unwrap().as_slice(), pkcs8());
        assert_eq!(key.public().bits(), 2048);
        assert_eq!(key.public().e_base64url(), "AQAB");
    }

    #[test]
    fn broken_documents_are_unreadable() {
        for broken in [&pkcs8()[..pkcs8().len() - 1], &[], b"text"] {
            assert_eq!(KeyPair::from_pkcs8(broken).unwrap_err(), RsaKeyError::Unreadable);
        }
    }

    #[test]
    fn three_sizes_sign() {
        for bits in [0, 1024, 2047, 2049, 8192] {
            assert_eq!(RsaKeyBits::try_from(bits), Err(RsaKeyError::UnsupportedSize));
        }
        for bits in [2048, 3072, 4096] {
            assert_eq!(RsaKeyBits::try_from(bits).map(u32::from), Ok(bits));
        }
    }

    #[test]
    fn debug_shows_the_thumbprint_only() {
        let key = key_pair();
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("KeyPair {{ thumbprint: \"{}\", .. }}", key.public().thumbprint()));
    }
}
