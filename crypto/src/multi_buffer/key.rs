//! The numbers of a private key as the lanes want them: words of 64 bits, the least significant first.

use pkcs1::UintRef;
use zeroize::Zeroizing;

use crate::rsa_keys::{KeyPair, RsaKeyBits};

/// The public exponent that the library can check signatures with.
const EXPONENT: [u8; 3] = [1, 0, 1];
const WORD_BITS: usize = 64;

type Words = Zeroizing<Vec<u64>>;

/// A private key with its remainders (RFC 8017 §3.2), of 2048, 3072 or 4096 bits. Never shown; wiped when it goes.
pub struct LaneKey {
    bits: RsaKeyBits,
    n: Words,
    p: Words,
    q: Words,
    dp: Words,
    dq: Words,
    q_inverse: Words,
}

impl std::fmt::Debug for LaneKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LaneKey").field("bits", &self.bits).finish_non_exhaustive()
    }
}

impl LaneKey {
    /// The key's numbers; none where its size, its exponent or the sizes of its primes are not those of the lanes.
    pub(super) fn of(key_pair: &KeyPair) -> Option<Self> {
        let bits = RsaKeyBits::try_from(key_pair.public().bits()).ok()?;
        let pkcs8 = key_pair.to_pkcs8().ok()?;
        let document = pkcs8::PrivateKeyInfo::try_from(pkcs8.as_slice()).ok()?;
        let key = pkcs1::RsaPrivateKey::try_from(document.private_key).ok()?;
        if key.public_exponent.as_bytes() != EXPONENT {
            return None;
        }
        let whole = usize::try_from(u32::from(bits)).ok()? / WORD_BITS;
        let half = |number| words(number, whole / 2);
        Some(Self {
            bits,
            n: words(key.modulus, whole)?,
            p: half(key.prime1)?,
            q: half(key.prime2)?,
            dp: half(key.exponent1)?,
            dq: half(key.exponent2)?,
            q_inverse: half(key.coefficient)?,
        })
    }

    /// Its size.
    #[must_use]
    pub fn bits(&self) -> RsaKeyBits {
        self.bits
    }

    pub(super) fn n(&self) -> &[u64] {
        &self.n
    }

    pub(super) fn p(&self) -> &[u64] {
        &self.p
    }

    pub(super) fn q(&self) -> &[u64] {
        &self.q
    }

    pub(super) fn dp(&self) -> &[u64] {
        &self.dp
    }

    pub(super) fn dq(&self) -> &[u64] {
        &self.dq
    }

    pub(super) fn q_inverse(&self) -> &[u64] {
        &self.q_inverse
    }

    /// A fault in one of the two exponents.
    #[cfg(test)]
    pub(super) fn spoil_dp(&mut self) {
        self.dp[3] ^= 1;
    }

    /// A fault where the two halves are put together.
    #[cfg(test)]
    pub(super) fn spoil_q_inverse(&mut self) {
        self.q_inverse[3] ^= 1;
    }
}

/// Exactly so many words; none where the number is longer.
fn words(number: UintRef<'_>, count: usize) -> Option<Words> {
    let bytes = number.as_bytes();
    if bytes.len() > count * size_of::<u64>() {
        return None;
    }
    // Never grows: what it left behind would not be wiped.
    let mut words = Zeroizing::new(Vec::with_capacity(count));
    words.extend(
        bytes
            .rchunks(size_of::<u64>())
            .map(|chunk| chunk.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte))),
    );
    words.resize(count, 0);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_little_endian_and_of_fixed_count() {
        let number = UintRef::new(&[1, 2, 0, 0, 0, 0, 0, 0, 3]).unwrap();
        assert_eq!(*words(number, 3).unwrap(), [0x0200_0000_0000_0003, 1, 0]);
        assert!(words(number, 1).is_none());
    }

    #[test]
    fn debug_shows_the_size_only() {
        let key = LaneKey::of(&crate::rsa_keys::fixtures::key_pair()).unwrap();
        assert_eq!(format!("{key:?}"), "LaneKey { bits: Rsa2048, .. }");
        assert_eq!((key.n().len(), key.p().len(), key.q_inverse().len()), (32, 16, 16));
    }
}
