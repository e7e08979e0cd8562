//! `/auth/totp`: the second factor of whoever is signed in, or wants to be.

use actix_web::post;
use actix_web::web::Json;
use licentia_domain::totp;
use licentia_types::sessions::{
    ConfirmTotpRequest, DisableTotpRequest, EnrollTotpRequest, RecoveryCodes, RecoveryCodesResponse,
    RenewRecoveryCodesRequest, TotpConfirmedResponse, TotpEnrollmentResponse,
};

use super::answers::Enrolled;
use crate::Ctx;
use crate::answers::NoContent;
use crate::body::{Body, OptionalBody};
use crate::browser::Browser;
use crate::guard::{Confirming, SigningIn};
use crate::problem::ApiError;
use crate::refusals::{ChangingTotp, EnrollingTotp, Refused};

/// Ask for the seed of an authenticator app
///
/// Signed in, with the password; or with the challenge that a password was answered with. It counts when
/// `POST /auth/totp/confirm` was shown a code of it.
#[utoipa::path(
    tag = "Signing in",
    request_body(content = Option<EnrollTotpRequest>, example = json!({"password": "plum violin gravel sunday"})),
    responses((status = OK, description = "What the app is told", body = TotpEnrollmentResponse), Refused<ChangingTotp>)
)]
#[post("/auth/totp/enroll")]
pub(crate) async fn enroll_totp(
    ctx: Ctx,
    admin: SigningIn<OptionalBody<EnrollTotpRequest>>,
) -> Result<Json<TotpEnrollmentResponse>, ApiError> {
    let (caller, OptionalBody(request)) = admin.open();
    Ok(Json(totp::enroll(&ctx, &caller, request).await?))
}

/// Show the first code of an app
///
/// From then on a code is demanded. Whoever came with a challenge is signed in.
#[utoipa::path(
    tag = "Signing in",
    request_body(content = ConfirmTotpRequest, example = json!({"code": "287082"})),
    responses((status = OK, description = "Recovery codes, shown this once", body = TotpConfirmedResponse), Refused<EnrollingTotp>)
)]
#[post("/auth/totp/confirm")]
pub(crate) async fn confirm_totp(
    ctx: Ctx,
    admin: SigningIn<(Browser, Body<ConfirmTotpRequest>)>,
) -> Result<Enrolled, ApiError> {
    let (caller, (browser, Body(request))) = admin.open();
    Ok(Enrolled(totp::confirm(&ctx, &caller, request, browser.user_agent.as_deref()).await?))
}

/// Take one's second factor away
#[utoipa::path(
    tag = "Signing in",
    request_body(content = DisableTotpRequest, example = json!({"password": "plum violin gravel sunday", "code": "287082"})),
    responses((status = NO_CONTENT, description = "No code is demanded any more"), Refused<ChangingTotp>),
    security(("bearer" = []))
)]
#[post("/auth/totp/disable")]
pub(crate) async fn disable_totp(
    ctx: Ctx,
    admin: Confirming<Body<DisableTotpRequest>>,
) -> Result<NoContent, ApiError> {
    let (caller, Body(request)) = admin.open();
    totp::disable(&ctx, &caller, request).await?;
    Ok(NoContent)
}

/// Ask for new recovery codes
///
/// The former ones are worth nothing any more.
#[utoipa::path(
    tag = "Signing in",
    request_body(content = RenewRecoveryCodesRequest, example = json!({"code": "287082"})),
    responses((status = OK, description = "Recovery codes, shown this once", body = RecoveryCodesResponse), Refused<EnrollingTotp>),
    security(("bearer" = []))
)]
#[post("/auth/totp/recovery-codes")]
pub(crate) async fn renew_recovery_codes(
    ctx: Ctx,
    admin: Confirming<Body<RenewRecoveryCodesRequest>>,
) -> Result<Json<RecoveryCodesResponse>, ApiError> {
    let (caller, Body(request)) = admin.open();
    let recovery_codes = RecoveryCodes(totp::renew_recovery_codes(&ctx, &caller, request.code).await?);
    Ok(Json(RecoveryCodesResponse { recovery_codes }))
}
