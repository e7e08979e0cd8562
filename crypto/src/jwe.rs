//! Tokens that only one consumer can read: a signed JWT nested in a compact JWE (RFC 7516 §7.1, RFC 7519 §5.2).
//!
//! The consumer's RSA key is parsed and checked once. Every token gets a content key and IV of its own.

mod consumer_key;
mod content_encryption;

use std::str::FromStr;

use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm};

pub use consumer_key::{ConsumerKey, ConsumerKeyError};

/// How the content key is encrypted to the consumer (`alg`, RFC 7518 §4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConsumerKeyAlgorithm {
    /// `RSA-OAEP`, with SHA-1: understood by every library, and sound, as OAEP needs no collision resistance.
    #[default]
    RsaOaep,
    /// `RSA-OAEP-256`, with SHA-256: some libraries refuse it unless told otherwise.
    RsaOaep256,
}

impl ConsumerKeyAlgorithm {
    /// The JOSE name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
        }
    }

    fn oaep(self) -> &'static OaepAlgorithm {
        match self {
            Self::RsaOaep => &OAEP_SHA1_MGF1SHA1,
            Self::RsaOaep256 => &OAEP_SHA256_MGF1SHA256,
        }
    }
}

impl FromStr for ConsumerKeyAlgorithm {
    type Err = UnknownAlgorithm;

    /// Reads the JOSE name, case-sensitive (RFC 7515 §4.1.1).
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "RSA-OAEP" => Ok(Self::RsaOaep),
            "RSA-OAEP-256" => Ok(Self::RsaOaep256),
            _ => Err(UnknownAlgorithm),
        }
    }
}

/// The name is neither `RSA-OAEP` nor `RSA-OAEP-256`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key algorithm is RSA-OAEP or RSA-OAEP-256")]
pub struct UnknownAlgorithm;

/// The cryptographic library failed; nothing was encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be encrypted")]
pub struct EncryptError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_are_read_by_their_exact_name() {
        for algorithm in [ConsumerKeyAlgorithm::RsaOaep, ConsumerKeyAlgorithm::RsaOaep256] {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
        for stranger in ["", "rsa-oaep", "RSA1_5", "RSA-OAEP-512", "dir"] {
            assert_eq!(stranger.parse::<ConsumerKeyAlgorithm>(), Err(UnknownAlgorithm));
        }
    }
}
