//! Secrets at rest: AES-256-GCM (NIST SP 800-38D) under a key-encryption key, bound to the place where they lie.
//!
//! A blob that was changed, moved to another row, column or table, or sealed under another key does not open, and the
//! last case is told apart, so that keys can be rotated. The nonce is random: one key seals at most 2^32 values.

mod key_text;

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey},
    error::Unspecified,
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

use crate::hashing::{leading, length_prefix, sha256};

pub use key_text::KeyEncryptionKeyError;

const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 8;
const KEY_ID_LABEL: &[u8] = b"licentia/key-encryption-key-id/v1";
const AAD_LABEL: &[u8] = b"licentia/sealing/v1";

/// Where a sealed value lies. It is not stored in the blob, so a blob opens only where it was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'row> {
    /// The table's name.
    pub table: &'static str,
    /// The column's name.
    pub column: &'static str,
    /// The row's key, as text that never changes.
    pub row: &'row str,
}

/// A sealed value: `version (1) ‖ key id (8) ‖ nonce (12) ‖ ciphertext and tag (16)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The bytes to store.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl AsRef<[u8]> for Sealed {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The cryptographic library failed; nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret could not be sealed")]
pub struct SealError;

/// Why a sealed value did not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Sealed under another key-encryption key.
    #[error("the secret was sealed under the key {key_id}")]
    OtherKey {
        /// The id of that key, as [`KeyEncryptionKey::id`] gives it.
        key_id: String,
    },
    /// Too short, or of an unknown version.
    #[error("the sealed secret has no known format")]
    Malformed,
    /// Changed, or taken from another place.
    #[error("the sealed secret was changed or does not belong here")]
    Tampered,
}

/// The key under which secrets are sealed.
pub struct KeyEncryptionKey {
    bytes: Zeroizing<[u8; 32]>,
    key_id: [u8; KEY_ID_BYTES],
    id: String,
}

