//! `/admins`

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use licentia_domain::{admins, totp};
use licentia_types::admins::{AdminResponse, CreateAdminRequest, InvitedAdminResponse, UpdateAdminRequest};
use licentia_types::ids::AdminId;
use licentia_types::pages::PageResponse;

use crate::Ctx;
use crate::answers::{Created, Found, NoContent};
use crate::body::Body;
use crate::guard::{Allowed, perm};
use crate::idempotency::{AllowedOnce, IdempotencyKey, Once};
use crate::if_match::IfMatch;
use crate::parameters::{Id, Listing, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{AddingAdmin, ChangingAdmin, Refused};

/// A page of admins
#[utoipa::path(
    tag = "Access",
    params(PageParameters),
    responses((status = OK, description = "A page", body = PageResponse<AdminResponse>)),
    security(("bearer" = ["admins.read"]))
)]
#[get("/admins")]
pub(crate) async fn list_admins(
    ctx: Ctx,
    allowed: Allowed<perm::AdminsRead, Listing>,
) -> Result<Json<PageResponse<AdminResponse>>, ApiError> {
    let (caller, listing) = allowed.open();
    Ok(Json(admins::list(&ctx, caller.actor.scope(), &listing.page).await?))
}

/// Make an admin
///
/// He gets a letter with a token by which he sets his password (`POST /auth/password/reset`). Where this server sends no
/// letters, the answer has the token instead; it is nowhere else. Nobody gives a role that may do what he may not: 403.
#[utoipa::path(
    tag = "Access",
    params(IdempotencyKey),
    request_body(content = CreateAdminRequest, example = json!({"email": "grace@example.com", "name": "Grace", "role": "editor"})),
    responses((status = CREATED, description = "The admin, and his token", body = InvitedAdminResponse), Refused<AddingAdmin>),
    security(("bearer" = ["admins"]))
)]
#[post("/admins")]
pub(crate) async fn create_admin(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Admins, Body<CreateAdminRequest>>,
) -> Result<Created<InvitedAdminResponse>, ApiError> {
    let (caller, Once(Body(request))) = allowed.open();
    Ok(Created(admins::create(&ctx, &caller, request).await?))
}

/// One admin
#[utoipa::path(
    tag = "Access",
    params(("id" = AdminId, Path)),
    responses((status = OK, description = "The admin", body = AdminResponse)),
    security(("bearer" = ["admins.read"]))
)]
#[get("/admins/{id}")]
pub(crate) async fn get_admin(
    ctx: Ctx,
    allowed: Allowed<perm::AdminsRead, Id<AdminId>>,
) -> Result<Found<AdminResponse>, ApiError> {
    let (caller, Id(id)) = allowed.open();
    Ok(Found(admins::get(&ctx, caller.actor.scope(), id).await?))
}

/// Edit an admin
///
/// A role counts from his next request on. The last `super_admin` keeps his: 409.
#[utoipa::path(
    tag = "Access",
    params(("id" = AdminId, Path), IfMatch),
    request_body(content = UpdateAdminRequest, example = json!({"role": "support"})),
    responses((status = OK, description = "The admin", body = AdminResponse), Refused<ChangingAdmin>),
    security(("bearer" = ["admins"]))
)]
#[put("/admins/{id}")]
pub(crate) async fn update_admin(
    ctx: Ctx,
    allowed: Allowed<perm::Admins, (Id<AdminId>, IfMatch, Body<UpdateAdminRequest>)>,
) -> Result<Found<AdminResponse>, ApiError> {
    let (caller, (Id(id), IfMatch(expected), Body(request))) = allowed.open();
    Ok(Found(admins::update(&ctx, &caller, id, expected, request).await?))
}

/// Disable an admin
///
/// His sessions end at once, and he begins none. He stays in the list. The last `super_admin` stays: 409.
#[utoipa::path(
    tag = "Access",
    params(("id" = AdminId, Path)),
    responses((status = NO_CONTENT, description = "He is disabled"), Refused<ChangingAdmin>),
    security(("bearer" = ["admins"]))
)]
#[delete("/admins/{id}")]
pub(crate) async fn disable_admin(
    ctx: Ctx,
    allowed: Allowed<perm::Admins, Id<AdminId>>,
) -> Result<NoContent, ApiError> {
    let (caller, Id(id)) = allowed.open();
    admins::disable(&ctx, &caller, id).await?;
    Ok(NoContent)
}

/// Let an admin sign in again
///
/// With the password and the second factor that he had.
#[utoipa::path(
    tag = "Access",
    params(("id" = AdminId, Path), IdempotencyKey),
    responses((status = OK, description = "The admin", body = AdminResponse)),
    security(("bearer" = ["admins"]))
)]
#[post("/admins/{id}/enable")]
pub(crate) async fn enable_admin(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Admins, Id<AdminId>>,
) -> Result<Found<AdminResponse>, ApiError> {
    let (caller, Once(Id(id))) = allowed.open();
    Ok(Found(admins::enable(&ctx, &caller, id).await?))
}

/// Take an admin's password and sessions away
///
/// He gets a letter with a token by which he sets another password; where this server sends no letters, the answer has it.
#[utoipa::path(
    tag = "Access",
    params(("id" = AdminId, Path), IdempotencyKey),
    responses((status = OK, description = "The admin, and his token", body = InvitedAdminResponse), Refused<ChangingAdmin>),
    security(("bearer" = ["admins"]))
)]
#[post("/admins/{id}/reset-password")]
pub(crate) async fn reset_admin_password(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Admins, Id<AdminId>>,
) -> Result<Found<InvitedAdminResponse>, ApiError> {
    let (caller, Once(Id(id))) = allowed.open();
    Ok(Found(admins::reset_password(&ctx, &caller, id).await?))
}

/// Take an admin's second factor and sessions away
///
/// For somebody who lost his app and his recovery codes.
#[utoipa::path(
    tag = "Access",
    params(("id" = AdminId, Path), IdempotencyKey),
    responses((status = OK, description = "The admin", body = AdminResponse)),
    security(("bearer" = ["admins"]))
)]
#[post("/admins/{id}/remove-totp")]
pub(crate) async fn remove_admin_totp(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Admins, Id<AdminId>>,
) -> Result<Found<AdminResponse>, ApiError> {
    let (caller, Once(Id(id))) = allowed.open();
    Ok(Found(totp::remove(&ctx, &caller, id).await?))
}
