//! The native key: how it is made, and how it is read from what a person typed.

use std::fmt;

use zeroize::Zeroizing;

use super::check_symbol;
use crate::crockford;

/// What is random in a native key: 24 symbols of five bits.
pub(super) const RANDOM_BITS: u32 = 120;

const GROUP_SYMBOLS: usize = 5;

/// What a person, a mail program or a word processor puts for a hyphen.
const SEPARATORS: [char; 9] =
    ['-', ' ', '\u{a0}', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}'];

/// The first part of a vendor's native keys: 2–16 characters of `A–Z` and `0–9`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyPrefix(String);

/// The text is no key prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key prefix has 2 to 16 characters of A-Z and 0-9")]
pub struct KeyPrefixError;

impl KeyPrefix {
    /// Reads a prefix.
    ///
    /// # Errors
    /// [`KeyPrefixError`] when it is not `[A-Z0-9]{2,16}`.
    pub fn parse(text: &str) -> Result<Self, KeyPrefixError> {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if (2..=16).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyPrefixError)
        }
    }

    /// The prefix without its hyphen.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A licence key that we made.
pub struct NativeKey(Zeroizing<String>);

impl NativeKey {
    /// Makes the key of 120 random bits.
    #[must_use]
    pub fn from_random(prefix: &KeyPrefix, random: [u8; 15]) -> Self {
        let random = Zeroizing::new(random);
        let values = crockford::groups(random.as_slice());
        let check = check_symbol::of(crockford::groups(random.as_slice()));
        Self::write(prefix, values.chain([check]))
    }

    /// The key itself, to be sealed and shown to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn into_text(self) -> Zeroizing<String> {
        self.0
    }

    fn write(prefix: &KeyPrefix, values: impl Iterator<Item = u8>) -> Self {
        // Room for the whole key, so that no part of it stays behind in a buffer that was outgrown.
        let mut text = Zeroizing::new(String::with_capacity(prefix.0.len() + 30));
        text.push_str(&prefix.0);
        for (index, value) in values.enumerate() {
            if index.is_multiple_of(GROUP_SYMBOLS) {
                text.push('-');
            }
            text.push(crockford::symbol(value));
        }
        Self(text)
    }
}

impl fmt::Debug for NativeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NativeKey(redacted)")
    }
}

/// A text in the shape of a native key, its symbols not yet read.
pub(super) struct Groups<'text> {
    prefix: KeyPrefix,
    symbols: [&'text str; 5],
}

/// The text as prefix and five groups of five letters or digits, if it has that shape.
pub(super) fn shape(text: &str) -> Option<Groups<'_>> {
    let (prefix, rest) = text.split_once(SEPARATORS)?;
    let prefix = KeyPrefix::parse(&prefix.to_ascii_uppercase()).ok()?;
    let symbols: [&str; 5] = rest.split(SEPARATORS).collect::<Vec<_>>().try_into().ok()?;
    let is_group =
        |group: &str| group.len() == GROUP_SYMBOLS && group.bytes().all(|byte| byte.is_ascii_alphanumeric());
    symbols.iter().all(|group| is_group(group)).then_some(Groups { prefix, symbols })
}

impl Groups<'_> {
    /// The key in its canonical spelling; none when a symbol is no symbol (`U`) or the check symbol does not hold.
    pub(super) fn read(&self) -> Option<NativeKey> {
        let symbols = || self.symbols.iter().flat_map(|group| group.chars());
        let values = || symbols().filter_map(crockford::value);
        (symbols().all(|symbol| crockford::value(symbol).is_some()) && check_symbol::holds(values()))
            .then(|| NativeKey::write(&self.prefix, values()))
    }
}
