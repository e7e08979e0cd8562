//! Revocation: a key that leaked is not believed any more, from this instant on.

use licentia_entity::signing_key::{Column, Entity, Model};
use licentia_types::signing_keys::{Kid, RevokeSigningKeyRequest, SigningKeyResponse};
use licentia_types::time::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::creation::Fresh;
use super::error::SigningKeyError;
use super::rules::{self, Succession};
use super::{purpose_word, rotate, shown, store};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::{audit, events, once, revocations};

/// Revokes a key: it leaves the key set, tokens under its name are not good any more, and machines
/// get others at their next heartbeat. When it was the one that signs, the waiting one does so at
/// once. Doing it again changes nothing.
///
/// # Errors
/// When there is no such key.
pub async fn revoke(
    ctx: &Context,
    caller: &Caller,
    kid: &Kid,
    request: RevokeSigningKeyRequest,
) -> Result<SigningKeyResponse, SigningKeyError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let kid = kid.as_str();
    let known = store::find(&ctx.db, kid).await?.ok_or(SigningKeyError::NotFound)?;
    if known.revoked_at.is_some() {
        return shown(&ctx.db, kid, ctx.moment().now).await;
    }
    let mut fresh = None;
    let (shown, now) = loop {
        match attempt(ctx, caller, &known, &request, fresh).await? {
            Some(done) => break done,
            None => fresh = Some(Fresh::generate(ctx).await?),
        }
    };
    ctx.keys.refresh(ctx, now).await;
    Ok(shown)
}

/// Gives what came of it, and when it was done, by this call or by another one; none when a key is to be published with
/// it, which is not made under a lock: the next attempt brings it.
async fn attempt(
    ctx: &Context,
    caller: &Caller,
    known: &Model,
    request: &RevokeSigningKeyRequest,
    fresh: Option<Fresh>,
) -> Result<Option<(SigningKeyResponse, Timestamp)>, SigningKeyError> {
    let tx = once::begin(ctx, caller).await?;
    let rows = store::hold(&tx, known.purpose).await?;
    let moment = ctx.moment();
    let row = rows.iter().find(|row| row.kid == known.kid).ok_or(SigningKeyError::NotFound)?;
    if row.revoked_at.is_some() {
        return Ok(Some((shown(&tx, &row.kid, moment.now).await?, moment.now)));
    }
    let succession = rules::succession(&rows, row, moment.now);
    let is_needed = needs_another(&rows, row, &succession);
    if is_needed && fresh.is_none() {
        return Ok(None);
    }
    write(&tx, &moment, row, request, &succession).await?;
    if let Some(fresh) = fresh.filter(|_| is_needed) {
        fresh.publish(&tx, row.purpose, moment.now).await?;
    }
    record(&tx, &moment, caller, row, request, &succession).await?;
    let shown = shown(&tx, &row.kid, moment.now).await?;
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(Some((shown, moment.now)))
}

/// The revoked one first: it makes room in the indexes that let one of each kind be.
async fn write(
    tx: &WriteTx,
    moment: &Moment<'_>,
    row: &Model,
    request: &RevokeSigningKeyRequest,
    succession: &Succession,
) -> Result<(), Failure> {
    Entity::update_many()
        .col_expr(Column::RevokedAt, moment.now.into())
        .col_expr(Column::RevocationReason, request.reason.clone().into())
        .filter(Column::Kid.eq(row.kid.as_str()))
        .exec(tx)
        .await?;
    if let Some(kid) = &succession.goes_on {
        rotate::set(tx, kid, Column::RetiringFrom, None).await?;
    }
    if let Some(kid) = &succession.signs {
        rotate::set(tx, kid, Column::ActiveFrom, Some(moment.now)).await?;
    }
    Ok(())
}

/// Whether no key waits any more.
fn needs_another(rows: &[Model], revoked: &Model, succession: &Succession) -> bool {
    rules::waiting(rows)
        .is_none_or(|waits| waits.kid == revoked.kid || succession.signs.as_ref() == Some(&waits.kid))
}

async fn record(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    row: &Model,
    request: &RevokeSigningKeyRequest,
    succession: &Succession,
) -> Result<(), Failure> {
    let detail = json!({
        "purpose": purpose_word(row.purpose),
        "reason": request.reason,
        "signs": succession.signs.as_ref().or(succession.goes_on.as_ref()),
    });
    let event = audit::Event::new("signing_key.revoked", &row.kid, detail.clone());
    audit::record(tx, moment, caller, event).await?;
    events::record(tx, moment, events::Event::new(events::Kind::SigningKeyRevoked, &row.kid, detail)).await?;
    revocations::raise_generation(tx, moment).await
}
