//! `/user`: a customer, and the licences that are his own.

pub(crate) mod machines;

use actix_web::web::{Data, Json};
use actix_web::{get, post};
use licentia_domain::{accounts, license_files, licenses};
use licentia_types::accounts::{AccountResponse, ClaimLicenseRequest, ExportResponse, OwnLicenseResponse};
use licentia_types::admins::ChangePasswordRequest;
use licentia_types::ids::{LicenseFileId, LicenseId};
use licentia_types::license_files::{CheckoutRequest, CheckoutResponse, LicenseFileResponse};
use licentia_types::licenses::{LicenseStatus, RevealedKeyResponse};
use licentia_types::pages::PageResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Ctx;
use crate::answers::{CreatedOrFound, NoContent, OwnCheckout};
use crate::body::Body;
use crate::guard::{AsCustomer, ConfirmingCustomer};
use crate::limits::key_lookups::KeyLookups;
use crate::parameters::{FileOf, Id, Listing, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{CheckingOut, ClaimingLicense, Exporting, Refused, RevealingOwn, SettingPassword};

/// Which of his licences a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OwnLicenseParameters {
    /// Worth this now.
    status: Option<LicenseStatus>,
}

/// The customer who is signed in
#[utoipa::path(
    tag = "Portal",
    responses((status = OK, description = "The account", body = AccountResponse)),
    security(("customer" = []))
)]
#[get("/user")]
pub(crate) async fn get_user(ctx: Ctx, customer: AsCustomer) -> Result<Json<AccountResponse>, ApiError> {
    let (caller, ()) = customer.open();
    Ok(Json(accounts::me(&ctx, &caller).await?))
}

/// Set another password of one's own
///
/// With the present one; the customer's other sessions end. Who has none sets one by a letter.
#[utoipa::path(
    tag = "Portal",
    request_body(content = ChangePasswordRequest, example = json!({"currentPassword": "plum violin gravel sunday", "password": "vexing otter hums low"})),
    responses((status = NO_CONTENT, description = "It is set"), Refused<SettingPassword>),
    security(("customer" = []))
)]
#[post("/user/password")]
pub(crate) async fn change_own_password(
    ctx: Ctx,
    customer: ConfirmingCustomer<Body<ChangePasswordRequest>>,
) -> Result<NoContent, ApiError> {
    let (caller, Body(request)) = customer.open();
    accounts::change_password(&ctx, &caller, request).await?;
    Ok(NoContent)
}

/// All that is kept about oneself
///
/// For a quarter of an hour after signing in, once an hour; written down in the audit log. Secrets are not in it.
#[utoipa::path(
    tag = "Portal",
    responses((status = OK, description = "It", body = ExportResponse), Refused<Exporting>),
    security(("customer" = []))
)]
#[post("/user/export")]
pub(crate) async fn export_user(ctx: Ctx, customer: AsCustomer) -> Result<Json<ExportResponse>, ApiError> {
    let (caller, ()) = customer.open();
    Ok(Json(Box::pin(accounts::export(&ctx, &caller)).await?))
}

/// Make a licence one's own
///
/// By its key, while it is nobody's; or when the customer whose it is has the address that was confirmed. Else 409, and
/// the owner is told by a letter. Doing it again changes nothing.
#[utoipa::path(
    tag = "Portal",
    request_body(content = ClaimLicenseRequest, example = json!({"licenseKey": "DEMO-4K7Q2-9XWTB-0M3HN-V5ZRC-8GJ1S"})),
    responses((status = OK, description = "The licence", body = OwnLicenseResponse), Refused<ClaimingLicense>),
    security(("customer" = []))
)]
#[post("/user/claim-license")]
pub(crate) async fn claim_license(
    ctx: Ctx,
    lookups: Data<KeyLookups>,
    customer: AsCustomer<Body<ClaimLicenseRequest>>,
) -> Result<Json<OwnLicenseResponse>, ApiError> {
    let (caller, Body(request)) = customer.open();
    let claim = Box::pin(licenses::claim(&ctx, &caller, request));
    Ok(Json(lookups.watch(caller.ip, claim, |_| false).await?))
}

