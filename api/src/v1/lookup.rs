//! `/lookup`

use actix_web::post;
use actix_web::web::Json;
use licentia_domain::lookup;
use licentia_types::lookup::{LookupRequest, LookupResponse};

use crate::Ctx;
use crate::body::Body;
use crate::guard::{Allowed, perm};
use crate::problem::ApiError;
use crate::refusals::{LookingUp, Refused};

/// What a pasted text belongs to, and why it would be refused now
///
/// A licence key, a token, an order, a mail address, a fingerprint, a host name, a request id or any
/// other id. Each licence and machine that is found comes with its verdict, rule by rule. It is
/// written to the audit log who found what, not what was pasted. A forged or foreign token is refused.
#[utoipa::path(
    tag = "Support",
    request_body(content = LookupRequest, example = json!({"text": "DEMO-4K7Q2-9XWTB-0M3HN-V5ZRC-8GJ1S"})),
    responses((status = OK, description = "What was found, which may be nothing", body = LookupResponse), Refused<LookingUp>),
    security(("bearer" = ["licenses.read"]))
)]
#[post("/lookup")]
pub(crate) async fn look_up(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesRead, Body<LookupRequest>>,
) -> Result<Json<LookupResponse>, ApiError> {
    let (caller, Body(pasted)) = allowed.open();
    Ok(Json(lookup::look_up(&ctx, &caller, pasted).await?))
}
