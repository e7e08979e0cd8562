//! `/license-keys`: issuing, showing and editing. What becomes of a licence is in `lifecycle.rs`.

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{get, post, put};
use licentia_domain::edits::Intent;
use licentia_domain::licenses::{self, LicenseFilter};
use licentia_types::ids::{CustomerId, GroupId, LicenseId, ProductId, TierId};
use licentia_types::licenses::{
    BulkIssueRequest, BulkIssuedResponse, ChangeFeaturesRequest, IssueLicenseRequest, IssuedLicenseResponse,
    LicenseResponse, LicenseStatus, RevealedKeyResponse, UpdateLicenseRequest,
};
use licentia_types::pages::PageResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Ctx;
use crate::answers::{Created, Found, OrImpact, Tried};
use crate::body::{Body, LargeBody};
use crate::guard::{Allowed, perm};
use crate::idempotency::{AllowedOnce, IdempotencyKey, Once};
use crate::if_match::IfMatch;
use crate::parameters::{DryRun, Id, Listing, PageParameters, optional_switch};
use crate::problem::ApiError;
use crate::refusals::{EditingLicense, Issuing, Refused};

pub(crate) mod export;
pub(crate) mod lifecycle;

/// Which licences a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LicenseParameters {
    /// Of this product.
    product_id: Option<ProductId>,
    /// At this tier.
    tier_id: Option<TierId>,
    /// Of this customer.
    customer_id: Option<CustomerId>,
    /// In this group.
    group_id: Option<GroupId>,
    /// Worth this now.
    status: Option<LicenseStatus>,
    /// To try the product with, or not.
    #[serde(default, deserialize_with = "optional_switch")]
    #[param(value_type = Option<bool>)]
    trial: Option<bool>,
}

impl From<LicenseParameters> for LicenseFilter {
    fn from(parameters: LicenseParameters) -> Self {
        let LicenseParameters { product_id, tier_id, customer_id, group_id, status, trial } = parameters;
        Self { product_id, tier_id, customer_id, group_id, status, trial }
    }
}

/// A page of licences, their keys masked
#[utoipa::path(
    tag = "Licences",
    params(PageParameters, LicenseParameters),
    responses((status = OK, description = "A page", body = PageResponse<LicenseResponse>)),
    security(("bearer" = ["licenses.read"]))
)]
#[get("/license-keys")]
pub(crate) async fn list_licenses(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesRead, Listing<LicenseParameters>>,
) -> Result<Json<PageResponse<LicenseResponse>>, ApiError> {
    let (caller, Listing { page, filter }) = allowed.open();
    Ok(Json(licenses::list(&ctx, caller.actor.scope(), &filter.into(), &page).await?))
}

/// Issue a licence
///
/// The answer holds the licence key, this once. Without a customer the licence is unclaimed.
#[utoipa::path(
    tag = "Licences",
    params(IdempotencyKey),
    request_body(content = IssueLicenseRequest, example = json!({
        "productId": "prod_01h455vb4pex5vsknk084sn02q",
        "tierId": "tier_01h455vb4pex5vsknk084sn02q",
        "customer": {"externalId": "crm-4711", "email": "ada@example.com"},
        "validDays": 365,
        "features": {"add": ["export.pdf"]},
        "maxActivations": 10
    })),
    responses((status = CREATED, description = "The licence with its key", body = IssuedLicenseResponse), Refused<Issuing>),
    security(("bearer" = ["licenses"]))
)]
#[post("/license-keys")]
pub(crate) async fn issue_license(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Licenses, Body<IssueLicenseRequest>>,
) -> Result<Created<IssuedLicenseResponse>, ApiError> {
    let (caller, Once(Body(command))) = allowed.open();
    Ok(Created(licenses::issue(&ctx, &caller, command).await?))
}