/// A page of one's own licences
#[utoipa::path(
    tag = "Portal",
    params(PageParameters, OwnLicenseParameters),
    responses((status = OK, description = "A page", body = PageResponse<OwnLicenseResponse>)),
    security(("customer" = []))
)]
#[get("/user/licenses")]
pub(crate) async fn list_own_licenses(
    ctx: Ctx,
    customer: AsCustomer<Listing<OwnLicenseParameters>>,
) -> Result<Json<PageResponse<OwnLicenseResponse>>, ApiError> {
    let (caller, Listing { page, filter }) = customer.open();
    Ok(Json(licenses::list_own(&ctx, &caller, filter.status, &page).await?))
}

/// One of one's own licences
#[utoipa::path(
    tag = "Portal",
    params(("id" = LicenseId, Path)),
    responses((status = OK, description = "The licence", body = OwnLicenseResponse)),
    security(("customer" = []))
)]
#[get("/user/licenses/{id}")]
pub(crate) async fn get_own_license(
    ctx: Ctx,
    customer: AsCustomer<Id<LicenseId>>,
) -> Result<Json<OwnLicenseResponse>, ApiError> {
    let (caller, Id(id)) = customer.open();
    Ok(Json(licenses::get_own(&ctx, &caller, id).await?))
}

/// Show the key of one of one's own licences
///
/// For a quarter of an hour after signing in; written down in the audit log.
#[utoipa::path(
    tag = "Portal",
    params(("id" = LicenseId, Path)),
    responses((status = OK, description = "The key", body = RevealedKeyResponse), Refused<RevealingOwn>),
    security(("customer" = []))
)]
#[post("/user/licenses/{id}/reveal")]
pub(crate) async fn reveal_own_license_key(
    ctx: Ctx,
    customer: AsCustomer<Id<LicenseId>>,
) -> Result<Json<RevealedKeyResponse>, ApiError> {
    let (caller, Id(id)) = customer.open();
    Ok(Json(licenses::reveal_own(&ctx, &caller, id).await?))
}

/// Check one of one's own licences out to a machine that cannot call
///
/// As `POST /license-keys/{id}/checkout`. Where all seats are taken, the refusal names the machines that hold them.
#[utoipa::path(
    tag = "Portal",
    params(("id" = LicenseId, Path)),
    request_body(content = CheckoutRequest, example = json!({"fingerprint": "5f0c1f7a-board-serial", "hostname": "press-3"})),
    responses(
        (status = CREATED, description = "A new file", body = CheckoutResponse),
        (status = OK, description = "The file that the machine has", body = CheckoutResponse),
        Refused<CheckingOut>
    ),
    security(("customer" = []))
)]
#[post("/user/licenses/{id}/checkout")]
pub(crate) async fn check_out_own(
    ctx: Ctx,
    customer: AsCustomer<(Id<LicenseId>, Body<CheckoutRequest>)>,
) -> Result<CreatedOrFound<OwnCheckout>, ApiError> {
    let (caller, (Id(id), Body(command))) = customer.open();
    let checked_out = Box::pin(license_files::checkout_own(&ctx, &caller, id, command)).await?;
    Ok(CreatedOrFound { thing: OwnCheckout(checked_out.response), created: checked_out.created })
}

/// A page of the files of one of one's own licences, without their text
#[utoipa::path(
    tag = "Portal",
    params(("id" = LicenseId, Path), PageParameters),
    responses((status = OK, description = "A page", body = PageResponse<LicenseFileResponse>)),
    security(("customer" = []))
)]
#[get("/user/licenses/{id}/files")]
pub(crate) async fn list_own_files(
    ctx: Ctx,
    customer: AsCustomer<(Id<LicenseId>, Listing)>,
) -> Result<Json<PageResponse<LicenseFileResponse>>, ApiError> {
    let (caller, (Id(id), Listing { page, .. })) = customer.open();
    Ok(Json(license_files::list(&ctx, caller.actor.scope(), id, &page).await?))
}

/// One of these files, the same bytes each time
#[utoipa::path(
    tag = "Portal",
    params(("id" = LicenseId, Path), ("fileId" = LicenseFileId, Path)),
    responses((status = OK, description = "The file", body = LicenseFileResponse)),
    security(("customer" = []))
)]
#[get("/user/licenses/{id}/files/{fileId}")]
pub(crate) async fn get_own_file(
    ctx: Ctx,
    customer: AsCustomer<FileOf>,
) -> Result<Json<LicenseFileResponse>, ApiError> {
    let (caller, FileOf { license, file }) = customer.open();
    Ok(Json(license_files::get(&ctx, caller.actor.scope(), license, file).await?))
}
