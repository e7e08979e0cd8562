//! `/license-activations`

use actix_web::web::{Data, Json};
use actix_web::{get, post};
use licentia_domain::activations::{self, ActivationFilter};
use licentia_types::activation_claims::AwaitingApprovalResponse;
use licentia_types::activations::{
    ActivateRequest, ActivateResponse, ActivationResponse, ActivationStatus, DeactivateRequest,
    RevokeActivationRequest, StatusRequest, StatusResponse,
};
use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::pages::PageResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Ctx;
use crate::answers::{Admitted, Found};
use crate::body::{Body, OptionalBody};
use crate::guard::{Allowed, Machine, MachineOr, Visitor, perm};
use crate::idempotency::{AllowedOnce, IdempotencyKey, Once};
use crate::limits::key_lookups::KeyLookups;
use crate::parameters::{Id, Listing, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{Activating, AskingByKey, Deactivating, Refused};

/// Which activations a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ActivationParameters {
    /// Of this licence.
    license_id: Option<LicenseId>,
    /// Of this status.
    status: Option<ActivationStatus>,
}

impl From<ActivationParameters> for ActivationFilter {
    fn from(ActivationParameters { license_id, status }: ActivationParameters) -> Self {
        Self { license_id, status }
    }
}

/// Bind a machine to a licence
///
/// 201 when it took a seat; 200 for the same machine again, which takes no second one and gets a
/// fresh token. Keep the `nonce`: the first heartbeat needs it. 202 when somebody has to let the machine in
/// first: the first one of a licence whose product says so, and one that activates again without its nonce
/// for the fourth time in 24 hours. It asks `POST /activation-claims` then.
#[utoipa::path(
    tag = "Machines",
    request_body(content = ActivateRequest, example = json!({
        "licenseKey": "DEMO-4K7Q2-9XWTB-0M3HN-V5ZRC-8GJ1S",
        "fingerprint": "5f0c1f7a-board-serial",
        "hostname": "ada-laptop",
        "productVersion": "2.4.1"
    })),
    responses(
        (status = CREATED, description = "The machine took a seat", body = ActivateResponse),
        (status = OK, description = "The machine had its seat", body = ActivateResponse),
        (status = ACCEPTED, description = "Somebody has to let the machine in", body = AwaitingApprovalResponse),
        Refused<Activating>
    )
)]
#[post("/license-activations/activate")]
pub(crate) async fn activate(
    ctx: Ctx,
    lookups: Data<KeyLookups>,
    machine: Machine<Body<ActivateRequest>>,
) -> Result<Admitted, ApiError> {
    let (caller, Body(command)) = machine.open();
    let activation = Box::pin(activations::activate(&ctx, &caller, command));
    Ok(Admitted(lookups.watch(caller.ip, activation, |_| false).await?))
}

/// The standing of a machine
///
/// Rotates nothing, and records no contact.
#[utoipa::path(
    tag = "Machines",
    request_body(content = StatusRequest, example = json!({
        "licenseKey": "DEMO-4K7Q2-9XWTB-0M3HN-V5ZRC-8GJ1S",
        "fingerprint": "5f0c1f7a-board-serial"
    })),
    responses((status = OK, description = "The standing", body = StatusResponse), Refused<AskingByKey>)
)]
#[post("/license-activations/status")]
pub(crate) async fn activation_status(
    ctx: Ctx,
    lookups: Data<KeyLookups>,
    machine: Visitor<Body<StatusRequest>>,
) -> Result<Json<StatusResponse>, ApiError> {
    let (caller, Body(question)) = machine.open();
    let status = activations::status(&ctx, question);
    Ok(Json(lookups.watch(caller.ip, status, |_| false).await?))
}

/// A page of activations
#[utoipa::path(
    tag = "Activations",
    params(PageParameters, ActivationParameters),
    responses((status = OK, description = "A page", body = PageResponse<ActivationResponse>)),
    security(("bearer" = ["activations.read"]))
)]
#[get("/license-activations")]
pub(crate) async fn list_activations(
    ctx: Ctx,
    allowed: Allowed<perm::ActivationsRead, Listing<ActivationParameters>>,
) -> Result<Json<PageResponse<ActivationResponse>>, ApiError> {
    let (caller, Listing { page, filter }) = allowed.open();
    Ok(Json(activations::list(&ctx, caller.actor.scope(), &filter.into(), &page).await?))
}

