//! `/license-keys`

use actix_web::web::Json;
use actix_web::{get, post, put};
use licentia_domain::licenses::{self, LicenseFilter};
use licentia_types::ids::{CustomerId, LicenseId, ProductId, TierId};
use licentia_types::licenses::{
    IssueLicenseRequest, IssuedLicenseResponse, LicenseResponse, LicenseStatus, RevealedKeyResponse,
    RevokeLicenseRequest, UpdateLicenseRequest,
};
use licentia_types::pages::PageResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Ctx;
use crate::answers::{Created, Found};
use crate::body::{Body, OptionalBody};
use crate::guard::{Allowed, perm};
use crate::if_match::IfMatch;
use crate::parameters::{Id, Listing, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{EditingLicense, Issuing, Refused};

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
    /// Worth this now.
    status: Option<LicenseStatus>,
}

impl From<LicenseParameters> for LicenseFilter {
    fn from(LicenseParameters { product_id, tier_id, customer_id, status }: LicenseParameters) -> Self {
        Self { product_id, tier_id, customer_id, status }
    }
}

/// A page of licences, their keys masked
#[utoipa::path(
    tag = "Licences",
    params(PageParameters, LicenseParameters),
    responses((status = OK, description = "A page", body = PageResponse<LicenseResponse>)),
    security(("bearer" = ["licenses"]))
)]
#[get("/license-keys")]
pub(crate) async fn list_licenses(
    ctx: Ctx,
    allowed: Allowed<perm::Licenses, Listing<LicenseParameters>>,
) -> Result<Json<PageResponse<LicenseResponse>>, ApiError> {
    let (caller, Listing { page, filter }) = allowed.open();
    Ok(Json(licenses::list(&ctx, caller.actor.scope(), &filter.into(), &page).await?))
}

/// Issue a licence
///
/// The answer holds the licence key, this once. Without a customer the licence is unclaimed.
#[utoipa::path(
    tag = "Licences",
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
    allowed: Allowed<perm::Licenses, Body<IssueLicenseRequest>>,
) -> Result<Created<IssuedLicenseResponse>, ApiError> {
    let (caller, Body(command)) = allowed.open();
    Ok(Created(licenses::issue(&ctx, &caller, command).await?))
}

/// One licence, its key masked
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path)),
    responses((status = OK, description = "The licence", body = LicenseResponse)),
    security(("bearer" = ["licenses"]))
)]
#[get("/license-keys/{id}")]
pub(crate) async fn get_license(
    ctx: Ctx,
    allowed: Allowed<perm::Licenses, Id<LicenseId>>,
) -> Result<Found<LicenseResponse>, ApiError> {
    let (caller, Id(id)) = allowed.open();
    Ok(Found(licenses::get(&ctx, caller.actor.scope(), id).await?))
}

/// Edit a licence
///
/// Its machines learn of it at their next heartbeat.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path), IfMatch),
    request_body(content = UpdateLicenseRequest, example = json!({"expiresAt": "2031-01-31T00:00:00Z", "maxUsers": 25})),
    responses((status = OK, description = "The licence", body = LicenseResponse), Refused<EditingLicense>),
    security(("bearer" = ["licenses"]))
)]
#[put("/license-keys/{id}")]
pub(crate) async fn update_license(
    ctx: Ctx,
    allowed: Allowed<perm::Licenses, (Id<LicenseId>, IfMatch, Body<UpdateLicenseRequest>)>,
) -> Result<Found<LicenseResponse>, ApiError> {
    let (caller, (Id(id), IfMatch(expected), Body(command))) = allowed.open();
    Ok(Found(licenses::update(&ctx, &caller, id, expected, command).await?))
}

/// Take a licence back, for good
///
/// Its machines get no more tokens. Doing it again changes nothing.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path), IfMatch),
    request_body(content = Option<RevokeLicenseRequest>, example = json!({"reason": "refunded"})),
    responses((status = OK, description = "The licence", body = LicenseResponse)),
    security(("bearer" = ["licenses"]))
)]
#[post("/license-keys/{id}/revoke")]
pub(crate) async fn revoke_license(
    ctx: Ctx,
    allowed: Allowed<perm::Licenses, (Id<LicenseId>, IfMatch, OptionalBody<RevokeLicenseRequest>)>,
) -> Result<Found<LicenseResponse>, ApiError> {
    let (caller, (Id(id), IfMatch(expected), OptionalBody(command))) = allowed.open();
    Ok(Found(licenses::revoke(&ctx, &caller, id, expected, command).await?))
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
