//! `/permissions`: what there is to be given.

use actix_web::get;
use actix_web::web::Json;
use licentia_types::permissions::PermissionsResponse;

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
