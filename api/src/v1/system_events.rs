//! `/system-events`

use actix_web::get;
use actix_web::web::Json;
use licentia_domain::system_events::{self, SystemEventFilter};
use licentia_types::pages::PageResponse;
use licentia_types::system_events::{SystemEventLevel, SystemEventResponse};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Ctx;
use crate::guard::{Unbounded, perm};
use crate::parameters::{Listing, PageParameters};
use crate::problem::ApiError;

/// Which of them a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SystemEventParameters {
    /// As bad as this.
    level: Option<SystemEventLevel>,
    /// From this part of the server: `request`, `job`, `audit`, `usage`.
    source: Option<String>,
}

/// A page of the server's own warnings and errors
///
/// The same is written once a minute, and kept for `retention.system_events_days`.
#[utoipa::path(
    tag = "Audit",
    params(PageParameters, SystemEventParameters),
    responses((status = OK, description = "A page", body = PageResponse<SystemEventResponse>)),
    security(("bearer" = ["audit"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[get("/system-events")]
pub(crate) async fn list_system_events(
    ctx: Ctx,
    allowed: Unbounded<perm::Audit, Listing<SystemEventParameters>>,
) -> Result<Json<PageResponse<SystemEventResponse>>, ApiError> {
    let (caller, Listing { page, filter: SystemEventParameters { level, source } }) = allowed.open();
    let filter = SystemEventFilter { level, source };
    Ok(Json(system_events::list(&ctx, caller.actor.scope(), filter, &page).await?))
}
