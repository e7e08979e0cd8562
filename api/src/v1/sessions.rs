//! `/sessions`

use actix_web::web::Json;
use actix_web::{delete, get};
use licentia_domain::sessions;
use licentia_types::ids::{AdminId, SessionId};
use licentia_types::pages::PageResponse;
use licentia_types::sessions::SessionResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Ctx;
use crate::answers::NoContent;
use crate::guard::{Allowed, perm};
use crate::parameters::{Id, Listing, PageParameters};
use crate::problem::ApiError;

/// Which sessions a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SessionParameters {
    /// Of this admin.
    admin_id: Option<AdminId>,
}

/// A page of the sessions that go on
#[utoipa::path(
    tag = "Access",
    params(PageParameters, SessionParameters),
    responses((status = OK, description = "A page", body = PageResponse<SessionResponse>)),
    security(("bearer" = ["admins.read"]))
)]
#[get("/sessions")]
pub(crate) async fn list_sessions(
    ctx: Ctx,
    allowed: Allowed<perm::AdminsRead, Listing<SessionParameters>>,
) -> Result<Json<PageResponse<SessionResponse>>, ApiError> {
    let (caller, listing) = allowed.open();
    Ok(Json(sessions::list(&ctx, &caller, listing.filter.admin_id, &listing.page).await?))
}

/// End a session at once
///
/// An admin who may do more than the caller is not his to sign out: 403.
#[utoipa::path(
    tag = "Access",
    params(("id" = SessionId, Path)),
    responses((status = NO_CONTENT, description = "It is over")),
    security(("bearer" = ["admins"]))
)]
#[delete("/sessions/{id}")]
pub(crate) async fn end_session(
    ctx: Ctx,
    allowed: Allowed<perm::Admins, Id<SessionId>>,
) -> Result<NoContent, ApiError> {
    let (caller, Id(id)) = allowed.open();
    sessions::revoke(&ctx, &caller, id).await?;
    Ok(NoContent)
}
