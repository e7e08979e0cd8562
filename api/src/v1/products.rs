//! `/products`

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Json;
use actix_web::{Responder, delete, get, post, put};
use licentia_domain::{catalog, products};
use licentia_types::ids::ProductId;
use licentia_types::pages::PageResponse;
use licentia_types::products::{
    CatalogResponse, CreateProductRequest, ProductResponse, UpdateProductRequest,
};

use crate::Ctx;
use crate::answers::{Created, Found, NoContent};
use crate::body::Body;
use crate::guard::{Unbounded, Visitor, perm, visible_to};
use crate::idempotency::{IdempotencyKey, Once, UnboundedOnce};
use crate::if_match::{IfMatch, OptionalIfMatch};
use crate::parameters::{Id, Listing, Named, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{Adding, Refused};

/// May be kept, but is asked for again each time: what is shown depends on the caller and on edits.
const REVALIDATE: (actix_web::http::header::HeaderName, &str) = (CACHE_CONTROL, "private, no-cache");

/// The public price list
///
/// Active products with their tiers, prices and features, each in its sort order.
#[utoipa::path(tag = "Products", responses((status = OK, description = "The price list", body = CatalogResponse)))]
#[get("/products/catalog")]
pub(crate) async fn get_catalog(ctx: Ctx, _visitor: Visitor) -> Result<impl Responder, ApiError> {
    Ok(Json(catalog::catalog(&ctx).await?).customize().insert_header(REVALIDATE))
}

/// A page of products
///
/// Archived ones are shown to those with the permission `catalog`.
#[utoipa::path(
    tag = "Products",
    params(PageParameters),
    responses((status = OK, description = "A page", body = PageResponse<ProductResponse>))
)]
#[get("/products")]
pub(crate) async fn list_products(ctx: Ctx, visitor: Visitor<Listing>) -> Result<impl Responder, ApiError> {
    let (caller, listing) = visitor.open();
    let page = products::list(&ctx, visible_to(&caller), &listing.page).await?;
    Ok(Json(page).customize().insert_header(REVALIDATE))
}

/// Make a product
#[utoipa::path(
    tag = "Products",
    params(IdempotencyKey),
    request_body(content = CreateProductRequest, example = json!({"slug": "acme-desk", "name": "Acme Desk"})),
    responses((status = CREATED, description = "The product", body = ProductResponse), Refused<Adding>),
    security(("bearer" = ["catalog"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[post("/products")]
pub(crate) async fn create_product(
    ctx: Ctx,
    allowed: UnboundedOnce<perm::Catalog, Body<CreateProductRequest>>,
) -> Result<Created<ProductResponse>, ApiError> {
    let (caller, Once(Body(command))) = allowed.open();
    Ok(Created(products::create(&ctx, &caller, command).await?))
}

/// One product, by id or slug
#[utoipa::path(
    tag = "Products",
    params(("id" = String, Path, description = "`prod_…`, or the slug")),
    responses((status = OK, description = "The product", body = ProductResponse))
)]
#[get("/products/{id}")]
pub(crate) async fn get_product(ctx: Ctx, visitor: Visitor<Named>) -> Result<impl Responder, ApiError> {
    let (caller, Named(name)) = visitor.open();
    let product = products::get(&ctx, visible_to(&caller), &name).await?;
    Ok(Found(product).customize().insert_header(REVALIDATE))
}

/// Edit a product
#[utoipa::path(
    tag = "Products",
    params(("id" = ProductId, Path), IfMatch),
    request_body(content = UpdateProductRequest, example = json!({"name": "Acme Desk 2"})),
    responses((status = OK, description = "The product", body = ProductResponse)),
    security(("bearer" = ["catalog"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[put("/products/{id}")]
pub(crate) async fn update_product(
    ctx: Ctx,
    allowed: Unbounded<perm::Catalog, (Id<ProductId>, IfMatch, Body<UpdateProductRequest>)>,
) -> Result<Found<ProductResponse>, ApiError> {
    let (caller, (Id(id), IfMatch(expected), Body(command))) = allowed.open();
    Ok(Found(products::update(&ctx, &caller, id, expected, command).await?))
}

/// Archive a product
///
/// Nothing new can be made of it; what was sold goes on working.
#[utoipa::path(
    tag = "Products",
    params(("id" = ProductId, Path), OptionalIfMatch),
    responses((status = NO_CONTENT, description = "It is archived")),
    security(("bearer" = ["catalog"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[delete("/products/{id}")]
pub(crate) async fn archive_product(
    ctx: Ctx,
    allowed: Unbounded<perm::Catalog, (Id<ProductId>, OptionalIfMatch)>,
) -> Result<NoContent, ApiError> {
    let (caller, (Id(id), OptionalIfMatch(expected))) = allowed.open();
    products::archive(&ctx, &caller, id, expected).await?;
    Ok(NoContent)
}
