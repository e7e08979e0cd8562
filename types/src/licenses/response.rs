//! Licences as they are shown.

use serde::{Deserialize, Serialize};

use super::FeatureOverrides;
use crate::ids::{CustomerId, GroupId, LicenseId, ProductId, TierId};
use crate::limits::Limit;
use crate::metadata::Metadata;
use crate::seats::Seats;
use crate::text::{Note, Reference};
use crate::time::Timestamp;

/// What a licence is worth now; `expired` follows from the clock and is never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LicenseStatus {
    /// Good.
    Active,
    /// Past its expiry (a grace may still run).
    Expired,
    /// On hold.
    Suspended,
    /// Taken back.
    Revoked,
}

/// For how long a licence was issued, and is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Term {
    /// Days of 24 hours.
    Days(u32),
    /// Calendar months.
    Months(u32),
}

impl Term {
    /// The instant one term after `from`.
    #[must_use]
    pub fn after(self, from: Timestamp) -> Timestamp {
        match self {
            Self::Days(days) => from.plus_days(days),
            Self::Months(months) => from.plus_months(months),
        }
    }
}

/// A licence; its key is masked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LicenseResponse {
    /// `lic_…`
    pub id: LicenseId,
    /// The product.
    pub product_id: ProductId,
    /// The tier.
    pub tier_id: TierId,
    /// Who owns it; absent while unclaimed.
    pub customer_id: Option<CustomerId>,
    /// The group that it is in: that of its customer, where it has one.
    pub group_id: Option<GroupId>,
    /// Enough of the key to recognise it.
    pub masked_key: String,
    /// What it is worth now.
    pub status: LicenseStatus,
    /// When its time began; `null`: it will at the first activation.
    pub starts_at: Option<Timestamp>,
    /// First instant at which it has expired; `null`: never, or not counted before the start.
    pub expires_at: Option<Timestamp>,
    /// For how long it was issued, and what a renewal adds; `null`: nothing was said.
    pub term: Option<Term>,
    /// Versions released before this instant are covered; `null`: all.
    pub updates_until: Option<Timestamp>,
    /// Whether it is one to try the product with.
    pub trial: bool,
    /// When its first machine was activated.
    pub first_activated_at: Option<Timestamp>,
    /// How its features differ from the tier's.
    pub features: FeatureOverrides,
    /// Absent: as the tier; `null`: no limit.
    #[serde(default, skip_serializing_if = "Limit::is_inherited")]
    pub max_activations: Limit,
    /// Absent: as the tier; `null`: no limit.
    #[serde(default, skip_serializing_if = "Limit::is_inherited")]
    pub max_users: Limit,
    /// Absent: as the tier; `null`: no limit.
    #[serde(default, skip_serializing_if = "Limit::is_inherited")]
    pub max_tenants: Limit,
    /// Machines that hold a seat, and the limit after inheritance.
    pub seats: Seats,
    /// Whether more seats are taken than the limit allows now.
    pub over_limit: bool,
    /// Where it comes from.
    pub source: Option<Reference>,
    /// The order there.
    pub source_order_id: Option<Reference>,
    /// For the vendor's people.
    pub notes: Option<Note>,
    /// The vendor's own data.
    pub metadata: Metadata,
    /// When it was put on hold.
    pub suspended_at: Option<Timestamp>,
    /// Why it was put on hold.
    pub suspension_reason: Option<Note>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Who revoked it: `api_key:…`, `machine:…`
    pub revoked_by: Option<String>,
    /// Why it was revoked.
    pub revocation_reason: Option<Note>,
    /// Until when its machines are in the grace of the revocation; `null`: there is none.
    pub grace_until: Option<Timestamp>,
    /// The licence of the same customer that took its place; only such a revocation can be taken
    /// back.
    pub superseded_by: Option<LicenseId>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// For `If-Match`.
    pub version: i64,
}

/// A licence key in clear.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevealedKeyResponse {
    /// What the customer types.
    pub license_key: String,
}
