//! A customer sets another password, by a token that was sent to him.

use licentia_entity::customer_account;
use licentia_types::ids::CustomerId;
use licentia_types::secret::SecretText;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::registration::address_digest;
use super::store;
use crate::actors::{Caller, Person};
use crate::audit;
use crate::context::Context;
use crate::database::Lane;
use crate::one_time_tokens as tokens;
use crate::passwords::{PasswordError, hash_new};
use crate::sessions;

/// Sets the password of whoever the token was made for, ends his sessions, and lets codes be looked at again: he showed
/// that the address is his.
pub(crate) async fn reset_password(
    ctx: &Context,
    caller: &Caller,
    (owner, token): (CustomerId, &[u8]),
    password: SecretText,
) -> Result<(), PasswordError> {
    let account = store::find(&ctx.db, owner).await?.ok_or(PasswordError::Token)?;
    let hash = hash_new(ctx, password.expose(), &[account.email.as_str()]).await?;
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    // Codes are held before accounts, as by whoever signs in with one.
    store::forget_code(&tx, &address_digest(ctx, &account.email)).await?;
    let account = store::find_locked(&tx, owner).await?.ok_or(PasswordError::Token)?;
    let person = Person::Customer(owner);
    if !tokens::take(&tx, token, Some(person), moment.now).await? {
        return Err(PasswordError::Token);
    }
    tokens::delete_of(&tx, person).await?;
    sessions::store::delete_of(&tx, person, None).await?;
    let account = customer_account::Model {
        password_hash: Some(hash),
        credentials_version: account.credentials_version + 1,
        updated_at: moment.now,
        version: account.version + 1,
        ..account
    };
    account.into_active_model().reset_all().update(&tx).await?;
    let event = audit::Event::new("customer.password_set", &owner, json!({}));
    audit::record(&tx, &moment, caller, event).await?;
    tx.commit().await?;
    Ok(())
}