/// One activation
#[utoipa::path(
    tag = "Activations",
    params(("id" = ActivationId, Path)),
    responses((status = OK, description = "The activation", body = ActivationResponse)),
    security(("bearer" = ["activations.read"]))
)]
#[get("/license-activations/{id}")]
pub(crate) async fn get_activation(
    ctx: Ctx,
    allowed: Allowed<perm::ActivationsRead, Id<ActivationId>>,
) -> Result<Found<ActivationResponse>, ApiError> {
    let (caller, Id(id)) = allowed.open();
    Ok(Found(activations::get(&ctx, caller.actor.scope(), id).await?))
}

/// Which machine, and how it proves itself.
type Deactivation = (Id<ActivationId>, OptionalBody<DeactivateRequest>);

/// Give a seat back
///
/// A machine sends its licence key, its fingerprint and its current or previous nonce; an API key
/// needs no body. Doing it again changes nothing.
#[utoipa::path(
    tag = "Machines",
    params(("id" = ActivationId, Path), IdempotencyKey),
    request_body(content = Option<DeactivateRequest>, example = json!({
        "licenseKey": "DEMO-4K7Q2-9XWTB-0M3HN-V5ZRC-8GJ1S",
        "fingerprint": "5f0c1f7a-board-serial",
        "nonce": "the nonce of the last answer"
    })),
    responses((status = OK, description = "The activation", body = ActivationResponse), Refused<Deactivating>),
    security((), ("bearer" = ["activations"]))
)]
#[post("/license-activations/{id}/deactivate")]
pub(crate) async fn deactivate(
    ctx: Ctx,
    lookups: Data<KeyLookups>,
    machine: MachineOr<perm::Activations, Once<Deactivation>>,
) -> Result<Found<ActivationResponse>, ApiError> {
    let (caller, Once((Id(id), OptionalBody(command)))) = machine.open();
    let looked_up_from = command.license_key.as_ref().and(caller.ip);
    let deactivation = Box::pin(activations::deactivate(&ctx, &caller, id, command));
    Ok(Found(lookups.watch(looked_up_from, deactivation, |_| false).await?))
}

/// Block a machine
///
/// It gets no licence token any more, and cannot activate again until it is unblocked. While its
/// grace lasts, its heartbeats are told until when. Doing it again changes nothing.
#[utoipa::path(
    tag = "Activations",
    params(("id" = ActivationId, Path), IdempotencyKey),
    request_body(content = Option<RevokeActivationRequest>, example = json!({
        "reason": "copied to another machine",
        "graceHours": 24
    })),
    responses((status = OK, description = "The activation", body = ActivationResponse)),
    security(("bearer" = ["activations"]))
)]
#[post("/license-activations/{id}/revoke")]
pub(crate) async fn revoke_activation(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Activations, (Id<ActivationId>, OptionalBody<RevokeActivationRequest>)>,
) -> Result<Found<ActivationResponse>, ApiError> {
    let (caller, Once((Id(id), OptionalBody(command)))) = allowed.open();
    Ok(Found(activations::revoke(&ctx, &caller, id, command).await?))
}

/// Unblock a machine
///
/// It may activate again, and takes a seat then. One that is not revoked stays as it is.
#[utoipa::path(
    tag = "Activations",
    params(("id" = ActivationId, Path), IdempotencyKey),
    responses((status = OK, description = "The activation", body = ActivationResponse)),
    security(("bearer" = ["activations"]))
)]
#[post("/license-activations/{id}/unblock")]
pub(crate) async fn unblock_activation(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Activations, Id<ActivationId>>,
) -> Result<Found<ActivationResponse>, ApiError> {
    let (caller, Once(Id(id))) = allowed.open();
    Ok(Found(activations::unblock(&ctx, &caller, id).await?))
}
