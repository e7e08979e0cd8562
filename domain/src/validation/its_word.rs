//! A good token taken at its word, as every verifier takes it that asks nobody: it is signed, it is
//! in time, and nothing that it speaks of was changed since. No statement is needed for that.

use licentia_crypto::digests::fingerprint_claim;
use licentia_types::text::Fingerprint;
use licentia_types::time::Timestamp;
use licentia_types::tokens::LicenseClaims;
use licentia_types::validation::{ValidateRequest, ValidateResponse, ValidationCode};

use crate::changes;
use crate::context::Context;

/// The verdict on a verified token where all is well by what it says; none: the facts are to be looked
/// at, and may lead to the same.
pub(super) async fn verdict(
    ctx: &Context,
    now: Timestamp,
    claims: &LicenseClaims,
    request: &ValidateRequest,
) -> Option<ValidateResponse> {
    if !is_enough(claims, request, now) || !changes::none_since(ctx, claims, now).await {
        return None;
    }
    let set = &claims.set;
    Some(ValidateResponse {
        valid: true,
        code: ValidationCode::Valid,
        reasons: Vec::new(),
        tier: Some(set.tier.clone()),
        features: set.features.clone(),
        expires_at: set.license_exp.map(Timestamp::from_seconds),
        license_id: Some(set.license_id),
        activation_id: Some(claims.activation_id),
        rules: None,
    })
}

/// Whether the token alone answers the question, with yes: every rule holds by what it says, and none
/// of them is to be told.
fn is_enough(claims: &LicenseClaims, request: &ValidateRequest, now: Timestamp) -> bool {
    let set = &claims.set;
    // An expired licence may be in its grace, and a late machine in another one.
    let in_time =
        now.seconds() < claims.refresh_after && set.license_exp.is_none_or(|end| now.seconds() < end);
    let same_machine = |fingerprint: &Fingerprint| {
        claims.fingerprint == fingerprint_claim(&set.license_id.to_string(), fingerprint.as_str())
    };
    !request.explain
        && in_time
        // Dates of versions are not in it.
        && set.updates_until.is_none()
        && request.action_type.as_ref().is_none_or(|action| set.features.contains(action))
        && request.fingerprint.as_ref().is_none_or(same_machine)
}
