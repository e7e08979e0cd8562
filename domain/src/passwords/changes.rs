//! A password is set: by a token that is good once, or by whoever knows the present one. Whatever was begun with the
//! former one is over.

use licentia_entity::admin;
use licentia_types::admins::{ChangePasswordRequest, ResetPasswordRequest};
use licentia_types::ids::{AdminId, SessionId};
use licentia_types::secret::SecretText;
use serde_json::json;

use super::{PasswordError, hash_new, verify};
use crate::accounts;
use crate::actors::{Actor, Caller, Person};
use crate::admins;
use crate::audit;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::directory;
use crate::failure::Failure;
use crate::one_time_tokens as tokens;
use crate::sessions::{self, Door};

/// Sets the password of whoever the token was made for. He signs in with it afterwards.
///
/// # Errors
/// When the token is none, is that of somebody who does not come in by this door, or the password can be guessed.
pub async fn reset(
    ctx: &Context,
    caller: &Caller,
    request: ResetPasswordRequest,
    door: Door,
) -> Result<(), PasswordError> {
    let moment = ctx.moment();
    let token = tokens::password_digest(ctx, request.token.expose());
    let found = tokens::find(&ctx.db, &token, moment.now).await?;
    match found.as_ref().and_then(tokens::owner) {
        Some(Person::Admin(owner)) if door == Door::Everybody => {
            reset_admin(ctx, caller, (owner, &token), request.password).await
        }
        Some(Person::Customer(owner)) => {
            accounts::reset_password(ctx, caller, (owner, &token), request.password).await
        }
        Some(Person::Admin(_)) | None => Err(PasswordError::Token),
    }
}

async fn reset_admin(
    ctx: &Context,
    caller: &Caller,
    (owner, token): (AdminId, &[u8]),
    password: SecretText,
) -> Result<(), PasswordError> {
    let admin = admins::store::find(&ctx.db, owner).await?.ok_or(PasswordError::Token)?;
    let words = [admin.email.as_str(), admin.name.as_str()];
    let hash = hash_new(ctx, password.expose(), &words).await?;
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let held = admins::store::find_locked(&tx, owner).await?;
    let admin = held.filter(|admin| admin.disabled_at.is_none() && !directory::knows(admin));
    let admin = admin.ok_or(PasswordError::Token)?;
    if !tokens::take(&tx, token, Some(Person::Admin(owner)), moment.now).await? {
        return Err(PasswordError::Token);
    }
    set(&tx, &moment, caller, admin, hash, None).await?;
    tx.commit().await?;
    Ok(())
}

/// Sets another password for whoever is signed in; his other sessions end.
///
/// # Errors
/// When he is no admin, the directory knows his password, the present one is another one, or the new one can be guessed.
pub async fn change(
    ctx: &Context,
    caller: &Caller,
    request: ChangePasswordRequest,
) -> Result<(), PasswordError> {
    let Actor::Admin { id, session, .. } = &caller.actor else {
        return Err(PasswordError::NotSignedIn);
    };
    let admin = admins::store::find(&ctx.db, *id).await?.ok_or(PasswordError::NotSignedIn)?;
    if directory::knows(&admin) {
        return Err(PasswordError::OfDirectory);
    }
    let known = admin.credentials_version;
    if !verify(ctx, request.current_password.expose(), admin.password_hash).await? {
        ctx.login_refusals.tell(caller, Person::Admin(*id), "password", ctx.moment().now);
        return Err(PasswordError::Wrong);
    }
    let words = [admin.email.as_str(), admin.name.as_str()];
    let hash = hash_new(ctx, request.password.expose(), &words).await?;
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let admin = admins::store::find_locked(&tx, *id).await?;
    let admin = admin.filter(|admin| admin.disabled_at.is_none() && admin.credentials_version == known);
    set(&tx, &moment, caller, admin.ok_or(PasswordError::Wrong)?, hash, Some(*session)).await?;
    tx.commit().await?;
    Ok(())
}

/// Sets a password for an admin who is held.
async fn set(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    admin: admin::Model,
    hash: String,
    but: Option<SessionId>,
) -> Result<(), Failure> {
    let id = admin.id;
    tokens::delete_of(tx, Person::Admin(id)).await?;
    sessions::store::delete_of(tx, Person::Admin(id), but).await?;
    let credentials_version = admin.credentials_version + 1;
    let admin = admin::Model { password_hash: Some(hash), credentials_version, ..admin };
    admins::write(tx, moment, admin).await?;
    audit::record(tx, moment, caller, audit::Event::new("admin.password_set", &id, json!({}))).await
}
