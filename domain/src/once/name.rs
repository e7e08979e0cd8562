//! Keys as they come, and the digests that stand for them: nothing of a request is kept in clear.

use std::str::FromStr;

use licentia_crypto::digests::Parts;

use super::error::OnceError;
use crate::actors::Actor;
use crate::context::Context;

/// Most characters of a key.
const LONGEST: usize = 255;

/// What a client calls its request: 1 to 255 visible ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct OnceKey(String);

impl FromStr for OnceKey {
    type Err = OnceError;

    fn from_str(text: &str) -> Result<Self, OnceError> {
        let is_key = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_key { Ok(Self(text.to_owned())) } else { Err(OnceError::NoKey) }
    }
}

impl std::fmt::Debug for OnceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnceKey")
    }
}

/// Stands for principal, route and key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name([u8; 32]);

impl Name {
    pub(super) fn of(ctx: &Context, actor: &Actor, route: &str, key: &OnceKey) -> Self {
        let mut parts = Parts::begin();
        for part in [&actor.name(), route] {
            parts.take(part.as_bytes());
            parts = parts.next();
        }
        parts.take(key.0.as_bytes());
        Self(ctx.secrets.digests.digest("once-name", &parts.finish()))
    }

    #[cfg(test)]
    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// The number of its lock.
    pub(super) fn number(&self) -> i64 {
        self.0.first_chunk().copied().map_or(0, i64::from_be_bytes)
    }
}

/// Stands for what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request(pub(super) Vec<u8>);

impl Request {
    pub(super) fn of(ctx: &Context, parts: Parts) -> Self {
        Self(ctx.secrets.digests.digest("once-request", &parts.finish()).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_ascii() {
        for text in ["a", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "!~", &"k".repeat(LONGEST)] {
            assert!(text.parse::<OnceKey>().is_ok(), "{text}");
        }
        for text in ["", " ", "a b", "a\t", "\u{e9}", "\u{7f}", &"k".repeat(LONGEST + 1)] {
            assert!(text.parse::<OnceKey>().is_err(), "{text}");
        }
    }
}
