//! Signing in: password, second factor, and what comes of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::admins::AdminResponse;
use crate::ids::{AdminId, SessionId};
use crate::permissions::Permission;
use crate::secret::{SecretText, TotpCode};
use crate::text::Email;
use crate::time::Timestamp;

/// The `typ` of a session's token (RFC 9068 §2.1).
pub const SESSION_TYP: &str = "at+jwt";
/// The audience of the token of an admin's session: nothing but this server's own API.
pub const SESSION_AUDIENCE: &str = "urn:licentia:session:admin";
/// The audience of the token of a customer's session: nothing but what is his own.
pub const CUSTOMER_SESSION_AUDIENCE: &str = "urn:licentia:session:customer";

/// As whom somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SignInAs {
    /// As an admin.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "admin"))]
    Admin,
    /// As a customer.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "customer"))]
    Customer,
}

/// Who wants to sign in: with a password, or with a code that was sent to him.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginRequest {
    /// Capitals make no difference.
    pub email: Email,
    /// The password.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub password: Option<SecretText>,
    /// Instead of the password, for customers: what `POST /auth/code` sent. It is good once.
    #[serde(default)]
    pub code: Option<TotpCode>,
    /// Absent: the admin who has this address, if there is one, else the customer.
    #[serde(default, rename = "as")]
    #[cfg_attr(feature = "openapi", schema(rename = "as"))]
    pub who: Option<SignInAs>,
}

/// The second factor: a code, or one of the recovery codes.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecondFactorRequest {
    /// What the password was answered with.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub challenge: SecretText,
    /// What the app shows. Each code is good once.
    #[serde(default)]
    pub code: Option<TotpCode>,
    /// Instead of `code`. Each recovery code is good once.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub recovery_code: Option<SecretText>,
}

/// What a password, or a second factor, was good for.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum LoginResponse {
    /// He is in.
    SignedIn(SignedInResponse),
    /// `POST /auth/totp` wants a code beside.
    TotpRequired(ChallengeResponse),
    /// Nobody comes in without a code here, and he has none yet: `POST /auth/totp/enroll`.
    TotpEnrollmentRequired(ChallengeResponse),
}

/// What the second step is made with.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChallengeResponse {
    /// For the second step.
    pub challenge: String,
    /// First instant at which it is worth nothing.
    pub expires_at: Timestamp,
}

/// Somebody is in. The cookie that came along renews the token (`POST /auth/refresh`).
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedInResponse {
    /// For `Authorization: Bearer` (RFC 6750).
    pub access_token: String,
    /// `Bearer`
    pub token_type: &'static str,
    /// First instant at which the token is worth nothing.
    pub expires_at: Timestamp,
    /// `ses_…`
    pub session_id: SessionId,
    /// First instant at which the session is over, however often it was renewed.
    pub session_expires_at: Timestamp,
}

impl std::fmt::Debug for LoginResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SignedIn(_) => "SignedIn(…)",
            Self::TotpRequired(_) => "TotpRequired(…)",
            Self::TotpEnrollmentRequired(_) => "TotpEnrollmentRequired(…)",
        })
    }
}

impl std::fmt::Debug for SignedInResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedInResponse").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ChallengeResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChallengeResponse").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Asks for the seed of an app's codes.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnrollTotpRequest {
    /// For somebody who is not in yet, because codes are demanded: what his password was answered with.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub challenge: Option<SecretText>,
    /// For somebody who is in: his password.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub password: Option<SecretText>,
}

/// What an app is told. It counts when a code of it was shown.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TotpEnrollmentResponse {
    /// To type in: base32.
    pub secret: String,
    /// For a QR code: `otpauth://totp/…`
    pub uri: String,
}

impl std::fmt::Debug for TotpEnrollmentResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpEnrollmentResponse(…)")
    }
}

/// Shows that the app knows the seed.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmTotpRequest {
    /// For somebody who is not in yet.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub challenge: Option<SecretText>,
    /// What the app shows.
    pub code: TotpCode,
}

/// Codes are demanded from now on.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TotpConfirmedResponse {
    /// For the day when the app is lost: each is good once. They are shown this once.
    pub recovery_codes: RecoveryCodes,
    /// Where a challenge was sent: he is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_in: Option<SignedInResponse>,
}

/// Codes for the day when the app is lost.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct RecoveryCodes(pub Vec<String>);

impl std::fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryCodes(…)")
    }
}

/// Takes the second factor away.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DisableTotpRequest {
    /// The password.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub password: SecretText,
    /// What the app shows.
    pub code: TotpCode,
}

/// Asks for new recovery codes.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenewRecoveryCodesRequest {
    /// What the app shows.
    pub code: TotpCode,
}

/// New recovery codes.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodesResponse {
    /// For the day when the app is lost: each is good once. They are shown this once.
    pub recovery_codes: RecoveryCodes,
}

/// Who is signed in.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MeResponse {
    /// The admin.
    pub admin: AdminResponse,
    /// What he may do, with what his permissions bring along.
    pub permissions: BTreeSet<Permission>,
    /// The session in which he asks.
    pub session_id: SessionId,
}

/// A session that goes on.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionResponse {
    /// `ses_…`
    pub id: SessionId,
    /// Whose.
    pub admin_id: AdminId,
    /// When he signed in.
    pub created_at: Timestamp,
    /// When it was renewed last.
    pub refreshed_at: Timestamp,
    /// First instant at which it is over, if it is not renewed before.
    pub expires_at: Timestamp,
    /// From where he signed in.
    pub ip: Option<String>,
    /// With what he signed in.
    pub user_agent: Option<String>,
    /// Whether it is the one in which this was asked.
    pub current: bool,
}
