//! `/license-keys/validate`

use actix_web::post;
use actix_web::web::{Data, Json};
use licentia_domain::validation;
use licentia_types::validation::{ValidateRequest, ValidateResponse, ValidationCode};

use crate::Ctx;
use crate::body::Body;
use crate::guard::Machine;
use crate::limits::key_lookups::KeyLookups;
use crate::problem::ApiError;
use crate::refusals::{Refused, Validating};

/// May this licence, on this machine, do this now?
///
/// By token, or by licence key and fingerprint; for one action with `actionType`, for one version with
/// `productVersion`. A verdict is an answer, not an error: look at `valid`, and at `code`. A good token is answered by
/// what it says, while its heartbeat is not due and nothing that it speaks of was changed since it was signed. With
/// `explain` it comes with every rule in the order judged, gravest first:
///
/// | rule | when it does not hold |
/// |---|---|
/// | `token_valid` (by token) | `TOKEN_INVALID`; nothing else is judged |
/// | `license_known` | `NOT_FOUND`; nothing else is judged |
/// | `not_revoked`: licence and machine; a grace is no excuse | `REVOKED` |
/// | `not_suspended` | `SUSPENDED` |
/// | `not_expired`: expiry and its grace | `EXPIRED` |
/// | `activated`: the machine that was asked for | `NOT_ACTIVATED` |
/// | `fingerprint_matches`: one of the active machines | `FINGERPRINT_MISMATCH` |
/// | `seat_free`: for a machine that is not active | `SEAT_LIMIT_REACHED` |
/// | `within_offline_grace` | `GRACE_EXPIRED` |
/// | `assemblies_approved`: every build that the machine activated with is approved still | `ASSEMBLY_NOT_APPROVED` |
/// | `version_covered`: came out before `updatesUntil` | `VERSION_NOT_COVERED` |
/// | `feature_included`: that of the action | `FEATURE_NOT_INCLUDED` |
/// | `no_grace_needed`: a warning | `GRACE` |
/// | `heartbeat_in_time`: a warning | `HEARTBEAT_OVERDUE` |
#[utoipa::path(
    tag = "Machines",
    request_body(content = ValidateRequest, example = json!({
        "licenseKey": "DEMO-4K7Q2-9XWTB-0M3HN-V5ZRC-8GJ1S",
        "fingerprint": "5f0c1f7a-board-serial",
        "actionType": "export.pdf",
        "productVersion": "2.4.1",
        "explain": true
    })),
    responses((status = OK, description = "The verdict", body = ValidateResponse), Refused<Validating>)
)]
#[post("/license-keys/validate")]
pub(crate) async fn validate(
    ctx: Ctx,
    lookups: Data<KeyLookups>,
    machine: Machine<Body<ValidateRequest>>,
) -> Result<Json<ValidateResponse>, ApiError> {
    let (caller, Body(question)) = machine.open();
    let looked_up_from = question.license_key.as_ref().and(caller.ip);
    let verdict = validation::validate(&ctx, &caller, question);
    let is_unknown = |verdict: &ValidateResponse| verdict.code == ValidationCode::NotFound;
    Ok(Json(lookups.watch(looked_up_from, verdict, is_unknown).await?))
}
