//! Heartbeat nonces that the server need not store.
//!
//! A nonce names its place in an activation's chain (epoch and generation) and proves by a MAC that this server made
//! it for this activation. Garbage is refused before any database is asked; a valid nonce ahead of the row tells of a
//! restored backup.

use std::fmt;

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::hashing::{hmac_sha256, leading};

const LABEL: &[u8] = b"licentia/heartbeat-nonce/v1";
const MAC_BYTES: usize = 16;
const NONCE_BYTES: usize = 4 + 8 + MAC_BYTES;

/// A place in the nonce chain of one activation. Orders as the chain runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce {
    /// Rises when the machine activates again.
    pub epoch: u32,
    /// Rises with every heartbeat; starts again with each epoch.
    pub generation: u64,
}

/// The text is no nonce of this activation: wrong length, encoding or MAC. Which of them is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the nonce is not valid for this activation")]
pub struct NonceInvalid;

/// The chain key: whoever holds it can mint nonces.
#[derive(Clone)]
pub struct NonceKey(hmac::Key);

impl NonceKey {
    /// Takes 32 bytes that are random or derived for this use alone.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice()))
    }

    /// The nonce as a client keeps it: base64url of `epoch ‖ generation ‖ MAC`, 38 characters.
    #[must_use]
    pub fn mint(&self, activation: &[u8; 16], nonce: Nonce) -> String {
        let mac = self.mac(activation, nonce);
        let bytes = [&nonce.epoch.to_be_bytes()[..], &nonce.generation.to_be_bytes(), &mac].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a nonce that was minted for this activation. The MAC is compared in constant time.
    ///
    /// # Errors
    /// [`NonceInvalid`] for any other text, also for a second spelling of a valid nonce (padding, stray bits).
    pub fn open(&self, activation: &[u8; 16], text: &str) -> Result<Nonce, NonceInvalid> {
        // The engine wants room for its own estimate of the decoded length.
        let mut buffer = [0; NONCE_BYTES + 2];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut buffer).map_err(|_| NonceInvalid)?;
        let bytes = buffer.get(..length).ok_or(NonceInvalid)?;

        let (epoch, rest) = bytes.split_first_chunk().ok_or(NonceInvalid)?;
        let (generation, mac) = rest.split_first_chunk().ok_or(NonceInvalid)?;
        let nonce = Nonce { epoch: u32::from_be_bytes(*epoch), generation: u64::from_be_bytes(*generation) };
        verify_slices_are_equal(&self.mac(activation, nonce), mac).map_err(|_| NonceInvalid)?;
        Ok(nonce)
    }

    fn mac(&self, activation: &[u8; 16], nonce: Nonce) -> [u8; MAC_BYTES] {
        // Every part has a fixed length, so none needs a prefix.
        leading(&hmac_sha256(
            &self.0,
            &[LABEL, activation, &nonce.epoch.to_be_bytes(), &nonce.generation.to_be_bytes()],
        ))
    }
}

impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ACTIVATION: [u8; 16] = [7; 16];
    const NONCE: Nonce = Nonce { epoch: 3, generation: 12 };

    fn key() -> NonceKey {
        NonceKey::from_bytes([1; 32])
    }

    proptest! {
        #[test]
        fn what_was_minted_opens(epoch: u32, generation: u64, activation: [u8; 16]) {
            let nonce = Nonce { epoch, generation };
            let text = key().mint(&activation, nonce);
            prop_assert_eq!(text.len(), 38);
            prop_assert_eq!(key().open(&activation, &text), Ok(nonce));
        }

        #[test]
        fn any_other_text_is_refused(text in ".{0,80}") {
            prop_assert_eq!(key().open(&ACTIVATION, &text), Err(NonceInvalid));
        }
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let bytes = URL_SAFE_NO_PAD.decode(key().mint(&ACTIVATION, NONCE)).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut tampered = bytes.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key().open(&ACTIVATION, &URL_SAFE_NO_PAD.encode(tampered)), Err(NonceInvalid));
        }
    }

    #[test]
    fn another_activation_or_key_refuses_it() {
        let text = key().mint(&ACTIVATION, NONCE);
        assert_eq!(key().open(&[8; 16], &text), Err(NonceInvalid));
        assert_eq!(NonceKey::from_bytes([2; 32]).open(&ACTIVATION, &text), Err(NonceInvalid));
    }

    #[test]
    fn only_one_spelling_is_accepted() {
        let text = key().mint(&ACTIVATION, NONCE);
        let last = text.chars().last().unwrap();
        let mut accepted = 0;
        for other in ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']) {
            let spelling = format!("{}{other}", &text[..37]);
            accepted += usize::from(key().open(&ACTIVATION, &spelling).is_ok());
            assert_eq!(key().open(&ACTIVATION, &spelling).is_ok(), other == last);
        }
        assert_eq!(accepted, 1);
        for spelling in [
            format!("{text}=="),
            format!(" {text}"),
            format!("{text}A"),
            text[..37].to_owned(),
            String::new(),
        ] {
            assert_eq!(key().open(&ACTIVATION, &spelling), Err(NonceInvalid));
        }
    }

    #[test]
    fn nonces_order_by_epoch_then_generation() {
        assert!(NONCE < Nonce { epoch: 3, generation: 13 });
        assert!(NONCE < Nonce { epoch: 4, generation: 0 });
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", key()), "NonceKey(redacted)");
    }
}
