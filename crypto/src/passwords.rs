//! Passwords at rest: argon2id (RFC 9106) with 19 MiB, two passes and one lane, as PHC strings.
//!
//! A password is normalised (NFKC, as NIST SP 800-63B §5.1.1.2 says), so that one typed on another keyboard, or with
//! accents composed in another way, is the same.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// Bytes of a salt.
pub const SALT: usize = 16;
/// Blocks of 1 KiB that are reserved at least. malloc keeps freed memory of up to 32 MiB for itself (mallopt(3),
/// `M_MMAP_THRESHOLD`), for each thread anew; what is larger goes back to the system at once, and what is not touched costs nothing.
const RESERVED: usize = 34 * 1024;

/// No hash was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password could not be hashed")]
pub struct HashError;

/// Hashes a password under a salt that was drawn for it. Takes some 20 ms and 19 MiB.
///
/// # Errors
/// When there is no memory.
pub fn hash(password: &str, salt: &[u8; SALT]) -> Result<String, HashError> {
    let argon2 = Argon2::default();
    let output = output(&argon2, password, salt, Params::DEFAULT_OUTPUT_LEN)?;
    let hash = PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(argon2.params()).map_err(|_| HashError)?,
        salt: Some(Salt::new(salt).map_err(|_| HashError)?),
        hash: Some(output),
    };
    Ok(hash.to_string())
}

/// Whether this is the password that was hashed. Costs as much as hashing it.
#[must_use]
pub fn verify(password: &str, hash: &str) -> bool {
    made_again(password, hash).is_some_and(|(made, wanted)| made == wanted)
}

/// What the password gives under the parameters of the hash, and what it should give. Outputs compare in constant time.
fn made_again(password: &str, hash: &str) -> Option<(Output, Output)> {
    let hash = PasswordHash::new(hash).ok()?;
    let (salt, wanted) = (hash.salt?, hash.hash?);
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = Version::try_from(hash.version?).ok()?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&hash).ok()?);
    let made = output(&argon2, password, &salt, wanted.len()).ok()?;
    Some((made, wanted))
}

fn output(argon2: &Argon2<'_>, password: &str, salt: &[u8], length: usize) -> Result<Output, HashError> {
    let mut memory = Vec::new();
    let blocks = argon2.params().block_count();
    memory.try_reserve_exact(blocks.max(RESERVED)).map_err(|_| HashError)?;
    memory.resize(blocks, Block::new());
    let mut bytes = [0; Output::MAX_LENGTH];
    let bytes = bytes.get_mut(..length).ok_or(HashError)?;
    let hashed =
        argon2.hash_password_into_with_memory(normalised(password).as_bytes(), salt, bytes, &mut memory);
    hashed.map_err(|_| HashError)?;
    Output::new(bytes).map_err(|_| HashError)
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
