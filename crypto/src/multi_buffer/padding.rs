//! EMSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §9.2): the padded message that a signature leads back to.

use aws_lc_rs::digest::{SHA256, digest};

use super::library::Padded;
use crate::rsa_keys::RsaKeyBits;

/// The DER of `DigestInfo` for SHA-256, up to the digest (RFC 8017 §9.2, note 1).
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// The length of a signature in bytes.
pub(super) fn length(bits: RsaKeyBits) -> usize {
    match bits {
        RsaKeyBits::Rsa2048 => 256,
        RsaKeyBits::Rsa3072 => 384,
        RsaKeyBits::Rsa4096 => 512,
    }
}

/// `00 01 FF … FF 00 DigestInfo digest`, as long as the modulus; zeros behind it.
pub(super) fn padded(bits: RsaKeyBits, message: &[u8]) -> Padded {
    let digest = digest(&SHA256, message);
    let end = DIGEST_INFO.iter().chain(digest.as_ref());
    let fill = length(bits) - 3 - DIGEST_INFO.len() - digest.as_ref().len();
    let bytes = [0, 1].into_iter().chain(std::iter::repeat_n(0xff, fill)).chain([0]).chain(end.copied());
    let mut padded = [0; _];
    for (place, byte) in padded.iter_mut().zip(bytes) {
        *place = byte;
    }
    padded
}
