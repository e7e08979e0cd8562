//! Licence keys: ours, whose typing errors are found offline, and anyone else's, which are kept to the letter.
//!
//! A native key is `PREFIX-` and five groups of five symbols of Crockford's base32: 120 random bits and a check symbol
//! that finds every wrong symbol and every two symbols that changed places. A key is a secret: it is shown masked, and
//! `Debug` shows nothing of it.

mod check_symbol;
mod native;
mod strength;

use std::collections::BTreeSet;
use std::fmt;

use zeroize::Zeroizing;

pub use native::{KeyPrefix, KeyPrefixError, NativeKey};

/// The lengths of a foreign key, in bytes.
const FOREIGN_BYTES: std::ops::RangeInclusive<usize> = 8..=512;

/// The text can be no licence key: the shape of a native key with a typing error in it, control characters, or not
/// 8–512 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LicenseKeyError {
    /// No licence key, as typed.
    #[error("the licence key is mistyped, or is not 8 to 512 printable characters long")]
    Malformed,
}

/// A licence key as someone typed it, in the form under which it is looked up. Keys are compared by their digests, so
/// there is no `==`.
#[derive(Clone)]
pub struct LicenseKey {
    canonical: Zeroizing<String>,
    native: bool,
}

impl LicenseKey {
    /// Reads a typed key.
    ///
    /// With the shape of a native key it is read as one: whitespace around it, its case, spaces or dashes for hyphens,
    /// O for 0, I and L for 1 do not matter, and the check symbol must hold. Any other printable text of 8–512 bytes
    /// is a foreign key and stays exactly as it is, whitespace and all.
    ///
    /// # Errors
    /// [`LicenseKeyError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, LicenseKeyError> {
        if let Some(groups) = native::shape(text.trim()) {
            return groups.read().map(Self::from).ok_or(LicenseKeyError::Malformed);
        }
        if !FOREIGN_BYTES.contains(&text.len()) || text.chars().any(char::is_control) {
            return Err(LicenseKeyError::Malformed);
        }
        Ok(Self { canonical: Zeroizing::new(text.to_owned()), native: false })
    }

    /// The one spelling that is digested and sealed. A secret.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Whether this is a key of ours, with a check symbol that holds.
    #[must_use]
    pub fn is_native(&self) -> bool {
        self.native
    }

    /// What may be shown: the prefix and last group of a native key (`DEMO-…-7K2QX`), at most the last four characters
    /// and never more than a quarter of a foreign one.
    #[must_use]
    pub fn masked(&self) -> String {
        if self.native
            && let Some((prefix, _)) = self.canonical.split_once('-')
            && let Some((_, last)) = self.canonical.rsplit_once('-')
        {
            return format!("{prefix}-…-{last}");
        }
        let length = self.canonical.chars().count();
        let hidden = length - 4.min(length / 4);
        "…".chars().chain(self.canonical.chars().skip(hidden)).collect()
    }

    /// An estimate, in bits, of how hard the key is to guess: 120 for a native key, unless somebody made it up (random
    /// ones show some seventeen different symbols, and never fewer than eight). A chosen key is expected to reach 80.
    #[must_use]
    pub fn strength_bits(&self) -> u32 {
        let made_up = || {
            let symbols = self.canonical.split_once('-').map_or("", |(_, symbols)| symbols);
            symbols.chars().collect::<BTreeSet<char>>().len() <= 8
        };
        if self.native && !made_up() { native::RANDOM_BITS } else { strength::estimate(&self.canonical) }
    }
}

impl From<NativeKey> for LicenseKey {
    fn from(key: NativeKey) -> Self {
        Self { canonical: key.into_text(), native: true }
    }
}

impl fmt::Debug for LicenseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LicenseKey").field("native", &self.native).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
