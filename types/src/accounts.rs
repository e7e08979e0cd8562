//! Accounts of customers: who registers, signs in and looks after his own licences.

use serde::{Deserialize, Serialize};

use crate::activation_claims::ActivationClaimResponse;
use crate::activations::ActivationResponse;
use crate::customers::CustomerResponse;
use crate::ids::{AuditEventId, CustomerId, LicenseId, ProductId, SessionId, TierId};
use crate::license_files::LicenseFileResponse;
use crate::licenses::LicenseStatus;
use crate::mails::MailTemplate;
use crate::seats::Seats;
use crate::secret::SecretText;
use crate::text::{Email, Key, Name, Slug};
use crate::time::Timestamp;

/// Who registers. He is sent a letter, by which he shows that the address is his.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterRequest {
    /// By which he signs in. Capitals make no difference.
    pub email: Email,
    /// What he is called. A customer who is known by the address keeps the name that he has.
    #[serde(default)]
    pub name: Option<Name>,
    /// His company. A customer who is known by the address keeps what he has.
    #[serde(default)]
    pub organization: Option<Name>,
}

/// Shows that the address is his.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmRegistrationRequest {
    /// What stands in the letter: `lrt_…`. It is good once.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: SecretText,
    /// 12 to 256 characters that nobody would guess; absent: he signs in by codes that are sent to him.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, min_length = 12, max_length = 256))]
    pub password: Option<SecretText>,
}

/// Asks for a letter with six digits to sign in with.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignInCodeRequest {
    /// By which he signs in.
    pub email: Email,
}

/// A customer who is signed in.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountResponse {
    /// `cus_…`
    pub customer_id: CustomerId,
    /// By which he signs in; he showed that it is his.
    pub email: Email,
    /// What he is called.
    pub name: Option<Name>,
    /// His company.
    pub organization: Option<Name>,
    /// Whether he has a password beside the codes that are sent to him.
    pub has_password: bool,
    /// When he showed that the address is his.
    pub confirmed_at: Timestamp,
    /// The session in which he asks.
    pub session_id: SessionId,
    /// First instant at which what only its owner may do takes another sign-in.
    pub recent_until: Timestamp,
}

/// Makes a licence one's own.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimLicenseRequest {
    /// Its present key.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub license_key: SecretText,
}

/// A licence as its owner sees it. What the vendor notes down for himself is not in it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OwnLicenseResponse {
    /// `lic_…`
    pub id: LicenseId,
    /// What it is a right to.
    pub product: OwnProduct,
    /// At which tier.
    pub tier: OwnTier,
    /// Enough of the key to recognise it.
    pub masked_key: String,
    /// Whether the key can be shown.
    pub key_kept: bool,
    /// What it is worth now.
    pub status: LicenseStatus,
    /// When its time began; `null`: it will at the first activation.
    pub starts_at: Option<Timestamp>,
    /// First instant at which it has expired; `null`: never, or not counted before the start.
    pub expires_at: Option<Timestamp>,
    /// Versions released before this instant are covered; `null`: all.
    pub updates_until: Option<Timestamp>,
    /// Whether it is one to try the product with.
    pub trial: bool,
    /// Machines that hold a seat, and the limit.
    pub seats: Seats,
    /// Whether more seats are taken than the limit allows now.
    pub over_limit: bool,
    /// When it was put on hold.
    pub suspended_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Until when its machines are in the grace of the revocation; `null`: there is none.
    pub grace_until: Option<Timestamp>,
    /// When it was issued.
    pub created_at: Timestamp,
}

/// A product, as the owner of a licence sees it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OwnProduct {
    /// `prod_…`
    pub id: ProductId,
    /// In tokens and addresses.
    pub slug: Slug,
    /// What it is called.
    pub name: Name,
}

/// A tier, as the owner of a licence sees it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OwnTier {
    /// `tier_…`
    pub id: TierId,
    /// In tokens.
    pub key: Key,
    /// What it is called.
    pub name: Name,
}

/// All that is kept about a customer, but for what is a secret.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExportResponse {
    /// When it was gathered.
    pub exported_at: Timestamp,
    /// With what he signs in.
    pub account: AccountResponse,
    /// As the vendor has him.
    pub customer: CustomerResponse,
    /// His licences.
    pub licenses: Vec<OwnLicenseResponse>,
    /// Their files, without their text.
    pub files: Vec<LicenseFileResponse>,
    /// Their machines.
    pub machines: Vec<ActivationResponse>,
    /// Machines that waited to be let in.
    pub claims: Vec<ActivationClaimResponse>,
    /// Where he is signed in, or was lately.
    pub sessions: Vec<OwnSession>,
    /// What was written to him.
    pub letters: Vec<OwnLetter>,
    /// What he did, and what was done about him.
    pub actions: Vec<OwnAction>,
    /// False where there was more of something than one answer holds: the vendor has the rest.
    pub complete: bool,
}

/// A session, as its owner sees it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OwnSession {
    /// `ses_…`
    pub id: SessionId,
    /// When he signed in.
    pub created_at: Timestamp,
    /// When it was renewed last.
    pub refreshed_at: Timestamp,
    /// From where he signed in.
    pub ip: Option<String>,
    /// With what he signed in.
    pub user_agent: Option<String>,
}

/// A letter, as its recipient sees that it was written.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OwnLetter {
    /// What it was about.
    pub template: MailTemplate,
    /// To which address.
    pub to: Email,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
}

/// Something that was done by him, or about him.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OwnAction {
    /// `aud_…`
    pub id: AuditEventId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// Whether he did it himself.
    pub own: bool,
    /// From where he did it.
    pub ip: Option<String>,
}
