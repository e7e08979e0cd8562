//! `/license-keys/{id}/checkout`, `/license-keys/{id}/files`, `/license-activations/receipts`

use actix_web::web::Json;
use actix_web::{get, post};
use licentia_domain::license_files;
use licentia_types::activations::ActivationResponse;
use licentia_types::ids::{LicenseFileId, LicenseId};
use licentia_types::license_files::{CheckoutRequest, CheckoutResponse, LicenseFileResponse, ReceiptRequest};
use licentia_types::pages::PageResponse;

use crate::Ctx;
use crate::answers::{CreatedOrFound, Found};
use crate::body::Body;
use crate::guard::{Allowed, Visitor, perm};
use crate::idempotency::{AllowedOnce, IdempotencyKey, Once};
use crate::parameters::{FileOf, Id, Listing, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{CheckingOut, GivingBack, Refused};

/// Check a licence out to a machine that cannot call
///
/// 201 with a new licence file, which takes a seat until it ends; 200 with the same bytes again while the
/// last file of the machine is good and says what a new one would. The machine is described here, or by the
/// request file that it made.
#[utoipa::path(
    tag = "Licence files",
    params(("id" = LicenseId, Path), IdempotencyKey),
    request_body(content = CheckoutRequest, example = json!({
        "fingerprint": "5f0c1f7a-board-serial",
        "ttlDays": 90,
        "hostname": "press-3"
    })),
    responses(
        (status = CREATED, description = "A new file", body = CheckoutResponse),
        (status = OK, description = "The file that the machine has", body = CheckoutResponse),
        Refused<CheckingOut>
    ),
    security(("bearer" = ["licenses"]))
)]
#[post("/license-keys/{id}/checkout")]
pub(crate) async fn checkout(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Licenses, (Id<LicenseId>, Body<CheckoutRequest>)>,
) -> Result<CreatedOrFound<CheckoutResponse>, ApiError> {
    let (caller, Once((Id(id), Body(command)))) = allowed.open();
    let checked_out = Box::pin(license_files::checkout(&ctx, &caller, id, command)).await?;
    Ok(CreatedOrFound { thing: checked_out.response, created: checked_out.created })
}

/// A page of a licence's files, without their text
#[utoipa::path(
    tag = "Licence files",
    params(("id" = LicenseId, Path), PageParameters),
    responses((status = OK, description = "A page", body = PageResponse<LicenseFileResponse>)),
    security(("bearer" = ["licenses.read"]))
)]
#[get("/license-keys/{id}/files")]
pub(crate) async fn list_license_files(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesRead, (Id<LicenseId>, Listing)>,
) -> Result<Json<PageResponse<LicenseFileResponse>>, ApiError> {
    let (caller, (Id(id), Listing { page, .. })) = allowed.open();
    Ok(Json(license_files::list(&ctx, caller.actor.scope(), id, &page).await?))
}

/// One licence file, the same bytes each time
#[utoipa::path(
    tag = "Licence files",
    params(("id" = LicenseId, Path), ("fileId" = LicenseFileId, Path)),
    responses((status = OK, description = "The file", body = LicenseFileResponse)),
    security(("bearer" = ["licenses.read"]))
)]
#[get("/license-keys/{id}/files/{fileId}")]
pub(crate) async fn get_license_file(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesRead, FileOf>,
) -> Result<Found<LicenseFileResponse>, ApiError> {
    let (caller, FileOf { license, file }) = allowed.open();
    Ok(Found(license_files::get(&ctx, caller.actor.scope(), license, file).await?))
}

/// Give a seat back that a licence file holds
///
/// The machine signed that it runs on the files no more, with the key that they were asked for with: that is
/// its proof, whoever carries the receipt here. The same receipt again changes nothing.
#[utoipa::path(
    tag = "Machines",
    request_body(content = ReceiptRequest, example = json!({
        "receipt": "-----BEGIN DEACTIVATION RECEIPT-----\n…\n-----END DEACTIVATION RECEIPT-----"
    })),
    responses((status = OK, description = "The activation", body = ActivationResponse), Refused<GivingBack>)
)]
#[post("/license-activations/receipts")]
pub(crate) async fn take_receipt(
    ctx: Ctx,
    machine: Visitor<Body<ReceiptRequest>>,
) -> Result<Found<ActivationResponse>, ApiError> {
    let (caller, Body(command)) = machine.open();
    Ok(Found(Box::pin(license_files::take_receipt(&ctx, &caller, command)).await?))
}
