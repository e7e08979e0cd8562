//! Objects inside bodies: serde would also take an array for a struct, member by member.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads an object, and nothing else, as `T`.
///
/// # Errors
/// When it is no object, or `T` cannot be read from it.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}

/// The same, where `null` says nothing.
///
/// # Errors
/// When it is neither, or `T` cannot be read from it.
pub(crate) fn optional_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_option(OptionVisitor(PhantomData))
}

/// Reads an object that is there: in an edit only absence leaves a value as it was.
///
/// # Errors
/// When it is no object, or `T` cannot be read from it.
pub(crate) fn given_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    object(deserializer).map(Some)
}

/// Reads an array of objects.
///
/// # Errors
/// When it is no array, one of its entries is no object, or `T` cannot be read from it.
pub(crate) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let entries = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(entries.into_iter().map(|Object(entry)| entry).collect())
}

/// An entry that is an object.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

struct OptionVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OptionVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        object(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use crate::licenses::{BulkIssueRequest, IssueLicenseRequest, UpdateLicenseRequest};

    #[test]
    fn arrays_are_no_objects() {
        let read = serde_json::from_str::<UpdateLicenseRequest>;
        assert!(read(r#"{"features": {"add": ["a"]}}"#).is_ok());
        assert!(read(r#"{"features": null}"#).is_err());
        assert!(read(r#"{"features": []}"#).is_err());
        let ids =
            r#""productId":"prod_01h455vb4pex5vsknk084sn02q","tierId":"tier_01h455vb4pex5vsknk084sn02q""#;
        let issue = |more: &str| serde_json::from_str::<IssueLicenseRequest>(&format!("{{{ids},{more}}}"));
        assert!(issue(r#""customer": {"name": "Ann"}"#).is_ok());
        assert!(issue(r#""customer": ["x"]"#).is_err());
        assert!(issue(r#""features": []"#).is_err());
        let bulk = |entry: &str| {
            serde_json::from_str::<BulkIssueRequest>(&format!("{{\"licenses\": [{entry}]}}")).is_ok()
        };
        assert!(bulk(&format!("{{{ids}}}")));
        assert!(!bulk("[]") && !bulk("null"));
    }
}
