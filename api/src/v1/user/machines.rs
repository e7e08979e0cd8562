//! `/user/activations`, `/user/activation-claims`: the machines of a customer's own licences.

use actix_web::web::Json;
use actix_web::{get, post};
use licentia_domain::{activation_claims, activations};
use licentia_types::activation_claims::ActivationClaimResponse;
use licentia_types::activations::{ActivationResponse, DeactivateRequest};
use licentia_types::ids::{ActivationClaimId, ActivationId};
use licentia_types::pages::PageResponse;

use crate::Ctx;
use crate::guard::AsCustomer;
use crate::parameters::{Id, Listing, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{DecidingClaim, Refused, ReleasingOwn};
use crate::v1::activation_claims::ActivationClaimParameters;
use crate::v1::activations::ActivationParameters;

/// A page of the machines of one's own licences
#[utoipa::path(
    tag = "Portal",
    params(PageParameters, ActivationParameters),
    responses((status = OK, description = "A page", body = PageResponse<ActivationResponse>)),
    security(("customer" = []))
)]
#[get("/user/activations")]
pub(crate) async fn list_own_activations(
    ctx: Ctx,
    customer: AsCustomer<Listing<ActivationParameters>>,
) -> Result<Json<PageResponse<ActivationResponse>>, ApiError> {
    let (caller, Listing { page, filter }) = customer.open();
    Ok(Json(activations::list(&ctx, caller.actor.scope(), &filter.into(), &page).await?))
}

/// Give the seat of a machine back
///
/// At once while the licence's release budget lasts, else when the machine's last token ends (`seatFreesAt`). Doing it
/// again changes nothing.
#[utoipa::path(
    tag = "Portal",
    params(("id" = ActivationId, Path)),
    responses((status = OK, description = "The activation", body = ActivationResponse), Refused<ReleasingOwn>),
    security(("customer" = []))
)]
#[post("/user/activations/{id}/release")]
pub(crate) async fn release_own_activation(
    ctx: Ctx,
    customer: AsCustomer<Id<ActivationId>>,
) -> Result<Json<ActivationResponse>, ApiError> {
    let (caller, Id(id)) = customer.open();
    let nothing_more = DeactivateRequest::default();
    Ok(Json(Box::pin(activations::deactivate(&ctx, &caller, id, nothing_more)).await?))
}

/// A page of machines that wait, or waited, to be let in
///
/// What machines say of themselves is not checked: anybody who knows the licence key may say it.
#[utoipa::path(
    tag = "Portal",
    params(PageParameters, ActivationClaimParameters),
    responses((status = OK, description = "A page", body = PageResponse<ActivationClaimResponse>)),
    security(("customer" = []))
)]
#[get("/user/activation-claims")]
pub(crate) async fn list_own_claims(
    ctx: Ctx,
    customer: AsCustomer<Listing<ActivationClaimParameters>>,
) -> Result<Json<PageResponse<ActivationClaimResponse>>, ApiError> {
    let (caller, Listing { page, filter }) = customer.open();
    Ok(Json(activation_claims::list(&ctx, caller.actor.scope(), &filter.into(), &page).await?))
}

/// Let a machine in
///
/// As `POST /activation-claims/{id}/approve`. Doing it again changes nothing.
#[utoipa::path(
    tag = "Portal",
    params(("id" = ActivationClaimId, Path)),
    responses((status = OK, description = "The claim", body = ActivationClaimResponse), Refused<DecidingClaim>),
    security(("customer" = []))
)]
#[post("/user/activation-claims/{id}/approve")]
pub(crate) async fn approve_own_claim(
    ctx: Ctx,
    customer: AsCustomer<Id<ActivationClaimId>>,
) -> Result<Json<ActivationClaimResponse>, ApiError> {
    let (caller, Id(id)) = customer.open();
    Ok(Json(activation_claims::approve(&ctx, &caller, id).await?))
}

/// Do not let a machine in
///
/// As `POST /activation-claims/{id}/reject`. Doing it again changes nothing.
#[utoipa::path(
    tag = "Portal",
    params(("id" = ActivationClaimId, Path)),
    responses((status = OK, description = "The claim", body = ActivationClaimResponse), Refused<DecidingClaim>),
    security(("customer" = []))
)]
#[post("/user/activation-claims/{id}/reject")]
pub(crate) async fn reject_own_claim(
    ctx: Ctx,
    customer: AsCustomer<Id<ActivationClaimId>>,
) -> Result<Json<ActivationClaimResponse>, ApiError> {
    let (caller, Id(id)) = customer.open();
    Ok(Json(activation_claims::reject(&ctx, &caller, id).await?))
}
