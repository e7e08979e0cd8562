//! `/mails`: the outbox, and whether letters arrive.

use actix_web::web::Json;
use actix_web::{get, post};
use licentia_domain::mail::{self, MailFilter};
use licentia_types::ids::MailId;
use licentia_types::mails::{MailResponse, MailStatus, MailTemplate, TestMailRequest};
use licentia_types::pages::PageResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Ctx;
use crate::answers::{Found, NoContent};
use crate::body::Body;
use crate::guard::{Unbounded, perm};
use crate::idempotency::{IdempotencyKey, Once, UnboundedOnce};
use crate::parameters::{Id, Listing, PageParameters};
use crate::problem::ApiError;
use crate::refusals::{Refused, RetryingMail, TestingMail};

/// Which letters a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailParameters {
    /// As far as this; those that were given up are `failed`.
    status: Option<MailStatus>,
    /// About this.
    template: Option<MailTemplate>,
}

/// A page of letters
///
/// To whom, and what became of them; never what stood in them. They are kept for `retention.mails_days`.
#[utoipa::path(
    tag = "Mail",
    params(PageParameters, MailParameters),
    responses((status = OK, description = "A page", body = PageResponse<MailResponse>)),
    security(("bearer" = ["mails.read"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[get("/mails")]
pub(crate) async fn list_mails(
    ctx: Ctx,
    allowed: Unbounded<perm::MailsRead, Listing<MailParameters>>,
) -> Result<Json<PageResponse<MailResponse>>, ApiError> {
    let (_, Listing { page, filter: MailParameters { status, template } }) = allowed.open();
    Ok(Json(mail::list(&ctx, MailFilter { status, template }, &page).await?))
}

/// One letter
#[utoipa::path(
    tag = "Mail",
    params(("id" = MailId, Path)),
    responses((status = OK, description = "The letter", body = MailResponse)),
    security(("bearer" = ["mails.read"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[get("/mails/{id}")]
pub(crate) async fn get_mail(
    ctx: Ctx,
    allowed: Unbounded<perm::MailsRead, Id<MailId>>,
) -> Result<Found<MailResponse>, ApiError> {
    let (_, Id(id)) = allowed.open();
    Ok(Found(mail::get(&ctx, id).await?))
}

/// Have a letter tried again
///
/// One that was given up. It goes out at once, and is given as much time as it had.
#[utoipa::path(
    tag = "Mail",
    params(("id" = MailId, Path), IdempotencyKey),
    responses((status = OK, description = "The letter, which waits again", body = MailResponse), Refused<RetryingMail>),
    security(("bearer" = ["mails"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[post("/mails/{id}/retry")]
pub(crate) async fn retry_mail(
    ctx: Ctx,
    allowed: UnboundedOnce<perm::Mails, Id<MailId>>,
) -> Result<Found<MailResponse>, ApiError> {
    let (caller, Once(Id(id))) = allowed.open();
    Ok(Found(mail::retry(&ctx, &caller, id).await?))
}

/// Send a letter to see whether it arrives
///
/// The answer comes when the mail server has taken it; 502 says why it did not.
#[utoipa::path(
    tag = "Mail",
    request_body(content = TestMailRequest, example = json!({"to": "ada@example.com"})),
    responses((status = NO_CONTENT, description = "The mail server took it"), Refused<TestingMail>),
    security(("bearer" = ["mails"])),
    extensions(("x-without-groups" = json!(true)))
)]
#[post("/settings/mail/test")]
pub(crate) async fn test_mail(
    ctx: Ctx,
    allowed: Unbounded<perm::Mails, Body<TestMailRequest>>,
) -> Result<NoContent, ApiError> {
    let (caller, Body(request)) = allowed.open();
    mail::test(&ctx, &caller, request).await?;
    Ok(NoContent)
}
