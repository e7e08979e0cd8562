//! `/permissions` and `/roles`: what there is to be given.

use actix_web::get;
use actix_web::web::Json;
use licentia_types::permissions::PermissionsResponse;
use licentia_types::roles::RolesResponse;

use crate::guard::Visitor;

/// Every permission, by category
#[utoipa::path(
    tag = "Access",
    responses((status = OK, description = "The permissions", body = PermissionsResponse))
)]
#[get("/permissions")]
pub(crate) async fn list_permissions(visitor: Visitor) -> Json<PermissionsResponse> {
    let _ = visitor.open();
    Json(PermissionsResponse::all())
}

/// Every role, with its permissions
#[utoipa::path(tag = "Access", responses((status = OK, description = "The roles", body = RolesResponse)))]
#[get("/roles")]
pub(crate) async fn list_roles(visitor: Visitor) -> Json<RolesResponse> {
    let _ = visitor.open();
    Json(RolesResponse::all())
}
