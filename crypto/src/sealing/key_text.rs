//! A key-encryption key as an operator writes it.

use std::collections::BTreeSet;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Of 32 random bytes about 30 differ; fewer than this many never happens by chance.
const MIN_DISTINCT_BYTES: usize = 16;

/// Why a text is no key-encryption key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyEncryptionKeyError {
    /// Not 32 bytes in base64 or hex.
    #[error("a key-encryption key is 32 random bytes, written as base64 or as 64 hex digits")]
    Unreadable,
    /// Repeated or counted bytes.
    #[error("the key-encryption key is not random; make one with `openssl rand -base64 32`")]
    Weak,
}

pub(super) fn read(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyEncryptionKeyError> {
    let text = text.trim();
    let bytes = from_hex(text).or_else(|| from_base64(text)).ok_or(KeyEncryptionKeyError::Unreadable)?;
    if is_weak(&bytes) {
        return Err(KeyEncryptionKeyError::Weak);
    }
    Ok(bytes)
}

fn from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text, bytes.as_mut_slice()).ok()?;
    Some(bytes)
}

fn from_base64(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let standard = Zeroizing::new(text.replace('-', "+").replace('_', "/"));
    // Room for the engine's estimate, which counts whole groups.
    let mut buffer = Zeroizing::new([0; 36]);
    let length = BASE64.decode_slice(standard.as_bytes(), buffer.as_mut_slice()).ok()?;
    let bytes: &[u8; 32] = buffer.get(..length)?.try_into().ok()?;
    Some(Zeroizing::new(*bytes))
}

/// Few different bytes, or each the same step after the one before: `00 01 02 …` is the favourite of examples.
fn is_weak(bytes: &[u8; 32]) -> bool {
    let distinct: BTreeSet<_> = bytes.iter().collect();
    let steps: BTreeSet<_> =
        bytes.iter().zip(bytes.iter().skip(1)).map(|(one, next)| next.wrapping_sub(*one)).collect();
    distinct.len() < MIN_DISTINCT_BYTES || steps.len() == 1
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

    use super::*;
    use crate::sealing::KeyEncryptionKey;

    /// Bytes that look random and use the letters in which the two alphabets differ.
    fn random() -> [u8; 32] {
        let mut bytes = crate::hashing::sha256(&[b"a key for tests"]);
        bytes[0] = 0xfb;
        bytes[1] = 0xff;
        bytes
    }

    #[test]
    fn every_spelling_reads_as_the_same_key() {
        let id = KeyEncryptionKey::from_bytes(random()).id().to_owned();
        let texts = [
            STANDARD.encode(random()),
            STANDARD_NO_PAD.encode(random()),
            URL_SAFE.encode(random()),
            URL_SAFE_NO_PAD.encode(random()),
            hex::encode(random()),
            hex::encode_upper(random()),
            format!("\n {} \r\n", STANDARD.encode(random())),
        ];
        for text in texts {
            assert_eq!(KeyEncryptionKey::parse(&text).unwrap().id(), id);
        }
    }

    #[test]
    fn anything_else_is_unreadable() {
        let texts = [
            String::new(),
            "correct horse battery staple".to_owned(),
            STANDARD.encode(&random()[..31]),
            STANDARD.encode([&random()[..], &[1]].concat()),
            hex::encode(&random()[..31]),
            format!("{}0", hex::encode(random())),
            hex::encode([0xab; 48]),
            "A".repeat(10_000),
        ];
        for text in texts {
            assert_eq!(KeyEncryptionKey::parse(&text).unwrap_err(), KeyEncryptionKeyError::Unreadable);
        }
    }

    #[test]
    fn keys_that_are_not_random_are_refused() {
        let counted: Vec<u8> = (0..32).collect();
        let down: Vec<u8> = (100..132).rev().collect();
        for weak in [&[0; 32][..], &[0xff; 32], &counted, &down, &[&counted[..15], &[0; 17]].concat()] {
            assert_eq!(KeyEncryptionKey::parse(&hex::encode(weak)).unwrap_err(), KeyEncryptionKeyError::Weak);
        }
    }
}
