//! Instants and durations: UTC, whole microseconds; RFC 3339 with `Z` on the wire, whole seconds
//! in tokens.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use chrono::{DateTime, Datelike, Months, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

const MICROS: i64 = 1_000_000;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::DeriveValueType))]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// From whole seconds since the epoch (a `NumericDate`, RFC 7519 §2).
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS))
    }

    /// Whole seconds since the epoch, rounded down (a `NumericDate`, RFC 7519 §2).
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS)
    }

    /// The end of the UTC day that holds this instant: the next midnight, or the instant itself
    /// when it is one.
    #[must_use]
    pub const fn end_of_day(self) -> Self {
        const DAY: i64 = 86_400 * MICROS;
        let into_day = self.0.rem_euclid(DAY);
        if into_day == 0 { self } else { Self(self.0.saturating_add(DAY - into_day)) }
    }

    /// `days` times 24 hours later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(i64::from(days).saturating_mul(86_400 * MICROS)))
    }

    /// The same day and time `months` calendar months later (the last day of a shorter month).
    #[must_use]
    pub fn plus_months(self, months: u32) -> Self {
        DateTime::<Utc>::from_timestamp_micros(self.0)
            .and_then(|at| at.checked_add_months(Months::new(months)))
            .map_or(self, |at| Self(at.timestamp_micros()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(at) => f.write_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no RFC 3339 instant between the years 1970 and 9999.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time such as 2030-01-31T00:00:00Z")]
pub struct TimestampInvalid;

impl FromStr for Timestamp {
    type Err = TimestampInvalid;

    fn from_str(text: &str) -> Result<Self, TimestampInvalid> {
        let at = DateTime::parse_from_rfc3339(text).map_err(|_| TimestampInvalid)?;
        let utc = at.with_timezone(&Utc);
        if (1970..=9999).contains(&utc.year()) {
            Ok(Self(utc.timestamp_micros()))
        } else {
            Err(TimestampInvalid)
        }
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampInvalid;

    fn try_from(text: String) -> Result<Self, TimestampInvalid> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> Self {
        at.to_string()
    }
}

/// A length of time in whole seconds: 0 to ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::DeriveValueType))]
#[serde(try_from = "i64", into = "i64")]
pub struct Seconds(i64);

impl Seconds {
    /// Ten years of 365 days.
    pub const MAX: Self = Self(10 * 365 * 86_400);
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From a number that the program itself knows to be small.
    #[must_use]
    pub const fn constant(seconds: u32) -> Self {
        Self(Self::widen(seconds))
    }

    #[expect(clippy::as_conversions, reason = "From is not const, and u32 always fits")]
    const fn widen(seconds: u32) -> i64 {
        seconds as i64
    }

    /// A third of it, at least one second.
    #[must_use]
    pub const fn third(self) -> Self {
        if self.0 < 3 { Self(1) } else { Self(self.0 / 3) }
    }

    /// The number of seconds.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// The number is negative, or more than ten years.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be whole seconds between 0 and {max}", max = Seconds::MAX.0)]
pub struct SecondsInvalid;

impl TryFrom<i64> for Seconds {
    type Error = SecondsInvalid;

    fn try_from(seconds: i64) -> Result<Self, SecondsInvalid> {
        if (0..=Self::MAX.0).contains(&seconds) { Ok(Self(seconds)) } else { Err(SecondsInvalid) }
    }
}

impl From<Seconds> for i64 {
    fn from(seconds: Seconds) -> Self {
        seconds.0
    }
}

impl Add<Seconds> for Timestamp {
    type Output = Self;

    fn add(self, seconds: Seconds) -> Self {
        Self(self.0.saturating_add(seconds.0.saturating_mul(MICROS)))
    }
}

impl Sub<Seconds> for Timestamp {
    type Output = Self;

    fn sub(self, seconds: Seconds) -> Self {
        Self(self.0.saturating_sub(seconds.0.saturating_mul(MICROS)))
    }
}

#[cfg(feature = "openapi")]
mod schema {
    use super::{Seconds, Timestamp};
    use utoipa::openapi::schema::{KnownFormat, Schema, SchemaFormat, Type};
    use utoipa::openapi::{ObjectBuilder, RefOr};

    impl utoipa::PartialSchema for Timestamp {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
                .examples(["2030-01-31T00:00:00Z"])
                .into()
        }
    }

    impl utoipa::ToSchema for Timestamp {}

    impl utoipa::PartialSchema for Seconds {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .minimum(Some(0))
                .maximum(Some(Seconds::MAX.get()))
                .description(Some("Whole seconds."))
                .into()
        }
    }

    impl utoipa::ToSchema for Seconds {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_rfc_3339_in_utc() {
        let at: Timestamp = "2030-01-31T02:00:00.000001+02:00".parse().unwrap();
        assert_eq!(at.to_string(), "2030-01-31T00:00:00.000001Z");
        assert!("1969-12-31T00:00:00Z".parse::<Timestamp>().is_err());
        assert!("2030-01-31".parse::<Timestamp>().is_err());
    }

    #[test]
    fn end_of_day_is_the_next_midnight() {
        let at: Timestamp = "2030-01-31T10:00:00Z".parse().unwrap();
        let midnight: Timestamp = "2030-02-01T00:00:00Z".parse().unwrap();
        assert_eq!(at.end_of_day(), midnight);
        assert_eq!(midnight.end_of_day(), midnight);
    }

    #[test]
    fn a_month_after_the_last_of_january_is_the_last_of_february() {
        let at: Timestamp = "2030-01-31T10:00:00Z".parse().unwrap();
        assert_eq!(at.plus_months(1).to_string(), "2030-02-28T10:00:00Z");
    }
}
