//! `/roles`

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use licentia_domain::roles;
use licentia_types::roles::{CreateRoleRequest, RoleResponse, RolesResponse, UpdateRoleRequest};
use licentia_types::text::RoleName;

use crate::Ctx;
use crate::answers::{Created, Found, NoContent};
use crate::body::Body;
use crate::guard::{Allowed, Unbounded, Visitor, perm};
use crate::idempotency::{IdempotencyKey, Once, UnboundedOnce};
use crate::if_match::IfMatch;
use crate::parameters::NamedRole;
use crate::problem::ApiError;
use crate::refusals::{Adding, ChangingRole, Refused};

/// Every role, with its permissions
///
/// The built-in ones are for everybody; whoever may read API keys sees those that were made here as well.
#[utoipa::path(tag = "Access", responses((status = OK, description = "The roles", body = RolesResponse)))]
#[get("/roles")]
pub(crate) async fn list_roles(ctx: Ctx, visitor: Visitor) -> Result<Json<RolesResponse>, ApiError> {
    let (caller, ()) = visitor.open();
    Ok(Json(roles::list(&ctx, &caller.actor).await?))
}

/// Make a role
///
/// Its name never changes. Nobody gives a role more than he has: 403.
#[utoipa::path(
    tag = "Access",
    params(IdempotencyKey),
    request_body(content = CreateRoleRequest, example = json!({
        "name": "renewals",
        "description": "Renews licences",
        "permissions": ["customers.read", "licenses"]
    })),
    responses((status = CREATED, description = "The role", body = RoleResponse), Refused<Adding>),
    security(("bearer" = ["admins"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[post("/roles")]
pub(crate) async fn create_role(
    ctx: Ctx,
    allowed: UnboundedOnce<perm::Admins, Body<CreateRoleRequest>>,
) -> Result<Created<RoleResponse>, ApiError> {
    let (caller, Once(Body(request))) = allowed.open();
    Ok(Created(roles::create(&ctx, &caller, request).await?))
}

/// One role
#[utoipa::path(
    tag = "Access",
    params(("name" = RoleName, Path)),
    responses((status = OK, description = "The role", body = RoleResponse)),
    security(("bearer" = ["admins.read"]))
)]
#[get("/roles/{name}")]
pub(crate) async fn get_role(
    ctx: Ctx,
    allowed: Allowed<perm::AdminsRead, NamedRole>,
) -> Result<Found<RoleResponse>, ApiError> {
    let (_, NamedRole(name)) = allowed.open();
    Ok(Found(roles::get(&ctx, &name).await?))
}

/// Edit a role
///
/// People who have it may do what it says from their next request on; keys that were made of it keep what it had then. A
/// role that may do more than the caller is not his to change: 403.
#[utoipa::path(
    tag = "Access",
    params(("name" = RoleName, Path), IfMatch),
    request_body(content = UpdateRoleRequest, example = json!({"permissions": ["customers.read", "licenses", "usage"]})),
    responses((status = OK, description = "The role", body = RoleResponse), Refused<ChangingRole>),
    security(("bearer" = ["admins"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[put("/roles/{name}")]
pub(crate) async fn update_role(
    ctx: Ctx,
    allowed: Unbounded<perm::Admins, (NamedRole, IfMatch, Body<UpdateRoleRequest>)>,
) -> Result<Found<RoleResponse>, ApiError> {
    let (caller, (NamedRole(name), IfMatch(expected), Body(request))) = allowed.open();
    Ok(Found(roles::update(&ctx, &caller, &name, expected, request).await?))
}

/// Delete a role, for good
///
/// API keys that were made of it keep what it had. A built-in role stays: 409.
#[utoipa::path(
    tag = "Access",
    params(("name" = RoleName, Path)),
    responses((status = NO_CONTENT, description = "It is gone"), Refused<ChangingRole>),
    security(("bearer" = ["admins"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[delete("/roles/{name}")]
pub(crate) async fn delete_role(
    ctx: Ctx,
    allowed: Unbounded<perm::Admins, NamedRole>,
) -> Result<NoContent, ApiError> {
    let (caller, NamedRole(name)) = allowed.open();
    roles::delete(&ctx, &caller, &name).await?;
    Ok(NoContent)
}
