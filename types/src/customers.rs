//! Customers: who owns licences.

use serde::{Deserialize, Serialize};

use crate::change::{Change, given};
use crate::ids::{CustomerId, GroupId};
use crate::metadata::Metadata;
use crate::text::{Email, Name, Note, Reference};
use crate::time::Timestamp;

/// A new customer. At least one of the four names must be there.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateCustomerRequest {
    /// The customer's id in another system; unique.
    #[serde(default)]
    pub external_id: Option<Reference>,
    /// A person's name.
    #[serde(default)]
    pub name: Option<Name>,
    /// A company's name.
    #[serde(default)]
    pub organization: Option<Name>,
    /// Where to write to.
    #[serde(default)]
    pub email: Option<Email>,
    /// For the vendor's people.
    #[serde(default)]
    pub notes: Option<Note>,
    /// The vendor's own data.
    #[serde(default)]
    pub metadata: Metadata,
    /// The group that it is put into; absent: the caller's only one, or none where the caller has none.
    #[serde(default)]
    pub group_id: Option<GroupId>,
}

/// An edit: absent members stay as they are, `null` removes a value.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateCustomerRequest {
    /// The customer's id in another system; unique.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Reference>))]
    pub external_id: Change<Reference>,
    /// A person's name.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Name>))]
    pub name: Change<Name>,
    /// A company's name.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Name>))]
    pub organization: Change<Name>,
    /// Where to write to.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Email>))]
    pub email: Change<Email>,
    /// For the vendor's people.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Note>))]
    pub notes: Change<Note>,
    /// The vendor's own data, replaced as a whole.
    #[serde(default, deserialize_with = "given")]
    pub metadata: Option<Metadata>,
    /// Another group, into which its licences go along; `null`: none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<GroupId>))]
    pub group_id: Change<GroupId>,
}

/// With what a customer signs in, as the vendor sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerAccountResponse {
    /// By which he signs in; he showed that it is his.
    pub email: Email,
    /// Whether he has a password beside the codes that are sent to him.
    pub has_password: bool,
    /// When he showed that the address is his.
    pub confirmed_at: Timestamp,
    /// When he signed in last.
    pub last_login_at: Option<Timestamp>,
    /// Since when he may not sign in; `null`: he may.
    pub disabled_at: Option<Timestamp>,
}

/// A customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomerResponse {
    /// `cus_…`
    pub id: CustomerId,
    /// The customer's id in another system.
    pub external_id: Option<Reference>,
    /// A person's name.
    pub name: Option<Name>,
    /// A company's name.
    pub organization: Option<Name>,
    /// Where to write to.
    pub email: Option<Email>,
    /// For the vendor's people.
    pub notes: Option<Note>,
    /// The vendor's own data.
    pub metadata: Metadata,
    /// The group that it is in.
    pub group_id: Option<GroupId>,
    /// With what he signs in; `null`: he has not registered.
    pub account: Option<CustomerAccountResponse>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// For `If-Match`.
    pub version: i64,
}
