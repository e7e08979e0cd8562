//! A key that an operator brings, from another system or from a machine made for it.

use licentia_crypto::rsa_keys::KeyPair;
use licentia_entity::signing_key::{ActiveModel, Column, Entity};
use licentia_types::signing_keys::{KeyPurpose, SigningKeyResponse};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::creation::Fresh;
use super::error::SigningKeyError;
use super::{purpose_of, rules, shown, store};
use crate::actors::Caller;
use crate::context::Context;
use crate::database::Lane;
use crate::{audit, events};

/// Bring a key.
pub struct ImportKey {
    /// What it is to sign.
    pub purpose: KeyPurpose,
    /// The private key as PEM.
    pub pem: SecretString,
}

impl std::fmt::Debug for ImportKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportKey").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// Takes the key as the one that waits; that which waited is retired unused. It signs after the
/// next rotation, and so no sooner than verifiers know it.
///
/// # Errors
/// When it cannot sign, or is here already.
pub async fn import(
    ctx: &Context,
    caller: &Caller,
    command: ImportKey,
) -> Result<SigningKeyResponse, SigningKeyError> {
    let key_pair = KeyPair::from_pem(command.pem.expose_secret())?;
    let fresh = Fresh::of(&key_pair, &ctx.kek)?;
    let (kid, purpose) = (fresh.kid.clone(), purpose_of(command.purpose));
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let rows = store::hold(&tx, purpose).await?;
    let moment = ctx.moment();
    // A key signs for one purpose only; and one that was revoked does not come back.
    if store::find(&tx, &kid).await?.is_some() {
        return Err(SigningKeyError::Known(kid));
    }
    let replaced = rules::waiting(&rows).map(|row| row.kid.clone());
    if let Some(replaced) = &replaced {
        Entity::update_many()
            .col_expr(Column::ActiveFrom, moment.now.into())
            .col_expr(Column::RetiringFrom, moment.now.into())
            .col_expr(Column::RetiredAt, moment.now.into())
            .filter(Column::Kid.eq(replaced.as_str()))
            .exec(&tx)
            .await?;
    }
    let row = ActiveModel { imported: Set(true), ..fresh.row(purpose, moment.now) };
    Entity::insert(row).exec_without_returning(&tx).await?;
    let detail = json!({"purpose": command.purpose, "replaces": replaced});
    audit::record(&tx, &moment, caller, audit::Event::new("signing_key.imported", &kid, detail.clone()))
        .await?;
    events::record(&tx, &moment, events::Event::new(events::Kind::SigningKeyImported, &kid, detail)).await?;
    tx.commit().await?;
    ctx.keys.refresh(ctx, moment.now).await;
    shown(&ctx.db, &kid, moment.now).await
}
