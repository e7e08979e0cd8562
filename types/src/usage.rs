//! Usage: how often licences were validated, and what machines report, by UTC day.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::LicenseId;
use crate::text::UsageName;

pub use day::{Day, DayInvalid};

mod day;

/// Most names in one report.
pub const MOST_NAMES: usize = 100;
/// Most that one name of a report can count.
pub const MOST_COUNT: u64 = 1_000_000_000;

/// What a machine used since its last heartbeat: up to 100 names, each once, with counts of 0 to 10⁹. What is 0
/// says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageCounts(BTreeMap<UsageName, i64>);

impl UsageCounts {
    /// Whether nothing is reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and counts, which are over 0.
    pub fn iter(&self) -> impl Iterator<Item = (&UsageName, i64)> {
        self.0.iter().map(|(name, count)| (name, *count))
    }
}

impl<'de> Deserialize<'de> for UsageCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Report)
    }
}

/// Reads name after name, so that what is wrong is found at its place, and no more is held than may be there.
struct Report;

impl<'de> Visitor<'de> for Report {
    type Value = UsageCounts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_unit<E: Error>(self) -> Result<UsageCounts, E> {
        Ok(UsageCounts::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut names: A) -> Result<UsageCounts, A::Error> {
        let mut seen = BTreeMap::new();
        while let Some((name, Count(count))) = names.next_entry::<UsageName, Count>()? {
            if seen.insert(name, count).is_some() {
                return Err(A::Error::custom("a name stands there twice"));
            }
            if seen.len() > MOST_NAMES {
                return Err(A::Error::custom(format_args!("may hold up to {MOST_NAMES} names")));
            }
        }
        seen.retain(|_, count| *count > 0);
        Ok(UsageCounts(seen))
    }
}

struct Count(i64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = u64::deserialize(deserializer)?;
        let in_range = i64::try_from(count).ok().filter(|_| count <= MOST_COUNT);
        let wrong = || D::Error::custom(format_args!("must be a whole number of 0 to {MOST_COUNT}"));
        in_range.map(Self).ok_or_else(wrong)
    }
}

/// What counts are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageDimension {
    /// The UTC day.
    Day,
    /// The licence.
    License,
    /// The version of the consuming program.
    ProductVersion,
    /// The feature.
    Action,
    /// How it ended.
    Outcome,
}

impl UsageDimension {
    /// All of them, in the order in which entries stand.
    pub const ALL: [Self; 5] = [Self::Day, Self::License, Self::ProductVersion, Self::Action, Self::Outcome];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::License => "license",
            Self::ProductVersion => "productVersion",
            Self::Action => "action",
            Self::Outcome => "outcome",
        }
    }
}

/// What entries are told apart by: some of `day`, `license`, `action`, `outcome`, `productVersion`, separated by
/// commas. Whatever is left out is added up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct UsageGrouping(BTreeSet<UsageDimension>);

impl Default for UsageGrouping {
    fn default() -> Self {
        Self(UsageDimension::ALL.into())
    }
}

impl UsageGrouping {
    /// In the order in which entries stand; at least one.
    pub fn dimensions(&self) -> impl Iterator<Item = UsageDimension> {
        self.0.iter().copied()
    }
}

/// Not a list of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be some of day, license, action, outcome and productVersion, each once, separated by commas")]
pub struct UsageGroupingInvalid;

impl FromStr for UsageGrouping {
    type Err = UsageGroupingInvalid;

    fn from_str(text: &str) -> Result<Self, UsageGroupingInvalid> {
        let mut dimensions = BTreeSet::new();
        for name in text.split(',') {
            let named = UsageDimension::ALL.into_iter().find(|dimension| dimension.as_str() == name);
            if !dimensions.insert(named.ok_or(UsageGroupingInvalid)?) {
                return Err(UsageGroupingInvalid);
            }
        }
        Ok(Self(dimensions))
    }
}

impl TryFrom<String> for UsageGrouping {
    type Error = UsageGroupingInvalid;

    fn try_from(text: String) -> Result<Self, UsageGroupingInvalid> {
        text.parse()
    }
}

/// In which order entries stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum UsageOrder {
    /// The latest day first.
    #[default]
    #[serde(rename = "-day")]
    LatestFirst,
    /// The first day first.
    #[serde(rename = "day")]
    OldestFirst,
}

/// How often something was used. Members by which entries are not told apart are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsageEntry {
    /// The UTC day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// The licence; null where none was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<LicenseId>))]
    pub license_id: Option<Option<LicenseId>>,
    /// Key of a declared entitlement; `other` for anything else; `_validate` for a validation that named none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// `REPORTED` by a heartbeat; else the code of the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Version of the consuming program; null where none was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub product_version: Option<Option<String>>,
    /// How often.
    pub count: u64,
}

/// A page of what was used.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsageResponse {
    /// The entries.
    pub items: Vec<UsageEntry>,
    /// Ask for the next page with `?cursor=`; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Entries on all pages; on the first page only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The counts of all entries on all pages, added up; on the first page only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(json: &str) -> Result<Vec<(String, i64)>, String> {
        let counts: UsageCounts = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Ok(counts.iter().map(|(name, count)| (name.to_string(), count)).collect())
    }

    #[test]
    fn a_report_holds_names_and_counts() {
        let counted = report(r#"{"export": 3, "Any word": 1000000000, "api": 0}"#).unwrap();
        assert_eq!(counted, [("Any word".to_owned(), 1_000_000_000), ("export".to_owned(), 3)]);
        assert_eq!(report("{}"), Ok(Vec::new()));
        assert_eq!(report("null"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_count_is_refused() {
        for count in ["-1", "1.5", "1e3", "1000000001", "18446744073709551616", "\"1\"", "null", "true", "[]"]
        {
            assert!(report(&format!("{{\"export\": {count}}}")).is_err(), "{count}");
        }
        for whole in ["[]", "1", "\"export\"", r#"{"": 1}"#, r#"{"a": 1, "a": 1}"#, "{\"a\\u0000\": 1}"] {
            assert!(report(whole).is_err(), "{whole}");
        }
        let long = "x".repeat(64);
        assert!(report(&format!("{{\"{long}\": 1}}")).is_err());
        let of = |names: usize| {
            let names: Vec<String> = (0..names).map(|name| format!("\"f{name}\": 1")).collect();
            report(&format!("{{{}}}", names.join(",")))
        };
        assert!(of(MOST_NAMES).is_ok() && of(MOST_NAMES + 1).is_err());
    }

    #[test]
    fn a_grouping_names_each_dimension_once() {
        let grouping: UsageGrouping = "outcome,day".parse().unwrap();
        let named: Vec<_> = grouping.dimensions().collect();
        assert_eq!(named, [UsageDimension::Day, UsageDimension::Outcome]);
        for wrong in ["", "day,", "day,day", "Day", "month", "day, outcome"] {
            assert!(wrong.parse::<UsageGrouping>().is_err(), "{wrong}");
        }
        assert_eq!(UsageGrouping::default().dimensions().count(), 5);
    }

    #[test]
    fn a_licence_that_is_unknown_is_not_one_that_was_not_asked_for() {
        let entry = UsageEntry { license_id: Some(None), count: 7, ..UsageEntry::default() };
        assert_eq!(serde_json::to_string(&entry).unwrap(), r#"{"licenseId":null,"count":7}"#);
    }
}
