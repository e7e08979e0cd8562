//! `/tokens`, and what becomes of the tokens of one licence.

use actix_web::post;
use actix_web::web::Json;
use licentia_domain::{licenses, tokens};
use licentia_types::drift::{DriftResponse, RegenerateResponse};
use licentia_types::ids::LicenseId;
use licentia_types::inspection::{InspectRequest, InspectResponse};

use crate::Ctx;
use crate::body::Body;
use crate::guard::{Allowed, perm};
use crate::idempotency::{AllowedOnce, IdempotencyKey, Once};
use crate::parameters::Id;
use crate::problem::ApiError;
use crate::refusals::{Inspecting, Refused, Regenerating};

/// One of our tokens, explained
///
/// What it says, who signed it, whether it is the machine's newest, what would be said otherwise now, and what the
/// status lists say of it. It may have ended. Whatever this server did not make as it is, is refused.
#[utoipa::path(
    tag = "Licences",
    request_body(content = InspectRequest, example = json!({"token": "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIs…"})),
    responses((status = OK, description = "The explanation", body = InspectResponse), Refused<Inspecting>),
    security(("bearer" = ["licenses.read"]))
)]
#[post("/tokens/inspect")]
pub(crate) async fn inspect_token(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesRead, Body<InspectRequest>>,
) -> Result<Json<InspectResponse>, ApiError> {
    let (caller, Body(question)) = allowed.open();
    Ok(Json(tokens::inspect(&ctx, &caller, question).await?))
}

/// The live tokens of a licence, beside what would be issued now
///
/// Encrypted ones too: what was claimed is kept.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path)),
    responses((status = OK, description = "What drifted", body = DriftResponse)),
    security(("bearer" = ["licenses.audit"]))
)]
#[post("/license-keys/{id}/audit")]
pub(crate) async fn audit_license(
    ctx: Ctx,
    allowed: Allowed<perm::LicensesAudit, Id<LicenseId>>,
) -> Result<Json<DriftResponse>, ApiError> {
    let (caller, Id(id)) = allowed.open();
    Ok(Json(licenses::audit(&ctx, &caller, id).await?))
}

/// One fresh token for each active machine
///
/// The licence stays as it is. The former tokens turn invalid in the status lists at the machines' next heartbeats, or when
/// they end. Up to 1,000 machines.
#[utoipa::path(
    tag = "Licences",
    params(("id" = LicenseId, Path), IdempotencyKey),
    responses((status = OK, description = "The tokens", body = RegenerateResponse), Refused<Regenerating>),
    security(("bearer" = ["licenses"]))
)]
#[post("/license-keys/{id}/regenerate")]
pub(crate) async fn regenerate_license(
    ctx: Ctx,
    allowed: AllowedOnce<perm::Licenses, Id<LicenseId>>,
) -> Result<Json<RegenerateResponse>, ApiError> {
    let (caller, Once(Id(id))) = allowed.open();
    Ok(Json(licenses::regenerate(&ctx, &caller, id).await?))
}