/// Issue up to 1,000 licences, all or none
///
/// The answer holds their keys, this once, in the order in which they were asked for. When one cannot be issued, none is,
/// and `errors` points at it (`/licenses/17/tierId`). The body may have up to 2 MB.
#[utoipa::path(
    tag = "Licences",
    params(IdempotencyKey),
    request_body(content = BulkIssueRequest, example = json!({"licenses": [
        {
            "productId": "prod_01h455vb4pex5vsknk084sn02q",
            "tierId": "tier_01h455vb4pex5vsknk084sn02q",
            "customer": {"externalId": "crm-4711"},
            "startsAt": "first_activation",
            "validDays": 365
        },
        {"productId": "prod_01h455vb4pex5vsknk084sn02q", "tierId": "tier_01h455vb4pex5vsknk084sn02q"}
    ]})),
    responses((status = CREATED, description = "The licences with their keys", body = BulkIssuedResponse), Refused<Issuing>),
    security(("bearer" = ["licenses"]))
)]
#[post("/license-keys/bulk")]
pub(crate) async fn issue_licenses(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Licenses, LargeBody<BulkIssueRequest>>,
) -> Result<(Json<BulkIssuedResponse>, StatusCode), ApiError> {
    let (caller, Once(LargeBody(command))) = allowed.open();
    Ok((Json(licenses::issue_bulk(&ctx, &caller, command).await?), StatusCode::CREATED))
}

/// One licence, its key masked
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path)),
    responses((status = OK, description = "The licence", body = LicenseResponse)),
    security(("bearer" = ["licenses.read"]))
)]
#[get("/license-keys/{id}")]
pub(crate) async fn get_license(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesRead, Id<LicenseId>>,
) -> Result<Found<LicenseResponse>, ApiError> {
    let (caller, Id(id)) = allowed.open();
    Ok(Found(licenses::get(&ctx, caller.actor.scope(), id).await?))
}

/// Edit a licence
///
/// Its machines learn of it at their next heartbeat. `dryRun=true` tells what the edit would touch.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path), DryRun, IfMatch),
    request_body(content = UpdateLicenseRequest, example = json!({"expiresAt": "2031-01-31T00:00:00Z", "maxUsers": 25})),
    responses((status = OK, description = "The licence", body = OrImpact<LicenseResponse>), Refused<EditingLicense>),
    security(("bearer" = ["licenses"]))
)]
#[put("/license-keys/{id}")]
pub(crate) async fn update_license(
    ctx: Ctx,
    allowed: Allowed<perm::Licenses, (Id<LicenseId>, DryRun, IfMatch, Body<UpdateLicenseRequest>)>,
) -> Result<Tried<Found<LicenseResponse>>, ApiError> {
    let (caller, (Id(id), DryRun { dry_run }, IfMatch(expected), Body(command))) = allowed.open();
    let edited = licenses::update(&ctx, &caller, id, Intent { expected, dry_run }, command).await?;
    Ok(Tried::of(edited, Found))
}

/// Change a licence's own features, bit by bit
///
/// `add`, `remove` and `values` join what the licence has beside its tier: adding what was removed grants it again. `set`
/// freezes its features, whatever becomes of the tier; `null` for `set` makes them those of the tier again. `dryRun=true`
/// tells what the change would touch.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path), DryRun, IfMatch, IdempotencyKey),
    request_body(content = ChangeFeaturesRequest, example = json!({"add": ["export.pdf"], "remove": ["sso"], "values": {"projects": 20}})),
    responses((status = OK, description = "The licence", body = OrImpact<LicenseResponse>), Refused<EditingLicense>),
    security(("bearer" = ["licenses"]))
)]
#[post("/license-keys/{id}/features")]
pub(crate) async fn change_license_features(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Licenses, (Id<LicenseId>, DryRun, IfMatch, Body<ChangeFeaturesRequest>)>,
) -> Result<Tried<Found<LicenseResponse>>, ApiError> {
    let (caller, Once((Id(id), DryRun { dry_run }, IfMatch(expected), Body(command)))) = allowed.open();
    let edited = licenses::change_features(&ctx, &caller, id, Intent { expected, dry_run }, command).await?;
    Ok(Tried::of(edited, Found))
}

/// The licence key in clear
///
/// It is written to the audit log who saw it.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path)),
    responses((status = OK, description = "The key", body = RevealedKeyResponse)),
    security(("bearer" = ["licenses.reveal"]))
)]
#[post("/license-keys/{id}/reveal")]
pub(crate) async fn reveal_license_key(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesReveal, Id<LicenseId>>,
) -> Result<Json<RevealedKeyResponse>, ApiError> {
    let (caller, Id(id)) = allowed.open();
    Ok(Json(licenses::reveal(&ctx, &caller, id).await?))
}
