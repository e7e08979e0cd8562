//! `/product-features`

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use licentia_domain::edits::Intent;
use licentia_domain::features;
use licentia_types::features::{
    CreateFeatureRequest, FeatureResponse, OrderFeaturesRequest, UpdateFeatureRequest,
};
use licentia_types::ids::FeatureId;
use licentia_types::impact::ImpactResponse;
use licentia_types::pages::PageResponse;

use crate::Ctx;
use crate::answers::{Created, Found, NoContent, OrImpact, Tried};
use crate::body::Body;
use crate::guard::{Allowed, Unbounded, perm};
use crate::idempotency::{IdempotencyKey, Once, UnboundedOnce};
use crate::if_match::{IfMatch, OptionalIfMatch};
use crate::parameters::{DryRun, Id, Listing, OfProduct, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{AddingToCatalogue, Archiving, EditingCatalogue, Refused};

/// Put a product's features in order
#[utoipa::path(
    tag = "Product features",
    request_body(content = OrderFeaturesRequest, example = json!({
        "productId": "prod_01h455vb4pex5vsknk084sn02q",
        "ids": ["feat_01h455vb4pex5vsknk084sn02q", "feat_01h455vb4pex5vsknk084sn02r"]
    })),
    responses((status = OK, description = "The features, in order", body = Vec<FeatureResponse>)),
    security(("bearer" = ["catalog"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[put("/product-features/order")]
pub(crate) async fn order_features(
    ctx: Ctx,
    allowed: Unbounded<perm::Catalog, Body<OrderFeaturesRequest>>,
) -> Result<Json<Vec<FeatureResponse>>, ApiError> {
    let (caller, Body(command)) = allowed.open();
    Ok(Json(features::order(&ctx, &caller, command).await?))
}

/// A page of features
#[utoipa::path(
    tag = "Product features",
    params(PageParameters, OfProduct),
    responses((status = OK, description = "A page", body = PageResponse<FeatureResponse>)),
    security(("bearer" = ["catalog.read"]))
)]
#[get("/product-features")]
pub(crate) async fn list_features(
    ctx: Ctx,
    allowed: Allowed<perm::CatalogRead, Listing<OfProduct>>,
) -> Result<Json<PageResponse<FeatureResponse>>, ApiError> {
    let (_, Listing { page, filter }) = allowed.open();
    Ok(Json(features::list(&ctx, filter.product_id, &page).await?))
}

/// Make a feature
///
/// Tiers with `*` grant it at once; `dryRun=true` tells what that would touch.
#[utoipa::path(
    tag = "Product features",
    params(DryRun, IdempotencyKey),
    request_body(content = CreateFeatureRequest, example = json!({
        "productId": "prod_01h455vb4pex5vsknk084sn02q",
        "key": "projects",
        "name": "Projects",
        "kind": "entitlement",
        "valueType": "integer"
    })),
    responses(
        (status = CREATED, description = "The feature", body = FeatureResponse),
        (status = OK, description = "With `dryRun=true`: what that would touch", body = ImpactResponse),
        Refused<AddingToCatalogue>
    ),
    security(("bearer" = ["catalog"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[post("/product-features")]
pub(crate) async fn create_feature(
    ctx: Ctx,
    allowed: UnboundedOnce<perm::Catalog, (DryRun, Body<CreateFeatureRequest>)>,
) -> Result<Tried<Created<FeatureResponse>>, ApiError> {
    let (caller, Once((DryRun { dry_run }, Body(command)))) = allowed.open();
    let made = features::create(&ctx, &caller, Intent { expected: None, dry_run }, command).await?;
    Ok(Tried::of(made, Created))
}

/// One feature
#[utoipa::path(
    tag = "Product features",
    params(("id" = FeatureId, Path)),
    responses((status = OK, description = "The feature", body = FeatureResponse)),
    security(("bearer" = ["catalog.read"]))
)]
#[get("/product-features/{id}")]
pub(crate) async fn get_feature(
    ctx: Ctx,
    allowed: Allowed<perm::CatalogRead, Id<FeatureId>>,
) -> Result<Found<FeatureResponse>, ApiError> {
    let (_, Id(id)) = allowed.open();
    Ok(Found(features::get(&ctx, id).await?))
}

/// Edit a feature
///
/// Key, kind and value type never change: programs ask for them.
#[utoipa::path(
    tag = "Product features",
    params(("id" = FeatureId, Path), DryRun, IfMatch),
    request_body(content = UpdateFeatureRequest, example = json!({"name": "Projects in parallel"})),
    responses((status = OK, description = "The feature", body = OrImpact<FeatureResponse>), Refused<EditingCatalogue>),
    security(("bearer" = ["catalog"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[put("/product-features/{id}")]
pub(crate) async fn update_feature(
    ctx: Ctx,
    allowed: Unbounded<perm::Catalog, (Id<FeatureId>, DryRun, IfMatch, Body<UpdateFeatureRequest>)>,
) -> Result<Tried<Found<FeatureResponse>>, ApiError> {
    let (caller, (Id(id), DryRun { dry_run }, IfMatch(expected), Body(command))) = allowed.open();
    let edited = features::update(&ctx, &caller, id, Intent { expected, dry_run }, command).await?;
    Ok(Tried::of(edited, Found))
}

/// Archive a feature that no tier names any more
///
/// Tiers with `*`, and licences that were given it, lose it; `dryRun=true` tells how many.
#[utoipa::path(
    tag = "Product features",
    params(("id" = FeatureId, Path), DryRun, OptionalIfMatch),
    responses(
        (status = NO_CONTENT, description = "It is archived"),
        (status = OK, description = "With `dryRun=true`: what that would touch", body = ImpactResponse),
        Refused<Archiving>
    ),
    security(("bearer" = ["catalog"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[delete("/product-features/{id}")]
pub(crate) async fn archive_feature(
    ctx: Ctx,
    allowed: Unbounded<perm::Catalog, (Id<FeatureId>, DryRun, OptionalIfMatch)>,
) -> Result<Tried<NoContent>, ApiError> {
    let (caller, (Id(id), DryRun { dry_run }, OptionalIfMatch(expected))) = allowed.open();
    let edited = features::archive(&ctx, &caller, id, Intent { expected, dry_run }).await?;
    Ok(Tried::of(edited, |()| NoContent))
}
