//! Limits on machines, users and tenants: a number, without limit (`null`), or inherited.

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most that can be asked for; beyond it the right limit is none (`null`).
const MOST: i64 = 10_000_000;

/// How many of something a tier or licence allows, as it is written down there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Limit {
    /// As the tier (or the included tier) says. On the wire: absent, or `"inherit"`.
    #[default]
    Inherit,
    /// No limit. On the wire: `null`.
    Unlimited,
    /// At most so many, 1 to ten million.
    AtMost(u32),
}

impl Limit {
    /// The first of `self` and `fallback` that is not inherited.
    #[must_use]
    pub fn or(self, fallback: Self) -> Self {
        if self == Self::Inherit { fallback } else { self }
    }

    /// The number, or none where there is no limit of its own.
    #[must_use]
    pub fn number(self) -> Option<u32> {
        match self {
            Self::AtMost(number) => Some(number),
            Self::Inherit | Self::Unlimited => None,
        }
    }

    /// Whether nothing was written down; such a member is left out of answers.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        *self == Self::Inherit
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Inherit => serializer.serialize_str("inherit"),
            Self::Unlimited => serializer.serialize_none(),
            Self::AtMost(number) => serializer.serialize_u32(*number),
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LimitVisitor)
    }
}

struct LimitVisitor;

impl Visitor<'_> for LimitVisitor {
    type Value = Limit;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a whole number from 1 to {MOST}, null for no limit, or \"inherit\"")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Limit, E> {
        Ok(Limit::Unlimited)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Limit, E> {
        if !(1..=MOST).contains(&number) {
            return Err(E::invalid_value(de::Unexpected::Signed(number), &self));
        }
        u32::try_from(number).map(Limit::AtMost).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Limit, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Limit, E> {
        match text {
            "inherit" => Ok(Limit::Inherit),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

#[cfg(feature = "openapi")]
mod schema {
    use utoipa::openapi::schema::{SchemaType, Type};
    use utoipa::openapi::{ObjectBuilder, RefOr};

    impl utoipa::PartialSchema for super::Limit {
        fn schema() -> RefOr<utoipa::openapi::schema::Schema> {
            ObjectBuilder::new()
                .schema_type(SchemaType::from_iter([Type::Integer, Type::String, Type::Null]))
                .description(Some("1 to 10,000,000; null: no limit; \"inherit\": as the tier says."))
                .minimum(Some(1))
                .maximum(Some(super::MOST))
                .into()
        }
    }

    impl utoipa::ToSchema for super::Limit {}
}

/// Stored in one integer column that is never null: −1 inherited, 0 without limit, else the number.
#[cfg(feature = "orm")]
mod orm {
    use super::Limit;
    use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
    use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable, Value};

    fn from_column(number: i32) -> Limit {
        match <u32 as TryFrom<i32>>::try_from(number) {
            Err(_) => Limit::Inherit,
            Ok(0) => Limit::Unlimited,
            Ok(number) => Limit::AtMost(number),
        }
    }

    impl From<Limit> for Value {
        fn from(limit: Limit) -> Self {
            let number = match limit {
                Limit::Inherit => -1,
                Limit::Unlimited => 0,
                Limit::AtMost(number) => <i32 as TryFrom<u32>>::try_from(number).unwrap_or(i32::MAX),
            };
            Self::Int(Some(number))
        }
    }

    impl TryGetable for Limit {
        fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
            i32::try_get_by(row, index).map(from_column)
        }
    }

    impl ValueType for Limit {
        fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
            <i32 as ValueType>::try_from(value).map(from_column)
        }

        fn type_name() -> String {
            "Limit".to_owned()
        }

        fn array_type() -> ArrayType {
            ArrayType::Int
        }

        fn column_type() -> ColumnType {
            ColumnType::Integer
        }
    }

    impl Nullable for Limit {
        fn null() -> Value {
            Value::Int(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_null_and_inherit_are_read_and_nothing_else() {
        let read = serde_json::from_str::<Limit>;
        assert_eq!(read("3").unwrap(), Limit::AtMost(3));
        assert_eq!(read("null").unwrap(), Limit::Unlimited);
        assert_eq!(read("\"inherit\"").unwrap(), Limit::Inherit);
        for bad in ["-1", "0", "10000001", "1e3", "1.5", "true", "\"3\"", "18446744073709551615"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
