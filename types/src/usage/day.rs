//! A day of the calendar, in UTC.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

const SECONDS: i64 = 86_400;

/// A UTC day: it holds every instant from its midnight to the next, which it does not hold. `YYYY-MM-DD` on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::DeriveValueType))]
#[serde(try_from = "String", into = "String")]
pub struct Day(i32);

impl Day {
    /// The day that holds an instant.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(i32::try_from(at.seconds().div_euclid(SECONDS)).unwrap_or(i32::MAX))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp(i64::from(self.0) * SECONDS, 0) {
            Some(midnight) => midnight.date_naive().fmt(f),
            None => write!(f, "{}d", self.0),
        }
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no day between the years 1970 and 9999.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a day such as 2030-01-31")]
pub struct DayInvalid;

impl FromStr for Day {
    type Err = DayInvalid;

    fn from_str(text: &str) -> Result<Self, DayInvalid> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| DayInvalid)?;
        let midnight = Timestamp::from_seconds(date.and_time(NaiveTime::MIN).and_utc().timestamp());
        let day = Self::of(midnight);
        // In full, with its zeros and without a sign.
        if midnight >= Timestamp::from_seconds(0) && day.to_string() == text {
            Ok(day)
        } else {
            Err(DayInvalid)
        }
    }
}

impl TryFrom<String> for Day {
    type Error = DayInvalid;

    fn try_from(text: String) -> Result<Self, DayInvalid> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Day {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Day {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_where_the_next_one_begins() {
        let midnight: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let before = Timestamp::from_micros(midnight.micros() - 1);
        assert_eq!(Day::of(before).to_string(), "2026-02-28");
        assert_eq!(Day::of(midnight).to_string(), "2026-03-01");
        assert_eq!(Day::of(Timestamp::from_micros(-1)).to_string(), "1969-12-31");
        assert!(Day::of(before) < Day::of(midnight));
    }

    #[test]
    fn days_are_written_in_full() {
        for day in ["1970-01-01", "2024-02-29", "9999-12-31"] {
            assert_eq!(day.parse::<Day>().unwrap().to_string(), day);
        }
        for wrong in [
            "",
            "2026-1-5",
            "2026-02-29",
            "26-01-05",
            "2026-01-05T00:00:00Z",
            "+2026-1-05",
            "1969-12-31",
            "-026-01-05",
        ] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
    }
}
