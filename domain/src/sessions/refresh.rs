//! The cookie that renews a session: `session ‖ generation ‖ HMAC`, so that nothing of it is stored, and the one that
//! follows can be given again.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use licentia_entity::{admin, session};
use licentia_types::ids::SessionId;
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::rules::{self, Cookie};
use super::{Door, Opened, SessionError, store};
use crate::actors::{Caller, Person};
use crate::audit;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;
use crate::{accounts, admins};

const ID: usize = 16;
const GENERATION: usize = 8;
const MAC: usize = 32;
/// Of a text that is looked at at all.
const LONGEST: usize = 128;

/// Renews a session. A cookie that was used before ends it, for its owner and for whoever has the copy.
///
/// # Errors
/// When the cookie is none of ours, or the session is over.
pub async fn refresh(
    ctx: &Context,
    caller: &Caller,
    cookie: &str,
    door: Door,
) -> Result<Opened, SessionError> {
    let moment = ctx.moment();
    let (id, generation) = read(ctx, cookie).ok_or(SessionError::Over)?;
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let session = store::find_locked(&tx, id).await?.ok_or(SessionError::Over)?;
    if rules::ends(&session, &ctx.settings.sessions) <= moment.now {
        return Err(SessionError::Over);
    }
    if !may_go_on(ctx, &tx, &session, door).await? {
        return Err(SessionError::Over);
    }
    let session = match rules::judge(&session, generation, moment.now) {
        Cookie::Present => {
            let next =
                session::Model { generation: session.generation + 1, refreshed_at: moment.now, ..session };
            store::renew(&tx, &next).await?;
            next
        }
        Cookie::Before => session,
        Cookie::Used => {
            end_copied(&tx, &moment, caller, &session).await?;
            tx.commit().await?;
            return Err(SessionError::Over);
        }
    };
    tx.commit().await?;
    Ok(Opened::of(ctx, &moment, &session).await?)
}

/// Whether its owner may still come in, by this door.
async fn may_go_on(
    ctx: &Context,
    tx: &WriteTx,
    session: &session::Model,
    door: Door,
) -> Result<bool, Failure> {
    match rules::person(session) {
        Some(Person::Admin(id)) if door == Door::Everybody => {
            // Where a second factor is demanded since, nobody goes on without.
            let goes_on = |admin: &admin::Model| {
                admin.disabled_at.is_none()
                    && (admin.totp_confirmed_at.is_some() || !ctx.settings.require_totp)
            };
            Ok(admins::store::find(tx, id).await?.as_ref().is_some_and(goes_on))
        }
        Some(Person::Customer(id)) => {
            let account = accounts::store::find(tx, id).await?;
            Ok(account.is_some_and(|account| account.disabled_at.is_none()))
        }
        Some(Person::Admin(_)) | None => Ok(false),
    }
}

async fn end_copied(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    session: &session::Model,
) -> Result<(), Failure> {
    store::delete(tx, session.id).await?;
    let person = rules::person(session).ok_or(Failure::Corrupt("session"))?;
    let who = person.in_session(session.id, session.created_at);
    let event = audit::Event::new("session.ended", &session.id, json!({"reason": "cookie_reused"}));
    audit::record(tx, moment, &caller.acting_as(who), event).await
}

/// The cookie of this generation.
pub(super) fn token(ctx: &Context, id: SessionId, generation: i64) -> SecretString {
    let named = [id.uuid().as_bytes().as_slice(), &generation.to_be_bytes()].concat();
    let mac = mac(ctx, &named);
    SecretString::from(URL_SAFE_NO_PAD.encode([named.as_slice(), &mac].concat()))
}

/// Which session a cookie names, and of which generation it is. Garbage never reaches the database.
pub(super) fn read(ctx: &Context, cookie: &str) -> Option<(SessionId, i64)> {
    if cookie.len() > LONGEST {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cookie).ok()?;
    let (named, given) = bytes.split_at_checked(ID + GENERATION)?;
    aws_lc_rs::constant_time::verify_slices_are_equal(&mac(ctx, named), given).ok()?;
    let (id, generation) = named.split_at_checked(ID)?;
    let id = SessionId::new(Uuid::from_slice(id).ok()?);
    Some((id, i64::from_be_bytes(generation.try_into().ok()?)))
}

fn mac(ctx: &Context, named: &[u8]) -> [u8; MAC] {
    ctx.secrets.digests.digest("session_cookie", named)
}
