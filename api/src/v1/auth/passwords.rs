//! `/auth/password`

use actix_web::post;
use licentia_domain::passwords;
use licentia_types::admins::{ChangePasswordRequest, ResetPasswordRequest};

use crate::Ctx;
use crate::answers::NoContent;
use crate::body::Body;
use crate::guard::{Confirming, SigningIn};
use crate::problem::ApiError;
use crate::refusals::{Refused, SettingPassword};

/// Set a password by a token
///
/// The token is good once. Every session of the admin ends; he signs in with the new password.
#[utoipa::path(
    tag = "Signing in",
    request_body(content = ResetPasswordRequest, example = json!({"token": "lpt_…", "password": "plum violin gravel sunday"})),
    responses((status = NO_CONTENT, description = "It is set"), Refused<SettingPassword>)
)]
#[post("/auth/password/reset")]
pub(crate) async fn reset_password(
    ctx: Ctx,
    anybody: SigningIn<Body<ResetPasswordRequest>>,
) -> Result<NoContent, ApiError> {
    let (caller, Body(request)) = anybody.open();
    passwords::reset(&ctx, &caller, request).await?;
    Ok(NoContent)
}

/// Set another password of one's own
///
/// The admin's other sessions end.
#[utoipa::path(
    tag = "Signing in",
    request_body(content = ChangePasswordRequest, example = json!({"currentPassword": "plum violin gravel sunday", "password": "vexing otter hums low"})),
    responses((status = NO_CONTENT, description = "It is set"), Refused<SettingPassword>),
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
