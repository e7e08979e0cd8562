//! `/pricing-tiers`

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use licentia_domain::edits::Intent;
use licentia_domain::tiers;
use licentia_types::ids::TierId;
use licentia_types::impact::ImpactResponse;
use licentia_types::pages::PageResponse;
use licentia_types::tiers::{
    CreateTierRequest, OrderTiersRequest, ResolvedTierResponse, TierResponse, UpdateTierRequest,
};

use crate::Ctx;
use crate::answers::{Created, Found, NoContent, OrImpact, Tried};
use crate::body::Body;
use crate::guard::{Allowed, Unbounded, perm};
use crate::idempotency::{IdempotencyKey, Once, UnboundedOnce};
use crate::if_match::{IfMatch, OptionalIfMatch};
use crate::parameters::{DryRun, Id, Listing, OfProduct, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{AddingToCatalogue, ArchivingTier, EditingCatalogue, Refused};

/// Put a product's tiers in order
#[utoipa::path(
    tag = "Pricing tiers",
    request_body(content = OrderTiersRequest, example = json!({
        "productId": "prod_01h455vb4pex5vsknk084sn02q",
        "ids": ["tier_01h455vb4pex5vsknk084sn02q", "tier_01h455vb4pex5vsknk084sn02r"]
    })),
    responses((status = OK, description = "The tiers, in order", body = Vec<TierResponse>)),
    security(("bearer" = ["catalog"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[put("/pricing-tiers/order")]
pub(crate) async fn order_tiers(
    ctx: Ctx,
    allowed: Unbounded<perm::Catalog, Body<OrderTiersRequest>>,
) -> Result<Json<Vec<TierResponse>>, ApiError> {
    let (caller, Body(command)) = allowed.open();
    Ok(Json(tiers::order(&ctx, &caller, command).await?))
}

/// A page of tiers
#[utoipa::path(
    tag = "Pricing tiers",
    params(PageParameters, OfProduct),
    responses((status = OK, description = "A page", body = PageResponse<TierResponse>)),
    security(("bearer" = ["catalog.read"]))
)]
#[get("/pricing-tiers")]
pub(crate) async fn list_tiers(
    ctx: Ctx,
    allowed: Allowed<perm::CatalogRead, Listing<OfProduct>>,
) -> Result<Json<PageResponse<TierResponse>>, ApiError> {
    let (_, Listing { page, filter }) = allowed.open();
    Ok(Json(tiers::list(&ctx, filter.product_id, &page).await?))
}

/// Make a tier
#[utoipa::path(
    tag = "Pricing tiers",
    params(IdempotencyKey),
    request_body(content = CreateTierRequest, example = json!({
        "productId": "prod_01h455vb4pex5vsknk084sn02q",
        "key": "pro",
        "name": "Professional",
        "includesTierId": "tier_01h455vb4pex5vsknk084sn02q",
        "monthlyPrice": 1900,
        "currency": "EUR",
        "billingPeriods": ["monthly"],
        "features": ["export.pdf"],
        "featureValues": {"projects": 20},
        "maxActivations": 5
    })),
    responses((status = CREATED, description = "The tier", body = TierResponse), Refused<AddingToCatalogue>),
    security(("bearer" = ["catalog"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[post("/pricing-tiers")]
pub(crate) async fn create_tier(
    ctx: Ctx,
    allowed: UnboundedOnce<perm::Catalog, Body<CreateTierRequest>>,
) -> Result<Created<TierResponse>, ApiError> {
    let (caller, Once(Body(command))) = allowed.open();
    Ok(Created(tiers::create(&ctx, &caller, command).await?))
}

/// One tier, as it is written down
#[utoipa::path(
    tag = "Pricing tiers",
    params(("id" = TierId, Path)),
    responses((status = OK, description = "The tier", body = TierResponse)),
    security(("bearer" = ["catalog.read"]))
)]
#[get("/pricing-tiers/{id}")]
pub(crate) async fn get_tier(
    ctx: Ctx,
    allowed: Allowed<perm::CatalogRead, Id<TierId>>,
) -> Result<Found<TierResponse>, ApiError> {
    let (_, Id(id)) = allowed.open();
    Ok(Found(tiers::get(&ctx, id).await?))
}

/// Edit a tier
///
/// Licences at it, and at every tier that includes it, change with it. `dryRun=true` tells how many, and how.
#[utoipa::path(
    tag = "Pricing tiers",
    params(("id" = TierId, Path), DryRun, IfMatch),
    request_body(content = UpdateTierRequest, example = json!({"monthlyPrice": 2100, "maxActivations": null})),
    responses((status = OK, description = "The tier", body = OrImpact<TierResponse>), Refused<EditingCatalogue>),
    security(("bearer" = ["catalog"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[put("/pricing-tiers/{id}")]
pub(crate) async fn update_tier(
    ctx: Ctx,
    allowed: Unbounded<perm::Catalog, (Id<TierId>, DryRun, IfMatch, Body<UpdateTierRequest>)>,
) -> Result<Tried<Found<TierResponse>>, ApiError> {
    let (caller, (Id(id), DryRun { dry_run }, IfMatch(expected), Body(command))) = allowed.open();
    let edited = tiers::update(&ctx, &caller, id, Intent { expected, dry_run }, command).await?;
    Ok(Tried::of(edited, Found))
}

/// Archive a tier
///
/// No licence can be issued at it any more; those that have it keep it.
#[utoipa::path(
    tag = "Pricing tiers",
    params(("id" = TierId, Path), DryRun, OptionalIfMatch),
    responses(
        (status = NO_CONTENT, description = "It is archived"),
        (status = OK, description = "With `dryRun=true`: what that would touch", body = ImpactResponse),
        Refused<ArchivingTier>
    ),
    security(("bearer" = ["catalog"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[delete("/pricing-tiers/{id}")]
pub(crate) async fn archive_tier(
    ctx: Ctx,
    allowed: Unbounded<perm::Catalog, (Id<TierId>, DryRun, OptionalIfMatch)>,
) -> Result<Tried<NoContent>, ApiError> {
    let (caller, (Id(id), DryRun { dry_run }, OptionalIfMatch(expected))) = allowed.open();
    let edited = tiers::archive(&ctx, &caller, id, Intent { expected, dry_run }).await?;
    Ok(Tried::of(edited, |()| NoContent))
}

/// What a tier grants with all that it includes
#[utoipa::path(
    tag = "Pricing tiers",
    params(("id" = TierId, Path)),
    responses((status = OK, description = "Each feature, and the tier it comes from", body = ResolvedTierResponse)),
    security(("bearer" = ["catalog.read"]))
)]
#[get("/pricing-tiers/{id}/features")]
pub(crate) async fn resolve_tier(
    ctx: Ctx,
    allowed: Allowed<perm::CatalogRead, Id<TierId>>,
) -> Result<Json<ResolvedTierResponse>, ApiError> {
    let (_, Id(id)) = allowed.open();
    Ok(Json(tiers::resolved(&ctx, id).await?))
}
