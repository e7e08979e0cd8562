//! `/license-keys/validate`

use actix_web::post;
use actix_web::web::{Data, Json};
use licentia_domain::validation;
use licentia_types::validation::{ValidateRequest, ValidateResponse, ValidationCode};

use crate::Ctx;
use crate::body::Body;
use crate::guard::Visitor;
use crate::limits::key_lookups::KeyLookups;
use crate::problem::ApiError;
use crate::refusals::{Refused, Validating};

/// May this licence, on this machine, do this now?
///
/// By token, or by licence key and fingerprint; for one action with `actionType`. A verdict is an
/// answer, not an error: look at `valid`, and at `code`.
#[utoipa::path(
    tag = "Machines",
    request_body(content = ValidateRequest, example = json!({
        "licenseKey": "DEMO-4K7Q2-9XWTB-0M3HN-V5ZRC-8GJ1S",
        "fingerprint": "5f0c1f7a-board-serial",
        "actionType": "export.pdf"
    })),
    responses((status = OK, description = "The verdict", body = ValidateResponse), Refused<Validating>)
)]
#[post("/license-keys/validate")]
pub(crate) async fn validate(
    ctx: Ctx,
    lookups: Data<KeyLookups>,
    machine: Visitor<Body<ValidateRequest>>,
) -> Result<Json<ValidateResponse>, ApiError> {
    let (caller, Body(question)) = machine.open();
    let looked_up_from = question.license_key.as_ref().and(caller.ip);
    let verdict = validation::validate(&ctx, question);
    let is_unknown = |verdict: &ValidateResponse| verdict.code == ValidationCode::NotFound;
    Ok(Json(lookups.watch(looked_up_from, verdict, is_unknown).await?))
}
