//! Issuing licences, one or many.

use serde::{Deserialize, Serialize};

use super::{FeatureOverrides, LicenseResponse};
use crate::customers::CreateCustomerRequest;
use crate::ids::{CustomerId, GroupId, ProductId, TierId};
use crate::license_files::LicenseFileResponse;
use crate::limits::Limit;
use crate::metadata::Metadata;
use crate::objects::{object, objects, optional_object};
use crate::prices::BillingPeriod;
use crate::secret::SecretText;
use crate::text::{Note, Reference};
use crate::time::Timestamp;

/// Most licences of one bulk issue.
pub const MOST_ISSUED_AT_ONCE: usize = 1_000;

/// When the licence's time begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StartsAt {
    /// When it is issued.
    #[default]
    Issue,
    /// When its first machine is activated: `validDays` or `billingPeriod` count from there.
    FirstActivation,
}

/// Issue a licence. Exactly one of `expiresAt`, `validDays` and `billingPeriod` may be there; with
/// none it never expires. With neither `customerId` nor `customer` it is unclaimed.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssueLicenseRequest {
    /// The product.
    pub product_id: ProductId,
    /// One of its tiers.
    pub tier_id: TierId,
    /// Who owns it.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// Who owns it: found by `externalId`, or made on the way.
    #[serde(default, deserialize_with = "optional_object")]
    pub customer: Option<CreateCustomerRequest>,
    /// The group of a licence without customer; absent: the caller's only one, or none where the caller has none. A
    /// licence with a customer is in that one's group.
    #[serde(default)]
    pub group_id: Option<GroupId>,
    /// When its time begins.
    #[serde(default)]
    pub starts_at: StartsAt,
    /// In the future.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// 1 to 36,500 days from the start.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 36_500))]
    pub valid_days: Option<u32>,
    /// One period of the tier from the start.
    #[serde(default)]
    pub billing_period: Option<BillingPeriod>,
    /// Versions released before this instant are covered; absent: all.
    #[serde(default)]
    pub updates_until: Option<Timestamp>,
    /// To try the product with: once for each machine. Needs `validDays` or `expiresAt`.
    #[serde(default)]
    pub trial: bool,
    /// How its features differ from the tier's.
    #[serde(default, deserialize_with = "object")]
    pub features: FeatureOverrides,
    /// Machines; `null` for no limit; absent: as the tier.
    #[serde(default)]
    pub max_activations: Limit,
    /// Distinct user references; `null` for no limit; absent: as the tier.
    #[serde(default)]
    pub max_users: Limit,
    /// Distinct tenant references; `null` for no limit; absent: as the tier.
    #[serde(default)]
    pub max_tenants: Limit,
    /// A chosen key of 8 to 512 bytes, instead of one that the server makes.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub key: Option<SecretText>,
    /// Take a chosen key that could be guessed (under 80 bits).
    #[serde(default)]
    pub allow_weak_key: bool,
    /// Where it comes from, such as a shop.
    #[serde(default)]
    pub source: Option<Reference>,
    /// The order there; unique with `source`, which it needs.
    #[serde(default)]
    pub source_order_id: Option<Reference>,
    /// For the vendor's people.
    #[serde(default)]
    pub notes: Option<Note>,
    /// The vendor's own data.
    #[serde(default)]
    pub metadata: Metadata,
    /// The answer carries a licence file, signed and for people: a record of what was issued to whom.
    /// It takes no seat, and no machine runs on it.
    #[serde(default)]
    pub document: bool,
}

/// Issue up to 1,000 licences: all of them, or none. Those that come first count as issued first.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BulkIssueRequest {
    /// Each as it would be issued by itself.
    #[serde(deserialize_with = "objects")]
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1_000))]
    pub licenses: Vec<IssueLicenseRequest>,
}

/// A licence with its key in clear: shown once, when the key is made.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IssuedLicenseResponse {
    /// The licence.
    #[serde(flatten)]
    pub license: LicenseResponse,
    /// What the customer types.
    pub license_key: String,
    /// The record of what was issued, where `document` asked for it; it can be fetched later, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<LicenseFileResponse>,
    /// The key that signed it (`kid`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key_id: Option<String>,
}

/// Licences with their keys in clear, in the order in which they were asked for.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BulkIssuedResponse {
    /// Each with its key, this once.
    pub licenses: Vec<IssuedLicenseResponse>,
}
