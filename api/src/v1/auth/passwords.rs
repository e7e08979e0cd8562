//! `/auth/password`

use actix_web::post;
use licentia_domain::passwords;
use licentia_types::admins::{ChangePasswordRequest, ForgottenPasswordRequest, ResetPasswordRequest};

use crate::Ctx;
use crate::answers::NoContent;
use crate::body::Body;
use crate::guard::{Confirming, SigningIn};
use crate::listeners::Listener;
use crate::problem::ApiError;
use crate::refusals::{ChangingPassword, ForgettingPassword, Refused, SettingPassword};

/// Say that a password was forgotten
///
/// If the address is an admin's, or a customer's with an account, he gets a letter with a token for `POST /auth/password/reset`, good once, for an hour.
/// Neither the answer nor its time tells whether it is. What he signs in with now stays good.
#[utoipa::path(
    tag = "Signing in",
    request_body(content = ForgottenPasswordRequest, example = json!({"email": "ada@example.com"})),
    responses((status = NO_CONTENT, description = "It was heard"), Refused<ForgettingPassword>)
)]
#[post("/auth/password/forgot")]
pub(crate) async fn forgot_password(
    ctx: Ctx,
    listener: Listener,
    anybody: SigningIn<Body<ForgottenPasswordRequest>>,
) -> Result<NoContent, ApiError> {
    let (caller, Body(request)) = anybody.open();
    passwords::forgot(&ctx, &caller, request, listener.door()).await?;
    Ok(NoContent)
}

/// Set a password by a token
///
/// An admin's or a customer's. The token is good once. All of his sessions end; he signs in with the new password.
#[utoipa::path(
    tag = "Signing in",
    request_body(content = ResetPasswordRequest, example = json!({"token": "lpt_…", "password": "plum violin gravel sunday"})),
    responses((status = NO_CONTENT, description = "It is set"), Refused<SettingPassword>)
)]
#[post("/auth/password/reset")]
pub(crate) async fn reset_password(
    ctx: Ctx,
    listener: Listener,
    anybody: SigningIn<Body<ResetPasswordRequest>>,
) -> Result<NoContent, ApiError> {
    let (caller, Body(request)) = anybody.open();
    passwords::reset(&ctx, &caller, request, listener.door()).await?;
    Ok(NoContent)
}

/// Set another password of one's own
///
/// The admin's other sessions end.
#[utoipa::path(
    tag = "Signing in",
    request_body(content = ChangePasswordRequest, example = json!({"currentPassword": "plum violin gravel sunday", "password": "vexing otter hums low"})),
    responses((status = NO_CONTENT, description = "It is set"), Refused<ChangingPassword>),
    security(("bearer" = []))
)]
#[post("/auth/password/change")]
pub(crate) async fn change_password(
    ctx: Ctx,
    admin: Confirming<Body<ChangePasswordRequest>>,
) -> Result<NoContent, ApiError> {
    let (caller, Body(request)) = admin.open();
    passwords::change(&ctx, &caller, request).await?;
    Ok(NoContent)
}
