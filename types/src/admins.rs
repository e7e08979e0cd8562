//! Admins: people who sign in to administer the server.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::change::{Change, given};
use crate::ids::{AdminId, GroupId};
use crate::secret::SecretText;
use crate::sessions::SignInAs;
use crate::text::{Email, Name, RoleName};
use crate::time::Timestamp;

/// Fewest characters of a password (NIST SP 800-63B).
pub const SHORTEST_PASSWORD: usize = 12;
/// Most characters of a password: long enough for any sentence.
pub const LONGEST_PASSWORD: usize = 256;

/// A new admin. He sets his password himself, by the token of the answer.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateAdminRequest {
    /// By which he signs in. Capitals make no difference.
    pub email: Email,
    /// What he is called.
    pub name: Name,
    /// The name of his role: what he may do.
    pub role: RoleName,
    /// Within which groups he acts; absent: within those of whoever makes him, if those are bounded.
    #[serde(default)]
    pub groups: Option<BTreeSet<GroupId>>,
}

/// An edit: absent members stay as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateAdminRequest {
    /// By which he signs in.
    #[serde(default, deserialize_with = "given")]
    pub email: Option<Email>,
    /// What he is called.
    #[serde(default, deserialize_with = "given")]
    pub name: Option<Name>,
    /// The name of his role; it counts from his next request on.
    #[serde(default, deserialize_with = "given")]
    pub role: Option<RoleName>,
    /// Within which groups he acts, as a whole; `null`: bounded by none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeSet<GroupId>>))]
    pub groups: Change<BTreeSet<GroupId>>,
    /// Who knows his password from now on. He loses the one that he has, and his sessions end.
    #[serde(default, deserialize_with = "given")]
    pub origin: Option<AdminOrigin>,
}

/// The first admin of a server that has none; he may do everything.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetupRequest {
    /// What the start of the server printed: `lst_…`
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: SecretText,
    /// By which he signs in.
    pub email: Email,
    /// What he is called.
    pub name: Name,
    /// 12 to 256 characters that nobody would guess.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 12, max_length = 256))]
    pub password: SecretText,
}

/// A password for whoever holds the token.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetPasswordRequest {
    /// What the admin was given: `lpt_…`. It is good once.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: SecretText,
    /// 12 to 256 characters that nobody would guess.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 12, max_length = 256))]
    pub password: SecretText,
}

/// Who forgot his password.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForgottenPasswordRequest {
    /// By which he signs in. Capitals make no difference.
    pub email: Email,
    /// Absent: the admin who has this address, if there is one, else the customer.
    #[serde(default, rename = "as")]
    #[cfg_attr(feature = "openapi", schema(rename = "as"))]
    pub who: Option<SignInAs>,
}

/// Another password for whoever is signed in.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePasswordRequest {
    /// The present one.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub current_password: SecretText,
    /// 12 to 256 characters that nobody would guess.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 12, max_length = 256))]
    pub password: SecretText,
}

/// What an admin's account is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AdminStatus {
    /// He signs in.
    Active,
    /// He has no password yet.
    Invited,
    /// He signs in no more.
    Disabled,
}

/// Who knows the password of an admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AdminOrigin {
    /// This server.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "local"))]
    Local,
    /// The directory of `[ldap]`, which says as well what he is called and which role he has.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "directory"))]
    Directory,
}

/// An admin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AdminResponse {
    /// `adm_…`
    pub id: AdminId,
    /// By which he signs in.
    pub email: Email,
    /// What he is called.
    pub name: Name,
    /// The name of his role: what he may do.
    pub role: RoleName,
    /// Within which groups he acts; null: bounded by none.
    pub groups: Option<BTreeSet<GroupId>>,
    /// Who knows his password.
    pub origin: AdminOrigin,
    /// What his account is worth now.
    pub status: AdminStatus,
    /// Whether he shows a code of an app beside his password.
    pub totp: bool,
    /// When he signed in last.
    pub last_login_at: Option<Timestamp>,
    /// When he was disabled.
    pub disabled_at: Option<Timestamp>,
    /// When he was made.
    pub created_at: Timestamp,
    /// When he was last edited.
    pub updated_at: Timestamp,
    /// For `If-Match`.
    pub version: i64,
}

/// An admin with the token by which he sets his password; it is shown this once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InvitedAdminResponse {
    /// The admin.
    #[serde(flatten)]
    pub admin: AdminResponse,
    /// `lpt_…`, for `POST /auth/password/reset`. Absent: he got it in a letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_token: Option<String>,
    /// First instant at which the token is worth nothing.
    pub password_token_expires_at: Timestamp,
}

impl std::fmt::Debug for InvitedAdminResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InvitedAdminResponse").field("admin", &self.admin).finish_non_exhaustive()
    }
}
