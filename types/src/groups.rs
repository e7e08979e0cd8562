//! Groups: boundaries around customers and licences.

use serde::{Deserialize, Serialize};

use crate::change::{Change, given};
use crate::ids::GroupId;
use crate::text::{Name, Note};
use crate::time::Timestamp;

/// A new group.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateGroupRequest {
    /// For people; unique.
    pub name: Name,
    /// Whom it is for.
    #[serde(default)]
    pub description: Option<Note>,
}

/// An edit: absent members stay as they are, `null` removes a value.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateGroupRequest {
    /// For people; unique.
    #[serde(default, deserialize_with = "given")]
    pub name: Option<Name>,
    /// Whom it is for.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Note>))]
    pub description: Change<Note>,
}

/// A group.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupResponse {
    /// `grp_…`
    pub id: GroupId,
    /// For people.
    pub name: Name,
    /// Whom it is for.
    pub description: Option<Note>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// For `If-Match`.
    pub version: i64,
}
