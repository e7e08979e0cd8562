//! `/audit-events`

use actix_web::get;
use actix_web::web::Json;
use licentia_domain::audit::{self, AuditFilter};
use licentia_types::audit::{AuditEventResponse, AuditVerificationResponse};
use licentia_types::ids::LicenseId;
use licentia_types::pages::PageResponse;
use licentia_types::time::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Ctx;
use crate::guard::{Allowed, Unbounded, perm};
use crate::parameters::{Listing, PageParameters, Parameters};
use crate::problem::ApiError;

/// Which entries a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AuditParameters {
    /// Of this action: `license.issued`, …
    action: Option<String>,
    /// By actors of this kind: `api_key`, `machine`, `operator`, `anonymous`.
    actor_kind: Option<String>,
    /// By this actor.
    actor_id: Option<String>,
    /// On this licence.
    license_id: Option<LicenseId>,
    /// Done to what has this id.
    subject: Option<String>,
    /// Not before this.
    from: Option<Timestamp>,
    /// Before this.
    until: Option<Timestamp>,
}

impl From<AuditParameters> for AuditFilter {
    fn from(parameters: AuditParameters) -> Self {
        let AuditParameters { action, actor_kind, actor_id, license_id, subject, from, until } = parameters;
        Self { action, actor_kind, actor_id, license_id, subject, from, until }
    }
}

/// What a check of the log is held against.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyParameters {
    /// A signed checkpoint that was kept elsewhere.
    checkpoint: Option<String>,
}

/// A page of the audit log
#[utoipa::path(
    tag = "Audit",
    params(PageParameters, AuditParameters),
    responses((status = OK, description = "A page", body = PageResponse<AuditEventResponse>)),
    security(("bearer" = ["audit"]))
)]
#[get("/audit-events")]
pub(crate) async fn list_audit_events(
    ctx: Ctx,
    allowed: Allowed<perm::Audit, Listing<AuditParameters>>,
) -> Result<Json<PageResponse<AuditEventResponse>>, ApiError> {
    let (caller, Listing { page, filter }) = allowed.open();
    Ok(Json(audit::list(&ctx, caller.actor.scope(), filter.into(), &page).await?))
}

/// Whether the audit log is whole
///
/// Reads all of it, and checks every entry against the chain, its head and its checkpoints. A log
/// that is not whole is no error: `whole` is false, and `findings` say why.
#[utoipa::path(
    tag = "Audit",
    params(VerifyParameters),
    responses((status = OK, description = "What was found", body = AuditVerificationResponse, example = json!({
        "whole": false,
        "links": 4711,
        "entries": 4710,
        "waiting": 0,
        "findings": [{
            "kind": "row_deleted",
            "position": 1138,
            "eventId": "aud_01h455vb4pex5vsknk084sn02q",
            "detail": "the entry is gone"
        }],
        "found": 1,
        "checkpoint": "eyJhbGciOiJSUzI1NiIs…"
    }))),
    security(("bearer" = ["audit"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[get("/audit-events/verify")]
pub(crate) async fn verify_audit_events(
    ctx: Ctx,
    allowed: Unbounded<perm::Audit, Parameters<VerifyParameters>>,
) -> Result<Json<AuditVerificationResponse>, ApiError> {
    let (caller, Parameters(VerifyParameters { checkpoint })) = allowed.open();
    Ok(Json(audit::verify_for(&ctx, &caller, checkpoint.as_deref()).await?))
}
