//! `/products/{id}/releases`

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{Responder, get, post};
use licentia_domain::releases;
use licentia_types::ids::ProductId;
use licentia_types::pages::PageResponse;
use licentia_types::releases::{DeclareReleaseRequest, ReleaseResponse};

use crate::Ctx;
use crate::body::Body;
use crate::guard::{Allowed, perm};
use crate::idempotency::{IdempotencyKey, Once, UnboundedOnce};
use crate::parameters::{Id, Listing, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{Adding, Refused};

/// A page of a product's versions
///
/// By the date that counts: when a version came out, as declared, or else when a machine first
/// activated with it.
#[utoipa::path(
    tag = "Products",
    params(("id" = ProductId, Path), PageParameters),
    responses((status = OK, description = "A page", body = PageResponse<ReleaseResponse>)),
    security(("bearer" = ["catalog.read"]))
)]
#[get("/products/{id}/releases")]
pub(crate) async fn list_releases(
    ctx: Ctx,
    allowed: Allowed<perm::CatalogRead, (Id<ProductId>, Listing)>,
) -> Result<Json<PageResponse<ReleaseResponse>>, ApiError> {
    let (_, (Id(product), listing)) = allowed.open();
    Ok(Json(releases::list(&ctx, product, &listing.page).await?))
}

/// Declare when a version came out
///
/// Licences with `updatesUntil` cover the versions that came out before it. A version that machines
/// were seen with counts from then until it is declared; it is declared once.
#[utoipa::path(
    tag = "Products",
    params(("id" = ProductId, Path), IdempotencyKey),
    request_body(content = DeclareReleaseRequest, example = json!({
        "version": "2.4.1",
        "releasedAt": "2030-01-31T00:00:00Z"
    })),
    responses((status = CREATED, description = "The version", body = ReleaseResponse), Refused<Adding>),
    security(("bearer" = ["catalog"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[post("/products/{id}/releases")]
pub(crate) async fn declare_release(
    ctx: Ctx,
    allowed: UnboundedOnce<perm::Catalog, (Id<ProductId>, Body<DeclareReleaseRequest>)>,
) -> Result<impl Responder, ApiError> {
    let (caller, Once((Id(product), Body(command)))) = allowed.open();
    let release = releases::declare(&ctx, &caller, product, command).await?;
    Ok(Json(release).customize().with_status(StatusCode::CREATED))
}
