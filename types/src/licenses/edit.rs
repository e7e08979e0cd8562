//! Editing a licence.

use serde::Deserialize;

use super::FeatureOverrides;
use crate::change::{Change, given};
use crate::ids::{CustomerId, GroupId, TierId};
use crate::limits::Limit;
use crate::metadata::Metadata;
use crate::objects::given_object;
use crate::text::Note;
use crate::time::Timestamp;

/// An edit: absent members stay as they are, `null` removes a value.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateLicenseRequest {
    /// Gives an unclaimed licence to a customer.
    #[serde(default, deserialize_with = "given")]
    pub customer_id: Option<CustomerId>,
    /// Another group for a licence without customer; `null`: none. A licence with a customer is in that one's group.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<GroupId>))]
    pub group_id: Change<GroupId>,
    /// Another tier of the product, on sale. Machines over its limits keep their seats; new ones
    /// are refused (`overLimit`).
    #[serde(default, deserialize_with = "given")]
    pub tier_id: Option<TierId>,
    /// In the future; `null`: without a fixed end. It never expires then, unless it waits for its
    /// first activation with a term: that is kept, and counted from there.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Timestamp>))]
    pub expires_at: Change<Timestamp>,
    /// Versions released before this instant are covered; `null`: all.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Timestamp>))]
    pub updates_until: Change<Timestamp>,
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
}
