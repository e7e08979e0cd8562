//! What happens to a licence: on hold, taken back, renewed, given to somebody else, a new key.

use serde::Deserialize;

use crate::customers::CreateCustomerRequest;
use crate::ids::CustomerId;
use crate::objects::optional_object;
use crate::prices::BillingPeriod;
use crate::text::Note;
use crate::time::Timestamp;

/// Put a licence on hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuspendLicenseRequest {
    /// Why, for the vendor's people.
    #[serde(default)]
    pub reason: Option<Note>,
}

/// Take a licence back, for good.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeLicenseRequest {
    /// Why, for the vendor's people.
    #[serde(default)]
    pub reason: Option<Note>,
    /// 0 to 8,760 hours in which its machines are told before they stop; absent: as the tier's
    /// `revocationGrace`. Use 0 for fraud and refunds.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 8_760))]
    pub grace_hours: Option<u32>,
}

/// Renew a licence: by one of these, or else by one more of its own term.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenewLicenseRequest {
    /// 1 to 36,500 days more.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 36_500))]
    pub valid_days: Option<u32>,
    /// One period of the tier more.
    #[serde(default)]
    pub billing_period: Option<BillingPeriod>,
    /// Until then; after the present expiry, and in the future.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// Give a licence to another customer: one that is there, or one that is made on the way.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TransferLicenseRequest {
    /// Who owns it from now on.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// Who owns it from now on: found by `externalId`, or made on the way.
    #[serde(default, deserialize_with = "optional_object")]
    pub customer: Option<CreateCustomerRequest>,
}

/// Make a new key for a licence whose key leaked.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateKeyRequest {
    /// Until when the former keys are still taken: in the future, within 90 days. Absent: they die
    /// at once.
    #[serde(default)]
    pub keep_old_until: Option<Timestamp>,
}
