//! `/register`, `/auth/code`: how a customer gets in by letters.

use actix_web::post;
use licentia_domain::accounts;
use licentia_types::accounts::{ConfirmRegistrationRequest, RegisterRequest, SignInCodeRequest};
use licentia_types::sessions::SignedInResponse;

use super::auth::answers::Renewed;
use crate::Ctx;
use crate::answers::Accepted;
use crate::body::Body;
use crate::browser::Browser;
use crate::guard::SigningIn;
use crate::problem::ApiError;
use crate::refusals::{AskingForLetter, Refused, Registering, SettingPassword};

/// Register as a customer
///
/// A letter goes to the address, with a token for `POST /register/confirm`; to one that has an account already, with a
/// token for another password. The answer is the same, whether or not the address is known.
#[utoipa::path(
    tag = "Portal",
    request_body(content = RegisterRequest, example = json!({"email": "bob@example.com", "name": "Bob"})),
    responses((status = ACCEPTED, description = "A letter is on its way, if one is to be"), Refused<Registering>)
)]
#[post("/register")]
pub(crate) async fn register(
    ctx: Ctx,
    anybody: SigningIn<Body<RegisterRequest>>,
) -> Result<Accepted, ApiError> {
    let (caller, Body(request)) = anybody.open();
    accounts::register(&ctx, &caller, request).await?;
    Ok(Accepted)
}

/// Show that the address is one's own
///
/// Makes the account, of the customer who is known by the address or of a new one, and signs in. The token is good once.
#[utoipa::path(
    tag = "Portal",
    request_body(content = ConfirmRegistrationRequest, example = json!({"token": "lrt_…", "password": "plum violin gravel sunday"})),
    responses((status = OK, description = "Signed in", body = SignedInResponse), Refused<SettingPassword>)
)]
#[post("/register/confirm")]
pub(crate) async fn confirm_registration(
    ctx: Ctx,
    anybody: SigningIn<(Browser, Body<ConfirmRegistrationRequest>)>,
) -> Result<Renewed, ApiError> {
    let (caller, (browser, Body(request))) = anybody.open();
    Ok(Renewed(accounts::confirm(&ctx, &caller, request, browser.user_agent.as_deref()).await?))
}

/// Ask for a code to sign in with
///
/// Six digits go to the address of a customer, for `POST /auth/login`: good once, for ten minutes and five tries. The
/// answer is the same, whether or not the address is known.
#[utoipa::path(
    tag = "Portal",
    request_body(content = SignInCodeRequest, example = json!({"email": "bob@example.com"})),
    responses((status = ACCEPTED, description = "A letter is on its way, if one is to be"), Refused<AskingForLetter>)
)]
#[post("/auth/code")]
pub(crate) async fn ask_for_code(
    ctx: Ctx,
    anybody: SigningIn<Body<SignInCodeRequest>>,
) -> Result<Accepted, ApiError> {
    let (caller, Body(request)) = anybody.open();
    accounts::ask_for_code(&ctx, &caller, request.email).await?;
    Ok(Accepted)
}
