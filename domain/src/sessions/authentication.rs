//! Who holds a session's token. One statement, by an index: a session that was ended, or an admin who was disabled, is
//! known at once, on every instance.

use super::{SessionError, access_tokens, rules, store};
use crate::actors::{Actor, Principal};
use crate::admins;
use crate::context::Context;

/// Finds out who holds this token.
///
/// # Errors
/// When it is none of ours, its time is over, or the session is.
pub async fn authenticate(ctx: &Context, token: &str) -> Result<Actor, SessionError> {
    let now = ctx.moment().now;
    let claims = access_tokens::read(ctx, token, now).await.ok_or(SessionError::Unauthenticated)?;
    let (session, admin) =
        store::find_with_admin(&ctx.db, claims.sid).await?.ok_or(SessionError::Unauthenticated)?;
    let goes_on = now < rules::ends(&session, &ctx.settings.sessions);
    if !goes_on || admin.disabled_at.is_some() || admin.id != claims.sub {
        return Err(SessionError::Unauthenticated);
    }
    // A role that is gone allows nothing.
    let permissions = admins::rules::permissions(&admin.role).unwrap_or_default();
    Ok(Actor::Admin { id: admin.id, session: session.id, principal: Principal::with(&permissions) })
}
