//! Who holds a session's token. One statement, by an index, and another one for an admin with groups or a role that was
//! made here: a session that was ended, or an admin who was disabled, is
//! known at once, on every instance.

use super::{SessionError, access_tokens, rules, store};
use crate::actors::{Actor, Principal};
use crate::admins;
use crate::context::Context;
use crate::roles;
use crate::scope::Groups;

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
    let permissions = roles::permissions_of(&ctx.db, &admin.role).await?.unwrap_or_default();
    let groups = admins::boundaries::groups_of(&ctx.db, &admin).await?.map(Groups::of);
    let principal = Principal::with(&permissions).within(groups);
    Ok(Actor::Admin { id: admin.id, session: session.id, principal })
}
