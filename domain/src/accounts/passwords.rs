//! A customer sets another password: by a token that was sent to him, or because he knows the present one.

use licentia_entity::customer_account;
use licentia_types::admins::ChangePasswordRequest;
use licentia_types::ids::{CustomerId, SessionId};
use licentia_types::secret::SecretText;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::registration::address_digest;
use super::store;
use crate::actors::{Actor, Caller, Person};
use crate::audit;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;
use crate::one_time_tokens as tokens;
use crate::passwords::{PasswordError, hash_new, verify};
use crate::sessions;

/// Sets the password of whoever the token was made for, ends his sessions, and lets codes be looked at again: he showed
/// that the address is his.
pub(crate) async fn reset_password(
    ctx: &Context,
    caller: &Caller,
    (owner, token): (CustomerId, &[u8]),
    password: SecretText,
) -> Result<(), PasswordError> {
    let account = store::find(&ctx.db, owner).await?;
    let account = account.filter(|account| account.disabled_at.is_none()).ok_or(PasswordError::Token)?;
    let hash = hash_new(ctx, password.expose(), &[account.email.as_str()]).await?;
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    // Codes are held before accounts, as by whoever signs in with one.
    store::forget_code(&tx, &address_digest(ctx, &account.email)).await?;
    let account = store::find_locked(&tx, owner).await?;
    let account = account.filter(|account| account.disabled_at.is_none()).ok_or(PasswordError::Token)?;
    let person = Person::Customer(owner);
    if !tokens::take(&tx, token, Some(person), moment.now).await? {
        return Err(PasswordError::Token);
    }
    set(&tx, &moment, caller, account, hash, None).await?;
    tx.commit().await?;
    Ok(())
}

/// Sets another password for the customer who is signed in and knows the present one; his other sessions end.
///
/// # Errors
/// When he is none, has no password or another one, or the new one can be guessed.
pub async fn change_password(
    ctx: &Context,
    caller: &Caller,
    request: ChangePasswordRequest,
) -> Result<(), PasswordError> {
    let Actor::Customer { id, session, .. } = caller.actor else {
        return Err(PasswordError::NotSignedIn);
    };
    let account = store::find(&ctx.db, id).await?.ok_or(PasswordError::NotSignedIn)?;
    let known = account.credentials_version;
    if !verify(ctx, request.current_password.expose(), account.password_hash).await? {
        ctx.login_refusals.tell(caller, Person::Customer(id), "password", ctx.moment().now);
        return Err(PasswordError::Wrong);
    }
    let hash = hash_new(ctx, request.password.expose(), &[account.email.as_str()]).await?;
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let account = store::find_locked(&tx, id).await?;
    let account =
        account.filter(|account| account.disabled_at.is_none() && account.credentials_version == known);
    set(&tx, &moment, caller, account.ok_or(PasswordError::Wrong)?, hash, Some(session)).await?;
    tx.commit().await?;
    Ok(())
}

/// Sets a password for a customer whose account is held, and ends what was begun with the former one.
async fn set(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    account: customer_account::Model,
    hash: String,
    but: Option<SessionId>,
) -> Result<(), Failure> {
    let person = Person::Customer(account.customer_id);
    tokens::delete_of(tx, person).await?;
    sessions::store::delete_of(tx, person, but).await?;
    let account = customer_account::Model {
        password_hash: Some(hash),
        credentials_version: account.credentials_version + 1,
        updated_at: moment.now,
        version: account.version + 1,
        ..account
    };
    let account = account.into_active_model().reset_all().update(tx).await?;
    let event = audit::Event::new("customer.password_set", &account.customer_id, json!({}));
    audit::record(tx, moment, caller, event).await
}
