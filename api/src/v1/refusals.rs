//! `/license-keys/{id}/refusals`

use actix_web::get;
use actix_web::web::Json;
use licentia_domain::refusals;
use licentia_types::ids::LicenseId;
use licentia_types::refusals::RefusalsResponse;

use crate::Ctx;
use crate::guard::{Allowed, perm};
use crate::parameters::Id;
use crate::problem::ApiError;

/// The last 50 refusals of a licence, latest first
///
/// Verdicts that were not good, and activations and heartbeats that were refused. They are written
/// down once a second: those of other instances show a second later, and a crash loses at most the
/// last second.
#[utoipa::path(
    tag = "Support",
    params(("id" = LicenseId, Path)),
    responses((status = OK, description = "The refusals", body = RefusalsResponse)),
    security(("bearer" = ["audit"]))
)]
#[get("/license-keys/{id}/refusals")]
pub(crate) async fn list_refusals(
    ctx: Ctx,
    allowed: Allowed<perm::Audit, Id<LicenseId>>,
) -> Result<Json<RefusalsResponse>, ApiError> {
    let (caller, Id(id)) = allowed.open();
    Ok(Json(refusals::list(&ctx, &caller, id).await?))
}