impl KeyEncryptionKey {
    /// Takes 32 random bytes. Text from a configuration goes through [`Self::parse`], which refuses weak keys.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        let key_id = leading(&sha256(&[KEY_ID_LABEL, bytes.as_slice()]));
        Self { bytes, key_id, id: hex::encode(key_id) }
    }

    /// Reads a key from a configuration value or file: 32 bytes as base64 (either alphabet, padding optional) or 64
    /// hex digits; whitespace around it is ignored.
    ///
    /// # Errors
    /// [`KeyEncryptionKeyError`] when it is neither, or plainly not random.
    pub fn parse(text: &str) -> Result<Self, KeyEncryptionKeyError> {
        key_text::read(text).map(|bytes| Self::from_bytes(*bytes))
    }

    /// The key's name, safe to show: 16 hex digits of a digest.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals a value for its place.
    ///
    /// # Errors
    /// [`SealError`] when the library fails.
    pub fn seal(&self, place: Place<'_>, plaintext: &[u8]) -> Result<Sealed, SealError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError)?;
        // Encrypted in place, in a buffer that never grows: no copy of the plaintext stays behind.
        let mut buffer = Zeroizing::new(Vec::with_capacity(plaintext.len() + MAX_TAG_LEN));
        buffer.extend_from_slice(plaintext);
        self.cipher()
            .and_then(|cipher| {
                let nonce = Nonce::assume_unique_for_key(nonce);
                cipher.seal_in_place_append_tag(nonce, Aad::from(place.associated_data()), &mut *buffer)
            })
            .map_err(|_| SealError)?;
        Ok(Sealed([&[VERSION], &self.key_id[..], &nonce, &buffer].concat()))
    }

    /// Opens a value that was sealed for this place.
    ///
    /// # Errors
    /// [`OpenError`]: another key's, of no known format, or not what was sealed here.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (version, rest) = sealed.split_first().ok_or(OpenError::Malformed)?;
        let (key_id, rest) = rest.split_first_chunk::<KEY_ID_BYTES>().ok_or(OpenError::Malformed)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError::Malformed)?;
        if *version != VERSION || ciphertext.len() < MAX_TAG_LEN {
            return Err(OpenError::Malformed);
        }
        if *key_id != self.key_id {
            return Err(OpenError::OtherKey { key_id: hex::encode(key_id) });
        }
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        let length = self
            .cipher()
            .and_then(|cipher| {
                let nonce = Nonce::assume_unique_for_key(*nonce);
                let opened =
                    cipher.open_in_place(nonce, Aad::from(place.associated_data()), &mut plaintext)?;
                Ok(opened.len())
            })
            .map_err(|_| OpenError::Tampered)?;
        plaintext.truncate(length);
        Ok(plaintext)
    }

    fn cipher(&self) -> Result<LessSafeKey, Unspecified> {
        UnboundKey::new(&AES_256_GCM, self.bytes.as_slice()).map(LessSafeKey::new)
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEncryptionKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Place<'_> {
    fn associated_data(&self) -> Vec<u8> {
        let mut data = AAD_LABEL.to_vec();
        for part in [self.table, self.column, self.row] {
            data.extend(length_prefix(part.as_bytes()));
            data.extend(part.as_bytes());
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place<'static> = Place { table: "license", column: "key_sealed", row: "lic_1" };

    fn key() -> KeyEncryptionKey {
        KeyEncryptionKey::from_bytes([1; 32])
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(plaintext: Vec<u8>, row: String) {
            let place = Place { row: &row, ..PLACE };
            let sealed = key().seal(place, &plaintext).unwrap();
            prop_assert_eq!(sealed.as_ref().len(), 1 + 8 + 12 + plaintext.len() + 16);
            let opened = key().open(place, sealed.as_ref()).unwrap();
            prop_assert_eq!(opened.as_slice(), plaintext);
        }

        #[test]
        fn places_are_never_confused(a in "[ab]{0,3}", b in "[ab]{0,3}") {
            prop_assume!(a != b);
            prop_assert_ne!(Place { row: &a, ..PLACE }.associated_data(), Place { row: &b, ..PLACE }.associated_data());
        }
    }

    #[test]
    fn every_flipped_bit_is_refused_for_its_reason() {
        let sealed = key().seal(PLACE, b"secret").unwrap().into_bytes();
        for bit in 0..sealed.len() * 8 {
            let mut tampered = sealed.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            let error = key().open(PLACE, &tampered).unwrap_err();
            match bit / 8 {
                0 => assert_eq!(error, OpenError::Malformed),
                1..9 => assert_eq!(error, OpenError::OtherKey { key_id: hex::encode(&tampered[1..9]) }),
                _ => assert_eq!(error, OpenError::Tampered),
            }
        }
    }

    #[test]
    fn every_other_length_is_refused() {
        let sealed = key().seal(PLACE, b"secret").unwrap().into_bytes();
        for length in 0..sealed.len() {
            let expected = if length < 1 + 8 + 12 + 16 { OpenError::Malformed } else { OpenError::Tampered };
            assert_eq!(key().open(PLACE, &sealed[..length]).unwrap_err(), expected);
        }
        let longer = [&sealed[..], &[0]].concat();
        assert_eq!(key().open(PLACE, &longer).unwrap_err(), OpenError::Tampered);
    }

    #[test]
    fn a_blob_opens_nowhere_else() {
        let sealed = key().seal(PLACE, b"secret").unwrap();
        let elsewhere = [
            Place { table: "licens", column: "ekey_sealed", ..PLACE },
            Place { table: "activation", ..PLACE },
            Place { column: "note_sealed", ..PLACE },
            Place { row: "lic_2", ..PLACE },
            Place { column: "key_sealedlic", row: "_1", ..PLACE },
        ];
        for place in elsewhere {
            assert_eq!(key().open(place, sealed.as_ref()).unwrap_err(), OpenError::Tampered);
        }
    }

    #[test]
    fn another_key_says_which_key_it_was() {
        let other = KeyEncryptionKey::from_bytes([2; 32]);
        let sealed = other.seal(PLACE, b"secret").unwrap();
        let expected = OpenError::OtherKey { key_id: other.id().to_owned() };
        assert_eq!(key().open(PLACE, sealed.as_ref()).unwrap_err(), expected);
    }

    #[test]
    fn the_same_value_never_seals_alike() {
        assert_ne!(key().seal(PLACE, b"secret").unwrap(), key().seal(PLACE, b"secret").unwrap());
    }

    #[test]
    fn debug_shows_the_id_only() {
        assert_eq!(key().id().len(), 16);
        assert_eq!(format!("{:?}", key()), format!("KeyEncryptionKey {{ id: {:?}, .. }}", key().id()));
    }
}
