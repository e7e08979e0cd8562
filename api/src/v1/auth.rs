//! `/auth`: signing in, staying in, going out.

pub(crate) mod answers;
pub(crate) mod passwords;
pub(crate) mod totp;

use actix_web::web::Json;
use actix_web::{get, post};
use licentia_domain::sessions;
use licentia_types::sessions::{
    LoginRequest, LoginResponse, MeResponse, SecondFactorRequest, SignedInResponse,
};

use crate::Ctx;
use crate::body::Body;
use crate::browser::Browser;
use crate::guard::{Returning, SignedIn, SigningIn};
use crate::listeners::Listener;
use crate::problem::ApiError;
use crate::refusals::{Refused, Renewing, ShowingCode, SigningInWithPassword};
use answers::{Entered, Left, Renewed};

/// Sign in
///
/// Admins and customers: whom `as` says, or else the admin who has the address, if there is one. Customers sign in with a
/// `code` as well that was sent to them, and admins with the password that a directory knows, where there is one.
/// `status` tells what comes next: `signed_in` brings a token and, in a cookie, what renews it; `totp_required` a
/// challenge for `POST /auth/totp`; `totp_enrollment_required` one for `POST /auth/totp/enroll`.
#[utoipa::path(
    tag = "Signing in",
    request_body(content = LoginRequest, example = json!({"email": "ada@example.com", "password": "plum violin gravel sunday"})),
    responses((status = OK, description = "The password is right", body = LoginResponse), Refused<SigningInWithPassword>)
)]
#[post("/auth/login")]
pub(crate) async fn login(
    ctx: Ctx,
    listener: Listener,
    anybody: SigningIn<(Browser, Body<LoginRequest>)>,
) -> Result<Entered, ApiError> {
    let (caller, (browser, Body(request))) = anybody.open();
    let user_agent = browser.user_agent.as_deref();
    Ok(Entered(sessions::login(&ctx, &caller, request, listener.door(), user_agent).await?))
}

/// Show a code
///
/// What an authenticator app shows, or one of the recovery codes. Each is good once.
#[utoipa::path(
    tag = "Signing in",
    request_body(content = SecondFactorRequest, example = json!({"challenge": "what the password was answered with", "code": "287082"})),
    responses((status = OK, description = "Signed in", body = SignedInResponse), Refused<ShowingCode>)
)]
#[post("/auth/totp")]
pub(crate) async fn second_factor(
    ctx: Ctx,
    anybody: SigningIn<(Browser, Body<SecondFactorRequest>)>,
) -> Result<Renewed, ApiError> {
    let (caller, (browser, Body(request))) = anybody.open();
    Ok(Renewed(sessions::second_factor(&ctx, &caller, request, browser.user_agent.as_deref()).await?))
}

/// Renew the token of a session
///
/// By the cookie, which changes each time. The one before gives the same answer for ten seconds; any other that was
/// used before ends the session.
#[utoipa::path(
    tag = "Signing in",
    responses((status = OK, description = "The next token", body = SignedInResponse), Refused<Renewing>)
)]
#[post("/auth/refresh")]
pub(crate) async fn refresh(
    ctx: Ctx,
    listener: Listener,
    anybody: Returning<Browser>,
) -> Result<Renewed, ApiError> {
    let (caller, browser) = anybody.open();
    Ok(Renewed(sessions::refresh(&ctx, &caller, browser.cookie(), listener.door()).await?))
}

/// Sign out
///
/// Ends the session of the token and that of the cookie, at once.
#[utoipa::path(
    tag = "Signing in",
    responses((status = NO_CONTENT, description = "Nobody is signed in any more"), Refused<Renewing>)
)]
#[post("/auth/logout")]
pub(crate) async fn logout(ctx: Ctx, anybody: Returning<Browser>) -> Result<Left, ApiError> {
    let (caller, browser) = anybody.open();
    sessions::logout(&ctx, &caller, Some(browser.cookie())).await?;
    Ok(Left)
}

/// Which admin is signed in
#[utoipa::path(
    tag = "Signing in",
    responses((status = OK, description = "The admin, and what he may do", body = MeResponse)),
    security(("bearer" = []))
)]
#[get("/auth/me")]
pub(crate) async fn me(ctx: Ctx, admin: SignedIn) -> Result<Json<MeResponse>, ApiError> {
    let (caller, ()) = admin.open();
    Ok(Json(sessions::me(&ctx, &caller).await?))
}
