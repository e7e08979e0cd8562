//! Passwords at rest: argon2id (RFC 9106) with 19 MiB, two passes and one lane, as PHC strings.
//!
//! A password is normalised (NFKC, as NIST SP 800-63B §5.1.1.2 says), so that one typed on another keyboard, or with
//! accents composed in another way, is the same.

use argon2::password_hash::PasswordHasher as _;
use argon2::{Argon2, PasswordHash, PasswordVerifier as _};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// Bytes of a salt.
pub const SALT: usize = 16;

/// No hash was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password could not be hashed")]
pub struct HashError;

/// Hashes a password under a salt that was drawn for it. Takes some 20 ms and 19 MiB.
///
/// # Errors
/// When there is no memory.
pub fn hash(password: &str, salt: &[u8; SALT]) -> Result<String, HashError> {
    let hash = Argon2::default().hash_password_with_salt(normalised(password).as_bytes(), salt);
    hash.map(|hash| hash.to_string()).map_err(|_| HashError)
}

/// Whether this is the password that was hashed. Costs as much as hashing it.
#[must_use]
pub fn verify(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    Argon2::default().verify_password(normalised(password).as_bytes(), &hash).is_ok()
}

/// The password as it is hashed.
#[must_use]
pub fn normalised(password: &str) -> Zeroizing<String> {
    // Allocated once: nothing of it stays behind where it grew.
    let mut text = Zeroizing::new(String::with_capacity(password.len().saturating_mul(4)));
    text.extend(password.nfkc());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: [u8; SALT] = [7; SALT];

    #[test]
    fn only_the_password_that_was_hashed_verifies() {
        let hash = hash("correct horse battery", &SOME).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("correct horse battery", &hash));
        for wrong in ["correct horse batterY", "correct horse battery ", "", "correct horse batter"] {
            assert!(!verify(wrong, &hash), "{wrong}");
        }
    }

    #[test]
    fn the_same_password_under_another_salt_is_another_hash() {
        assert_ne!(hash("correct horse battery", &SOME), hash("correct horse battery", &[8; SALT]));
    }

    #[test]
    fn accents_may_be_composed_in_either_way() {
        let hash = hash("caf\u{e9} au lait", &SOME).unwrap();
        assert!(verify("cafe\u{301} au lait", &hash));
        assert!(!verify("cafe au lait", &hash));
    }

    #[test]
    fn what_is_no_hash_verifies_nothing() {
        for hash in ["", "correct horse battery", "$argon2id$v=19$m=19456,t=2,p=1$"] {
            assert!(!verify("correct horse battery", hash));
        }
    }
}
