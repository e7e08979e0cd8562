//! `A256CBC-HS512`: AES-256 in CBC mode, then HMAC-SHA-512 (RFC 7518 §5.2.5).

use aws_lc_rs::{
    cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey},
    error::Unspecified,
    hmac,
};
use zeroize::Zeroizing;

use crate::hashing::leading;

/// The JOSE name (`enc`).
pub(super) const NAME: &str = "A256CBC-HS512";

pub(super) const IV_BYTES: usize = 16;
const TAG_BYTES: usize = 32;

/// The content key of one token: the first half authenticates, the second encrypts (RFC 7518 §5.2.2.1).
pub(super) type ContentKey = Zeroizing<[u8; 64]>;

pub(super) struct Encrypted {
    pub(super) ciphertext: Vec<u8>,
    pub(super) tag: [u8; TAG_BYTES],
}

/// Encrypts under a key and IV that are used only once.
pub(super) fn encrypt(
    key: &ContentKey,
    iv: [u8; IV_BYTES],
    associated_data: &[u8],
    plaintext: &[u8],
) -> Result<Encrypted, Unspecified> {
    let (mac_key, encryption_key) = key.split_at(32);

    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, encryption_key)?)?;
    let mut ciphertext = Vec::with_capacity(plaintext.len() + IV_BYTES);
    ciphertext.extend_from_slice(plaintext);
    cipher.less_safe_encrypt(&mut ciphertext, EncryptionContext::Iv128(iv.into()))?;

    let tag = tag(mac_key, associated_data, &iv, &ciphertext)?;
    Ok(Encrypted { ciphertext, tag })
}

/// The first half of `HMAC(associated data ‖ IV ‖ ciphertext ‖ bits of associated data)`, RFC 7518 §5.2.2.1.
pub(super) fn tag(
    mac_key: &[u8],
    associated_data: &[u8],
    iv: &[u8; IV_BYTES],
    ciphertext: &[u8],
) -> Result<[u8; TAG_BYTES], Unspecified> {
    let bits = u64::try_from(associated_data.len() * 8).map_err(|_| Unspecified)?;
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA512, mac_key));
    for part in [associated_data, iv, ciphertext, &bits.to_be_bytes()] {
        context.update(part);
    }
    Ok(leading(context.sign().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_rfc_7518_appendix_b_3() {
        let mut key = ContentKey::new([0; 64]);
        for (index, byte) in (0..).zip(key.iter_mut()) {
            *byte = index;
        }
        let iv =
            [0x1a, 0xf3, 0x8c, 0x2d, 0xc2, 0xb9, 0x6f, 0xfd, 0xd8, 0x66, 0x94, 0x09, 0x23, 0x41, 0xbc, 0x04];
        let plaintext = b"A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy without inconvenience";
        let encrypted = encrypt(&key, iv, b"The second principle of Auguste Kerckhoffs", plaintext).unwrap();
        assert_eq!(
            hex::encode(encrypted.ciphertext),
            "4affaaadb78c31c5da4b1b590d10ffbd3dd8d5d302423526912da037ecbcc7bd\
             822c301dd67c373bccb584ad3e9279c2e6d12a1374b77f077553df829410446b\
             36ebd97066296ae6427ea75c2e0846a11a09ccf5370dc80bfecbad28c73f09b3\
             a3b75e662a2594410ae496b2e2e6609e31e6e02cc837f053d21f37ff4f51950b\
             be2638d09dd7a4930930806d0703b1f6"
        );
        assert_eq!(
            hex::encode(encrypted.tag),
            "4dd3b4c088a7f45c216839645b2012bf2e6269a8c56a816dbc1b267761955bc5"
        );
    }
}
