//! Who holds a session's token. One statement, by an index, and another one for an admin with groups or a role that was
//! made here: a session that was ended, or an admin who was disabled, is
//! known at once, on every instance.

use licentia_types::ids::{AdminId, CustomerId, SessionId};
use licentia_types::time::Timestamp;

use super::{Door, SessionError, access_tokens, rules, store};
use crate::actors::{Actor, Person, Principal};
use crate::admins;
use crate::context::Context;
use crate::roles;
use crate::scope::Groups;

/// Finds out who holds this token.
///
/// # Errors
/// When it is none of ours, its time is over, or the session is; or its holder does not come in by this door.
pub async fn authenticate(ctx: &Context, token: &str, door: Door) -> Result<Actor, SessionError> {
    let now = ctx.moment().now;
    let claims = access_tokens::read(ctx, token, now).await.ok_or(SessionError::Unauthenticated)?;
    match claims.person() {
        Some(Person::Admin(id)) if door == Door::Everybody => admin(ctx, claims.sid, id, now).await,
        Some(Person::Customer(id)) => customer(ctx, claims.sid, id, now).await,
        Some(Person::Admin(_)) | None => Err(SessionError::Unauthenticated),
    }
}

async fn admin(ctx: &Context, sid: SessionId, id: AdminId, now: Timestamp) -> Result<Actor, SessionError> {
    let (session, admin) =
        store::find_with_admin(&ctx.db, sid).await?.ok_or(SessionError::Unauthenticated)?;
    let goes_on = now < rules::ends(&session, &ctx.settings.sessions);
    if !goes_on || admin.disabled_at.is_some() || admin.id != id {
        return Err(SessionError::Unauthenticated);
    }
    // A role that is gone allows nothing.
    let permissions = roles::permissions_of(&ctx.db, &admin.role).await?.unwrap_or_default();
    let groups = admins::boundaries::groups_of(&ctx.db, &admin).await?.map(Groups::of);
    let principal = Principal::with(&permissions).within(groups);
    Ok(Actor::Admin { id: admin.id, session: session.id, principal })
}

async fn customer(
    ctx: &Context,
    sid: SessionId,
    id: CustomerId,
    now: Timestamp,
) -> Result<Actor, SessionError> {
    let (session, account) =
        store::find_with_account(&ctx.db, sid).await?.ok_or(SessionError::Unauthenticated)?;
    let goes_on = now < rules::ends(&session, &ctx.settings.sessions);
    if !goes_on || account.disabled_at.is_some() || account.customer_id != id {
        return Err(SessionError::Unauthenticated);
    }
    Ok(Actor::Customer { id, session: session.id, since: session.created_at })
}
