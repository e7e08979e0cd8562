//! Members of the API whose capability has not landed: refused, never accepted and ignored.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// How the refusal begins; the edge turns it into the problem `NOT_SUPPORTED`.
pub const NOT_SUPPORTED: &str = "not supported by this version";

/// A member that may only hold its "off" value (`null`, `false`, `[]`, `{}`), which says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotSupported;

impl<'de> Deserialize<'de> for NotSupported {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null | Value::Bool(false) => Ok(Self),
            Value::Array(list) if list.is_empty() => Ok(Self),
            Value::Object(map) if map.is_empty() => Ok(Self),
            _ => Err(D::Error::custom(NOT_SUPPORTED)),
        }
    }
}

/// Reads a member of which only some values have landed: one that `T` does not know is refused
/// as not supported.
///
/// # Errors
/// When `T` cannot be read from the value.
pub fn landed<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    serde_json::from_value(value).map_err(|_| D::Error::custom(NOT_SUPPORTED))
}
