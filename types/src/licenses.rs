//! Licences: a customer's right to a product at a tier.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::change::{Change, given};
use crate::customers::CreateCustomerRequest;
use crate::features::FeatureValue;
use crate::ids::{CustomerId, LicenseId, ProductId, TierId};
use crate::limits::Limit;
use crate::metadata::Metadata;
use crate::not_supported::{NotSupported, landed};
use crate::objects::{given_object, object, optional_object};
use crate::prices::BillingPeriod;
use crate::seats::Seats;
use crate::secret::SecretText;
use crate::text::{Key, Note, Reference};
use crate::time::Timestamp;

/// When the licence's time begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StartsAt {
    /// When it is issued.
    #[default]
    Issue,
}

/// How a licence's features differ from its tier's: added and removed, or a frozen set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FeatureOverrides {
    /// Beside those of the tier.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub add: BTreeSet<Key>,
    /// Taken away, whatever the tier says.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub remove: BTreeSet<Key>,
    /// Exactly these, whatever becomes of the tier. Excludes `add` and `remove`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<BTreeSet<Key>>,
    /// Values of typed features that are granted here or by the tier.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<Key, FeatureValue>,
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
    /// `issue` is the only start so far.
    #[serde(default, deserialize_with = "landed")]
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
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub updates_until: NotSupported,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub trial: NotSupported,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub document: NotSupported,
}

/// An edit: absent members stay as they are, `null` removes a value.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateLicenseRequest {
    /// Gives an unclaimed licence to a customer.
    #[serde(default, deserialize_with = "given")]
    pub customer_id: Option<CustomerId>,
    /// In the future; `null`: it never expires.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Timestamp>))]
    pub expires_at: Change<Timestamp>,
    /// All of its differences from the tier.
    #[serde(default, deserialize_with = "given_object")]
    pub features: Option<FeatureOverrides>,
    /// Machines; `null` for no limit.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Limit))]
    pub max_activations: Option<Limit>,
    /// Distinct user references; `null` for no limit.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Limit))]
    pub max_users: Option<Limit>,
    /// Distinct tenant references; `null` for no limit.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Limit))]
    pub max_tenants: Option<Limit>,
    /// For the vendor's people.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Note>))]
    pub notes: Change<Note>,
    /// The vendor's own data, replaced as a whole.
    #[serde(default, deserialize_with = "given")]
    pub metadata: Option<Metadata>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub updates_until: NotSupported,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub tier_id: NotSupported,
}

/// Take a licence back, for good.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeLicenseRequest {
    /// Why, for the vendor's people.
    #[serde(default)]
    pub reason: Option<Note>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    #[doc(hidden)]
    pub grace_hours: NotSupported,
}

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
    /// Enough of the key to recognise it.
    pub masked_key: String,
    /// What it is worth now.
    pub status: LicenseStatus,
    /// When its time began.
    pub starts_at: Timestamp,
    /// First instant at which it has expired; `null`: never.
    pub expires_at: Option<Timestamp>,
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
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Why it was revoked.
    pub revocation_reason: Option<Note>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// For `If-Match`.
    pub version: i64,
}

/// A licence with its key in clear: shown once at issue, or revealed.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IssuedLicenseResponse {
    /// The licence.
    #[serde(flatten)]
    pub license: LicenseResponse,
    /// What the customer types.
    pub license_key: String,
}

/// A licence key in clear.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevealedKeyResponse {
    /// What the customer types.
    pub license_key: String,
}
