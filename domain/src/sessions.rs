//! Sessions of admins and of customers. A password, and where it is demanded a code, begin one; it is carried by a token of minutes
//! (`at+jwt`, RFC 9068), and renewed by a cookie that changes each time. A session is a row: whoever ends it deletes it,
//! and its token opens nothing from then on, however long it says that it lives.

use licentia_types::ids::{AdminId, SessionId};
use licentia_types::pages::PageResponse;
use licentia_types::problems::{FieldProblem, ProblemCode};
use licentia_types::sessions::{MeResponse, SessionResponse};
use serde_json::json;

use crate::actors::{Actor, Caller};
use crate::admins::{self, AdminError};
use crate::audit;
use crate::context::Context;
use crate::database::Lane;
use crate::directory::DirectoryAway;
use crate::failure::{Failure, failed_from};
use crate::pages::{PageError, PageQuery};
use crate::refusal::Refusal;
use crate::roles;
use crate::scope::Scope;

pub use authentication::authenticate;
pub use beginning::Opened;
pub(crate) use beginning::begin;
pub use challenges::account;
pub(crate) use challenges::{Challenge, Step};
pub use login::{Entry, login, second_factor};
pub use refresh::refresh;
pub(crate) use refusals::Refusals;
pub use refusals::write_refusals;

mod access_tokens;
mod authentication;
mod beginning;
mod by_directory;
mod challenges;
mod login;
mod refresh;
mod refusals;
mod rules;
pub(crate) mod store;

/// Who is let in where somebody knocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Everybody.
    Everybody,
    /// Customers: an admin is unknown here.
    Customers,
}

/// Why somebody did not get in, or not on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Unknown address, wrong password, wrong code, disabled: whoever tries does not learn which.
    #[error("e-mail address, password or code are not right")]
    Credentials,
    /// What a second step begins with is none of ours, or its time is over.
    #[error("the challenge does not count any more: begin again with the password")]
    Challenge,
    /// Both or none of two members.
    #[error("send either code or recoveryCode")]
    OneProof,
    /// The same, of a sign-in.
    #[error("send either password or code")]
    OneSecret,
    /// Admins have no such codes.
    #[error("codes that are sent are for customers; admins sign in with their password")]
    CodeOfAdmin,
    /// The token is none of ours, or its session is over.
    #[error("the session's token is not valid; it lives for minutes: renew it")]
    Unauthenticated,
    /// Whoever would know does not answer.
    #[error("the directory does not answer")]
    Directory(#[source] DirectoryAway),
    /// There is nothing to renew.
    #[error("the session is over: sign in again")]
    Over,
    /// No such session.
    #[error("there is no such session")]
    NotFound,
    /// The account.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(SessionError);

impl Refusal for SessionError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::Credentials | Self::Challenge => ProblemCode::CredentialsInvalid,
            Self::OneProof | Self::OneSecret | Self::CodeOfAdmin => ProblemCode::ValidationFailed,
            Self::Unauthenticated | Self::Over => ProblemCode::Unauthenticated,
            Self::NotFound => ProblemCode::NotFound,
            Self::Directory(_) => ProblemCode::DirectoryUnavailable,
            Self::Admin(error) => error.code(),
            Self::Failed(failure) => failure.code(),
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::OneProof => vec![FieldProblem::new("/code", "REQUIRED", self.to_string())],
            Self::OneSecret => vec![FieldProblem::new("/password", "REQUIRED", self.to_string())],
            Self::CodeOfAdmin => vec![FieldProblem::new("/code", "INVALID", self.to_string())],
            Self::Admin(error) => error.fields(),
            Self::Credentials
            | Self::Challenge
            | Self::Unauthenticated
            | Self::Over
            | Self::NotFound
            | Self::Directory(_)
            | Self::Failed(_) => Vec::new(),
        }
    }
}

/// Who is signed in.
///
/// # Errors
/// When the caller is no admin.
pub async fn me(ctx: &Context, caller: &Caller) -> Result<MeResponse, SessionError> {
    let Actor::Admin { id, session, principal } = &caller.actor else {
        return Err(SessionError::Unauthenticated);
    };
    // Of himself everybody knows.
    let admin = admins::get(ctx, Scope::Everything, *id).await?;
    Ok(MeResponse { admin, permissions: principal.permissions().clone(), session_id: *session })
}

/// Ends the session in which this is asked, or the one of the cookie; without either nothing is to be done.
///
/// # Errors
/// When the database fails.
pub async fn logout(ctx: &Context, caller: &Caller, cookie: Option<&str>) -> Result<(), SessionError> {
    let of_cookie = cookie.and_then(|cookie| refresh::read(ctx, cookie)).map(|(id, _)| id);
    let of_token = caller.actor.session();
    for id in [of_token, of_cookie.filter(|id| Some(*id) != of_token)].into_iter().flatten() {
        match end(ctx, caller, id).await {
            Ok(()) | Err(SessionError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A page of the sessions that go on, newest first.
///
/// # Errors
/// When a parameter is wrong.
pub async fn list(
    ctx: &Context,
    caller: &Caller,
    admin: Option<AdminId>,
    query: &PageQuery,
) -> Result<PageResponse<SessionResponse>, PageError> {
    let times = &ctx.settings.sessions;
    let asking = caller.actor.session();
    let scope = caller.actor.scope();
    let page = store::list(&ctx.db, scope, admin, (ctx.moment().now, times.idle), query).await?;
    let PageResponse { items, next_cursor, total } = page;
    let shown = items.into_iter().filter_map(|session| {
        let admin = session.admin_id?;
        Some(rules::render((session, admin), times, asking))
    });
    Ok(PageResponse { items: shown.collect(), next_cursor, total })
}

/// Ends the session of an admin whom the caller may change, at once.
///
/// # Errors
/// When there is none.
pub async fn revoke(ctx: &Context, caller: &Caller, id: SessionId) -> Result<(), SessionError> {
    let (_, admin) = store::find_with_admin(&ctx.db, id).await?.ok_or(SessionError::NotFound)?;
    match admins::get(ctx, caller.actor.scope(), admin.id).await {
        Err(AdminError::NotFound) => return Err(SessionError::NotFound),
        known => known?,
    };
    let permissions = roles::permissions_of(&ctx.db, &admin.role).await?.unwrap_or_default();
    admins::rules::expect_given(&caller.actor, &permissions)?;
    end(ctx, caller, id).await
}

async fn end(ctx: &Context, caller: &Caller, id: SessionId) -> Result<(), SessionError> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    if !store::delete(&tx, id).await? {
        return Err(SessionError::NotFound);
    }
    let event = audit::Event::new("session.ended", &id, json!({"reason": "asked_for"}));
    audit::record(&tx, &moment, caller, event).await?;
    tx.commit().await?;
    Ok(())
}
