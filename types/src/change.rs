//! A member of an edit: absent leaves the value, `null` clears it, anything else sets it.

use serde::{Deserialize, Deserializer};

/// What an edit does to one optional value. Use with `#[serde(default)]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Absent: as it was.
    #[default]
    Keep,
    /// `null`: no value any more.
    Clear,
    /// This value from now on.
    Set(T),
}

impl<T> Change<T> {
    /// The value after the edit.
    #[must_use]
    pub fn apply(self, former: Option<T>) -> Option<T> {
        match self {
            Self::Keep => former,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// Reads a member of an edit that has a value always: absent leaves it, `null` is refused (or, for
/// a limit, means that there is none).
///
/// # Errors
/// As `T` reads.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| value.map_or(Self::Clear, Self::Set))
    }
}
