//! `/activation-claims`

use actix_web::web::{Data, Json};
use actix_web::{get, post};
use licentia_domain::activation_claims::{self, ActivationClaimFilter};
use licentia_types::activation_claims::{
    ActivationClaimResponse, ActivationClaimStatus, AwaitingApprovalResponse, PollActivationClaimRequest,
};
use licentia_types::activations::ActivateResponse;
use licentia_types::ids::{ActivationClaimId, LicenseId};
use licentia_types::pages::PageResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Ctx;
use crate::answers::Admitted;
use crate::body::Body;
use crate::guard::{Allowed, Visitor, perm};
use crate::idempotency::{AllowedOnce, IdempotencyKey, Once};
use crate::limits::key_lookups::KeyLookups;
use crate::parameters::{Id, Listing, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{DecidingClaim, PollingClaim, Refused};

/// Which claims a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ActivationClaimParameters {
    /// Of this licence.
    license_id: Option<LicenseId>,
    /// Of this status.
    status: Option<ActivationClaimStatus>,
}

impl From<ActivationClaimParameters> for ActivationClaimFilter {
    fn from(ActivationClaimParameters { license_id, status }: ActivationClaimParameters) -> Self {
        Self { license_id, status }
    }
}

/// Ask whether the machine was let in
///
/// 202 while nobody has decided: ask again after `Retry-After`. Once the claim is approved, this activates the
/// machine as it asked: 201, as if it had come now, and 200 for the same machine again, until the claim
/// expires. Without a free seat it is refused as every other machine, and may ask again.
#[utoipa::path(
    tag = "Machines",
    request_body(content = PollActivationClaimRequest, example = json!({
        "claimId": "acl_01h455vb4pex5vsknk084sn02q",
        "claimSecret": "the secret of the answer to the activation"
    })),
    responses(
        (status = CREATED, description = "The machine took a seat", body = ActivateResponse),
        (status = OK, description = "The machine had its seat", body = ActivateResponse),
        (status = ACCEPTED, description = "Nobody has decided yet", body = AwaitingApprovalResponse),
        Refused<PollingClaim>
    )
)]
#[post("/activation-claims")]
pub(crate) async fn poll_activation_claim(
    ctx: Ctx,
    lookups: Data<KeyLookups>,
    machine: Visitor<Body<PollActivationClaimRequest>>,
) -> Result<Admitted, ApiError> {
    let (caller, Body(question)) = machine.open();
    let poll = Box::pin(activation_claims::poll(&ctx, &caller, question));
    Ok(Admitted(lookups.watch(caller.ip, poll, |_| false).await?))
}

/// A page of machines that wait, or waited
///
/// What machines say of themselves is not checked: anybody who knows the licence key may say it.
#[utoipa::path(
    tag = "Activations",
    params(PageParameters, ActivationClaimParameters),
    responses((status = OK, description = "A page", body = PageResponse<ActivationClaimResponse>)),
    security(("bearer" = ["activations.read"]))
)]
#[get("/activation-claims")]
pub(crate) async fn list_activation_claims(
    ctx: Ctx,
    allowed: Allowed<perm::ActivationsRead, Listing<ActivationClaimParameters>>,
) -> Result<Json<PageResponse<ActivationClaimResponse>>, ApiError> {
    let (caller, Listing { page, filter }) = allowed.open();
    Ok(Json(activation_claims::list(&ctx, caller.actor.scope(), &filter.into(), &page).await?))
}

/// Let a machine in
///
/// It is activated when it asks next, if a seat is free then. Of those that wait to be the first of their
/// licence one is picked: the others are rejected. Doing it again changes nothing.
#[utoipa::path(
    tag = "Activations",
    params(("id" = ActivationClaimId, Path), IdempotencyKey),
    responses((status = OK, description = "The claim", body = ActivationClaimResponse), Refused<DecidingClaim>),
    security(("bearer" = ["activations"]))
)]
#[post("/activation-claims/{id}/approve")]
pub(crate) async fn approve_activation_claim(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Activations, Id<ActivationClaimId>>,
) -> Result<Json<ActivationClaimResponse>, ApiError> {
    let (caller, Once(Id(id))) = allowed.open();
    Ok(Json(activation_claims::approve(&ctx, &caller, id).await?))
}

/// Do not let a machine in
///
/// It is told so when it asks next, and may make another claim. An approval is taken back by this until the
/// machine is in. Doing it again changes nothing.
#[utoipa::path(
    tag = "Activations",
    params(("id" = ActivationClaimId, Path), IdempotencyKey),
    responses((status = OK, description = "The claim", body = ActivationClaimResponse), Refused<DecidingClaim>),
    security(("bearer" = ["activations"]))
)]
#[post("/activation-claims/{id}/reject")]
pub(crate) async fn reject_activation_claim(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Activations, Id<ActivationClaimId>>,
) -> Result<Json<ActivationClaimResponse>, ApiError> {
    let (caller, Once(Id(id))) = allowed.open();
    Ok(Json(activation_claims::reject(&ctx, &caller, id).await?))
}
