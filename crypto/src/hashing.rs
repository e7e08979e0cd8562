//! SHA-256 and HMAC-SHA-256 over several parts, and the length prefix that keeps the parts apart.

use aws_lc_rs::{digest, hmac};

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    leading(context.finish().as_ref())
}

pub(crate) fn hmac_sha256(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    leading(context.sign().as_ref())
}

/// The length in bytes as eight big-endian bytes: put before a part, it makes `("ab", "c")` differ from `("a", "bc")`.
pub(crate) fn length_prefix(part: &[u8]) -> [u8; 8] {
    // No platform has a `usize` wider than 64 bits, so the fallback is never taken.
    u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes()
}

/// The first `N` bytes of a digest that is at least as long.
pub(crate) fn leading<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, source) in bytes.iter_mut().zip(digest) {
        *byte = *source;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_of_parts_is_sha256_of_the_whole() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(sha256(&[b"a", b"", b"bc"])), expected);
    }

    #[test]
    fn hmac_of_parts_is_hmac_of_the_whole() {
        // RFC 4231 §4.3.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(hmac_sha256(&key, &[b"what do ya want ", b"for nothing?"])), expected);
    }
}
