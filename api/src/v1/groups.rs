//! `/groups`

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use licentia_domain::groups;
use licentia_types::groups::{CreateGroupRequest, GroupResponse, UpdateGroupRequest};
use licentia_types::ids::GroupId;
use licentia_types::pages::PageResponse;

use crate::Ctx;
use crate::answers::{Created, Found, NoContent};
use crate::body::Body;
use crate::guard::{Allowed, Unbounded, perm};
use crate::idempotency::{IdempotencyKey, Once, UnboundedOnce};
use crate::if_match::IfMatch;
use crate::parameters::{Id, Listing, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{Adding, Emptying, Refused};

/// A page of groups
///
/// Whoever is bounded by groups sees those.
#[utoipa::path(
    tag = "Access",
    params(PageParameters),
    responses((status = OK, description = "A page", body = PageResponse<GroupResponse>)),
    security(("bearer" = ["admins.read"]))
)]
#[get("/groups")]
pub(crate) async fn list_groups(
    ctx: Ctx,
    allowed: Allowed<perm::AdminsRead, Listing>,
) -> Result<Json<PageResponse<GroupResponse>>, ApiError> {
    let (caller, listing) = allowed.open();
    Ok(Json(groups::list(&ctx, caller.actor.scope(), &listing.page).await?))
}

/// Make a group
#[utoipa::path(
    tag = "Access",
    params(IdempotencyKey),
    request_body(content = CreateGroupRequest, example = json!({
        "name": "Reseller North",
        "description": "Customers of our reseller in Oslo"
    })),
    responses((status = CREATED, description = "The group", body = GroupResponse), Refused<Adding>),
    security(("bearer" = ["admins"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[post("/groups")]
pub(crate) async fn create_group(
    ctx: Ctx,
    allowed: UnboundedOnce<perm::Admins, Body<CreateGroupRequest>>,
) -> Result<Created<GroupResponse>, ApiError> {
    let (caller, Once(Body(request))) = allowed.open();
    Ok(Created(groups::create(&ctx, &caller, request).await?))
}

/// One group
#[utoipa::path(
    tag = "Access",
    params(("id" = GroupId, Path)),
    responses((status = OK, description = "The group", body = GroupResponse)),
    security(("bearer" = ["admins.read"]))
)]
#[get("/groups/{id}")]
pub(crate) async fn get_group(
    ctx: Ctx,
    allowed: Allowed<perm::AdminsRead, Id<GroupId>>,
) -> Result<Found<GroupResponse>, ApiError> {
    let (caller, Id(id)) = allowed.open();
    Ok(Found(groups::get(&ctx, caller.actor.scope(), id).await?))
}

/// Edit a group
#[utoipa::path(
    tag = "Access",
    params(("id" = GroupId, Path), IfMatch),
    request_body(content = UpdateGroupRequest, example = json!({"name": "Reseller Scandinavia"})),
    responses((status = OK, description = "The group", body = GroupResponse), Refused<Adding>),
    security(("bearer" = ["admins"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[put("/groups/{id}")]
pub(crate) async fn update_group(
    ctx: Ctx,
    allowed: Unbounded<perm::Admins, (Id<GroupId>, IfMatch, Body<UpdateGroupRequest>)>,
) -> Result<Found<GroupResponse>, ApiError> {
    let (caller, (Id(id), IfMatch(expected), Body(request))) = allowed.open();
    Ok(Found(groups::update(&ctx, &caller, id, expected, request).await?))
}

/// Delete a group, for good
///
/// Only when no customer and no licence is in it, and no API key that stands is bounded by it: 409 `IN_USE`.
#[utoipa::path(
    tag = "Access",
    params(("id" = GroupId, Path)),
    responses((status = NO_CONTENT, description = "It is gone"), Refused<Emptying>),
    security(("bearer" = ["admins"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[delete("/groups/{id}")]
pub(crate) async fn delete_group(
    ctx: Ctx,
    allowed: Unbounded<perm::Admins, Id<GroupId>>,
) -> Result<NoContent, ApiError> {
    let (caller, Id(id)) = allowed.open();
    groups::delete(&ctx, &caller, id).await?;
    Ok(NoContent)
}
