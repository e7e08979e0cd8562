//! Signing in: the password, and where the admin or the configuration wants it, a code. Whether an address is known
//! shows neither in the answer nor in its time.

use licentia_entity::admin;
use licentia_types::sessions::{ChallengeResponse, LoginRequest, SecondFactorRequest};

use super::challenges::{Challenge, Step};
use super::{Opened, SessionError, begin};
use crate::actors::Caller;
use crate::admins::{self, rules::folded};
use crate::context::Context;
use crate::database::{Lane, WriteTx};
use crate::passwords;
use crate::totp::{self, Proof};

/// What a password was good for.
#[derive(Debug)]
pub enum Entry {
    /// He is in.
    SignedIn(Box<Opened>),
    /// A code is to follow.
    TotpRequired(ChallengeResponse),
    /// An app is to be enrolled first.
    TotpEnrollmentRequired(ChallengeResponse),
}

/// Looks at a password.
///
/// # Errors
/// When it is not this admin's, there is none such, or he is disabled: always the same.
pub async fn login(
    ctx: &Context,
    caller: &Caller,
    request: LoginRequest,
    user_agent: Option<&str>,
) -> Result<Entry, SessionError> {
    let admin = admins::store::find_by_email(&ctx.db, &folded(&request.email)).await?;
    let hash = admin.as_ref().and_then(|admin| admin.password_hash.clone());
    let is_right = passwords::verify(ctx, request.password.expose(), hash).await?;
    let Some(admin) = admin else {
        return Err(SessionError::Credentials);
    };
    // After the hash, which takes its time.
    let moment = ctx.moment();
    let now = moment.now;
    if !is_right || admin.disabled_at.is_some() {
        ctx.login_refusals.tell(caller, admin.id, if is_right { "disabled" } else { "password" }, now);
        return Err(SessionError::Credentials);
    }
    if admin.totp_confirmed_at.is_some() {
        return Ok(Entry::TotpRequired(Challenge::for_admin(ctx, &admin, Step::Code, now)));
    }
    if ctx.settings.require_totp {
        let challenge = Challenge::for_admin(ctx, &admin, Step::Enrollment, now);
        return Ok(Entry::TotpEnrollmentRequired(challenge));
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let held = hold_unchanged(&tx, &admin).await?;
    let session = begin(ctx, &tx, &moment, caller, &held, user_agent).await?;
    tx.commit().await?;
    Ok(Entry::SignedIn(Box::new(Opened::of(ctx, &moment, &session).await?)))
}

/// Looks at the code, or the recovery code, that follows a password.
///
/// # Errors
/// When it is not right or was used before, or what came before does not count any more.
pub async fn second_factor(
    ctx: &Context,
    caller: &Caller,
    request: SecondFactorRequest,
    user_agent: Option<&str>,
) -> Result<Opened, SessionError> {
    let moment = ctx.moment();
    let challenge = Challenge::read(ctx, request.challenge.expose(), Step::Code, moment.now)?;
    let proof = Proof::of(request.code, request.recovery_code).ok_or(SessionError::OneProof)?;
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let admin = admins::store::find_locked(&tx, challenge.admin).await?;
    let admin = admin.filter(|admin| challenge.still_holds(admin)).ok_or(SessionError::Challenge)?;
    if !totp::take(ctx, &tx, &moment, &admin, &proof).await? {
        tx.commit().await?;
        ctx.login_refusals.tell(caller, admin.id, proof.word(), moment.now);
        return Err(SessionError::Credentials);
    }
    let session = begin(ctx, &tx, &moment, caller, &admin, user_agent).await?;
    tx.commit().await?;
    Ok(Opened::of(ctx, &moment, &session).await?)
}

/// Holds an admin whose password was looked at, if it still is his.
async fn hold_unchanged(tx: &WriteTx, seen: &admin::Model) -> Result<admin::Model, SessionError> {
    let held = admins::store::find_locked(tx, seen.id).await?;
    let same = |held: &admin::Model| {
        held.disabled_at.is_none() && held.credentials_version == seen.credentials_version
    };
    held.filter(same).ok_or(SessionError::Credentials)
}
