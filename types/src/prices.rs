//! What a tier costs, and how often.

use serde::{Deserialize, Serialize};

/// How often a customer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BillingPeriod {
    /// Every calendar month.
    Monthly,
    /// Every calendar year.
    Annual,
}

impl BillingPeriod {
    /// Calendar months of one period.
    #[must_use]
    pub const fn months(self) -> u32 {
        match self {
            Self::Monthly => 1,
            Self::Annual => 12,
        }
    }
}

/// A price in minor units of its currency (cents), 0 to 10¹².
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::DeriveValueType))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = i64, minimum = 0, maximum = 1_000_000_000_000_i64))]
#[serde(try_from = "i64", into = "i64")]
pub struct MinorUnits(i64);

/// The price is negative or absurd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be whole minor units (cents) from 0 to 1000000000000")]
pub struct PriceInvalid;

impl TryFrom<i64> for MinorUnits {
    type Error = PriceInvalid;

    fn try_from(units: i64) -> Result<Self, PriceInvalid> {
        if (0..=1_000_000_000_000).contains(&units) { Ok(Self(units)) } else { Err(PriceInvalid) }
    }
}

impl From<MinorUnits> for i64 {
    fn from(units: MinorUnits) -> Self {
        units.0
    }
}
