//! Activation claims: machines that wait until somebody lets them in.

use serde::{Deserialize, Serialize};

use crate::ids::{ActivationClaimId, ActivationId, LicenseId};
use crate::secret::SecretText;
use crate::text::{Environment, Fingerprint, Hostname, Instance, ProductVersion, Reference};
use crate::time::Timestamp;

/// What a machine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActivationClaimKind {
    /// To be the first machine of its licence.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "first_activation"))]
    FirstActivation,
    /// To activate again by key alone, which it did too often of late.
    #[cfg_attr(feature = "orm", sea_orm(string_value = "reactivation"))]
    Reactivation,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActivationClaimStatus {
    /// Nobody has decided yet.
    Pending,
    /// The machine may come in.
    Approved,
    /// It came in.
    Activated,
    /// It may not, or another one was picked.
    Rejected,
    /// Its time was over before the machine came in.
    Expired,
}

/// The answer to a machine that has to wait.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AwaitingApprovalResponse {
    /// What it waits with.
    pub claim: AwaitedClaim,
}

/// A claim, as the machine that made it sees it.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AwaitedClaim {
    /// `acl_…`
    pub id: ActivationClaimId,
    /// To ask with what became of it; shown once, when the claim is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// What is waited for.
    pub kind: ActivationClaimKind,
    /// `pending`.
    pub status: ActivationClaimStatus,
    /// When it is worth nothing any more, decided or not.
    pub expires_at: Timestamp,
    /// When to ask again, in seconds; also in the header `Retry-After`.
    pub poll_after_seconds: i64,
}

/// Ask what became of a claim; once it is approved, the machine is activated by this.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PollActivationClaimRequest {
    /// `claim.id` of the answer to the activation.
    pub claim_id: ActivationClaimId,
    /// `claim.secret` of the same answer.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub claim_secret: SecretText,
}

/// A claim, as whoever decides sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ActivationClaimResponse {
    /// `acl_…`
    pub id: ActivationClaimId,
    /// The licence.
    pub license_id: LicenseId,
    /// What is waited for.
    pub kind: ActivationClaimKind,
    /// What became of it.
    pub status: ActivationClaimStatus,
    /// The machine's activation: of one that comes again, or that came in with this claim.
    pub activation_id: Option<ActivationId>,
    /// As the machine says.
    pub fingerprint: Fingerprint,
    /// Which of the replicas that share it.
    pub instance: Option<Instance>,
    /// As the machine says.
    pub hostname: Option<Hostname>,
    /// Where it asked from.
    pub ip: Option<String>,
    /// As the machine says.
    pub environment: Option<Environment>,
    /// As the machine says.
    pub product_version: Option<ProductVersion>,
    /// The user who sits there.
    pub user_ref: Option<Reference>,
    /// The tenant it serves.
    pub tenant_ref: Option<Reference>,
    /// How often it was asked for: by one machine whose answers were lost, or by several that look alike.
    pub requests: u32,
    /// When it was asked for first.
    pub requested_at: Timestamp,
    /// When the claim is worth nothing any more.
    pub expires_at: Timestamp,
    /// When somebody decided.
    pub decided_at: Option<Timestamp>,
    /// When the machine came in.
    pub activated_at: Option<Timestamp>,
}
