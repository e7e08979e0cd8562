//! Up to eight RS256 signatures at once, in the lanes of AVX-512 IFMA, by a library that is loaded when it is there.
//!
//! A full call costs less than half of eight signatures one after another; five lanes are worth it, four are not. The
//! signatures are the very bytes that aws-lc makes: RSASSA-PKCS1-v1_5 has one for each message (RFC 8017 §8.2).
//! Nothing leaves that the public operation does not lead back to its message: a fault while signing with the remainders of a
//! key would betray its primes (Boneh, `DeMillo`, Lipton 1997).

mod key;
mod known_answer;
mod library;
mod padding;

use std::path::Path;

pub use key::LaneKey;
pub use library::Scratch;
use library::{Library, Padded};
use zeroize::Zeroize;

use crate::rsa_keys::{KeyPair, MAX_SIGNATURE_BYTES};

/// Signatures of one call, at most.
pub const LANES: usize = 8;
/// From so many on, one call costs less than one signature after another.
pub const WORTHWHILE: usize = 5;

/// The name by which the system's own paths are asked for the library.
const NAME: &str = "libcrypto_mb.so.11";

/// Why there are no lanes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultiBufferError {
    /// No such file, or not this library; in the words of whoever looked for it.
    #[error("libcrypto_mb cannot be loaded: {0}")]
    Missing(String),
    /// Made for another interface.
    #[error("libcrypto_mb is of version {0}; 1.0.14 or a later 1.0 is needed")]
    Version(String),
    /// No AVX-512 IFMA.
    #[error("the processor has no AVX-512 IFMA")]
    Processor,
    /// It gave another answer than the known one.
    #[error("libcrypto_mb makes wrong signatures")]
    Wrong,
}

/// The loaded library, which gave the known answer.
#[derive(Debug)]
pub struct MultiBuffer {
    library: Library,
}

impl MultiBuffer {
    /// Loads the library, from this path or from the system's own, and has it make a signature that is known.
    ///
    /// # Errors
    /// [`MultiBufferError`] says why it is not used.
    pub fn load(path: Option<&Path>) -> Result<Self, MultiBufferError> {
        if !processor_has_lanes() {
            return Err(MultiBufferError::Processor);
        }
        let library = Library::load(path.unwrap_or_else(|| Path::new(NAME)))?;
        let loaded = Self { library };
        if loaded.gives_known_answer() { Ok(loaded) } else { Err(MultiBufferError::Wrong) }
    }

    /// What the library calls itself, such as `1.0.14`.
    #[must_use]
    pub fn version(&self) -> &str {
        self.library.version()
    }

    /// Room for calls, one at a time: for each thread that signs.
    #[must_use]
    pub fn scratch(&self) -> Scratch {
        self.library.scratch()
    }

    /// The key as the lanes want it; none where they cannot sign with it: another size or public exponent, or its parts do not
    /// give the signature that aws-lc gives.
    #[must_use]
    pub fn prepare(&self, key_pair: &KeyPair) -> Option<LaneKey> {
        const PROBE: &[u8] = b"licentia";
        let key = LaneKey::of(key_pair)?;
        let mut buffer = [0; MAX_SIGNATURE_BYTES];
        let expected = key_pair.sign_rs256(PROBE, &mut buffer).ok()?;
        let signed = self.sign(&[(&key, PROBE)], &mut self.scratch());
        let same = signed.first().is_some_and(|first| first.as_deref() == Some(expected));
        same.then_some(key)
    }

    /// Signs messages (`RS256`, RFC 7518 §3.3), up to eight under keys of one size; in their order. None where a
    /// signature does not lead back to its message, or has no lane: it is to be signed otherwise.
    #[must_use]
    pub fn sign(&self, messages: &[(&LaneKey, &[u8])], scratch: &mut Scratch) -> Vec<Option<Vec<u8>>> {
        let none = || vec![None; messages.len()];
        let Some(bits) = messages.first().map(|(key, _)| key.bits()) else { return none() };
        let padded: Vec<(&LaneKey, Padded)> =
            messages.iter().map(|(key, message)| (*key, padding::padded(bits, message))).collect();
        let mut results = [[0; _]; LANES];
        if !self.library.sign(bits, &padded, &mut results, scratch) {
            return none();
        }
        let mut signed: Vec<(&LaneKey, Padded)> =
            messages.iter().zip(results).map(|((key, _), signature)| (*key, signature)).collect();
        let mut recovered = [[0; _]; LANES];
        if !self.library.recover(bits, &signed, &mut recovered, scratch) {
            return none();
        }
        let length = padding::length(bits);
        let checked = padded.iter().zip(signed.iter_mut()).zip(&recovered);
        let signatures = checked.map(|(((_, message), (_, signature)), recovered)| {
            let leads_back = message == recovered;
            let good = leads_back.then(|| signature.get(..length).map(<[u8]>::to_vec)).flatten();
            // One that is wrong would betray the key.
            signature.zeroize();
            good
        });
        let signatures = signatures.collect();
        results.zeroize();
        signatures
    }

    fn gives_known_answer(&self) -> bool {
        known_answer::is_given(|messages| self.sign(messages, &mut self.scratch()))
    }
}

#[cfg(target_arch = "x86_64")]
fn processor_has_lanes() -> bool {
    std::arch::is_x86_feature_detected!("avx512ifma")
}

#[cfg(not(target_arch = "x86_64"))]
fn processor_has_lanes() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::rsa_keys::RsaKeyBits;

    /// The library that the tests are to use; scripts/test.sh says when there is none, and leaves out this module's.
    fn real() -> MultiBuffer {
        MultiBuffer::load(std::env::var_os("LICENTIA_TEST_MULTI_BUFFER").map(PathBuf::from).as_deref())
            .unwrap()
    }

    fn by_aws_lc(key: &KeyPair, message: &[u8]) -> Vec<u8> {
        key.sign_rs256(message, &mut [0; MAX_SIGNATURE_BYTES]).unwrap().to_vec()
    }

    #[test]
    fn what_is_no_library_is_missing() {
        for path in ["/nowhere/libcrypto_mb.so", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
            match MultiBuffer::load(Some(Path::new(path))).unwrap_err() {
                MultiBufferError::Missing(why) => {
                    assert!(processor_has_lanes() && why.contains(path), "{why}");
                }
                error => assert_eq!(error, MultiBufferError::Processor),
            }
        }
    }

    /// With the library itself, on a processor that it is made for.
    mod multi_buffer_library {
        use super::*;

        /// Two keys of each size.
        static KEYS: LazyLock<Vec<Vec<KeyPair>>> = LazyLock::new(|| {
            let two = |bits| (0..2).map(|_| KeyPair::generate(bits).unwrap()).collect();
            [RsaKeyBits::Rsa2048, RsaKeyBits::Rsa3072, RsaKeyBits::Rsa4096].into_iter().map(two).collect()
        });
        static LOADED: LazyLock<MultiBuffer> = LazyLock::new(real);
        static PREPARED: LazyLock<Vec<Vec<LaneKey>>> = LazyLock::new(|| {
            let prepare = |keys: &Vec<KeyPair>| keys.iter().map(|key| LOADED.prepare(key).unwrap()).collect();
            KEYS.iter().map(prepare).collect()
        });

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(24))]

            #[test]
            fn signs_the_bytes_that_aws_lc_signs(
                size in 0..3_usize,
                lanes in prop::collection::vec((0..2_usize, prop::collection::vec(any::<u8>(), 0..300)), 1..=LANES),
            ) {
                let messages: Vec<_> =
                    lanes.iter().map(|(key, message)| (&PREPARED[size][*key], message.as_slice())).collect();
                let expected: Vec<_> =
                    lanes.iter().map(|(key, message)| Some(by_aws_lc(&KEYS[size][*key], message))).collect();
                prop_assert_eq!(LOADED.sign(&messages, &mut LOADED.scratch()), expected);
            }
        }

        #[test]
        fn keys_of_two_sizes_and_more_than_eight_messages_have_no_lane() {
            let mixed = [(&PREPARED[0][0], &b"a"[..]), (&PREPARED[1][0], &b"b"[..])];
            assert_eq!(LOADED.sign(&mixed, &mut LOADED.scratch()), [None, None]);
            let many = vec![(&PREPARED[0][0], &b"a"[..]); LANES + 1];
            assert_eq!(LOADED.sign(&many, &mut LOADED.scratch()), vec![None; LANES + 1]);
            assert!(LOADED.sign(&[], &mut LOADED.scratch()).is_empty());
        }

        #[test]
        fn the_parts_of_another_key_give_no_signature() {
            let own = LaneKey::of(&KEYS[0][0]).unwrap();
            for spoil in [LaneKey::spoil_dp, LaneKey::spoil_q_inverse] {
                let mut spoiled = LaneKey::of(&KEYS[0][0]).unwrap();
                spoil(&mut spoiled);
                let signed =
                    LOADED.sign(&[(&own, b"a"), (&spoiled, b"a"), (&own, b"b")], &mut LOADED.scratch());
                let expected = [Some(by_aws_lc(&KEYS[0][0], b"a")), None, Some(by_aws_lc(&KEYS[0][0], b"b"))];
                assert_eq!(signed, expected);
            }
        }

        #[test]
        fn threads_sign_side_by_side() {
            let expected = by_aws_lc(&KEYS[0][0], b"message");
            std::thread::scope(|threads| {
                for _ in 0..4 {
                    threads.spawn(|| {
                        let mut scratch = LOADED.scratch();
                        for _ in 0..50 {
                            let signed =
                                LOADED.sign(&[(&PREPARED[0][0], &b"message"[..]); LANES], &mut scratch);
                            assert!(signed.iter().all(|signature| signature.as_ref() == Some(&expected)));
                        }
                    });
                }
            });
        }
    }
}
