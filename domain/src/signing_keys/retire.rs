//! Taking a key out of service, and out of the key set once nothing needs it.

use licentia_entity::signing_key::{Column, Model, Purpose};
use licentia_types::signing_keys::{Kid, SigningKeyResponse, SigningKeyState};
use licentia_types::time::Timestamp;
use serde_json::json;

use super::creation::Fresh;
use super::error::SigningKeyError;
use super::{purpose_word, rotate, rules, shown, store};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::{audit, events, once};

/// Takes the key that signs out of service, as a rotation does; lets one that signs no more go,
/// once nothing that it signed is good. Doing it again to a retired key changes nothing.
///
/// # Errors
/// When it waits, was revoked, or is still needed.
pub async fn retire(
    ctx: &Context,
    caller: &Caller,
    kid: &Kid,
) -> Result<SigningKeyResponse, SigningKeyError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let kid = kid.as_str();
    let purpose = store::find(&ctx.db, kid).await?.ok_or(SigningKeyError::NotFound)?.purpose;
    let mut fresh = None;
    let (shown, now) = loop {
        match attempt(ctx, caller, purpose, kid, fresh).await? {
            Some(done) => break done,
            None => fresh = Some(Fresh::generate(ctx).await?),
        }
    };
    ctx.keys.refresh(ctx, now).await;
    Ok(shown)
}

/// Gives what came of it, and when it was done; none when a key is to be published with it, which is not made under a
/// lock: the next attempt brings it.
async fn attempt(
    ctx: &Context,
    caller: &Caller,
    purpose: Purpose,
    kid: &str,
    fresh: Option<Fresh>,
) -> Result<Option<(SigningKeyResponse, Timestamp)>, SigningKeyError> {
    let tx = once::begin(ctx, caller).await?;
    let rows = store::hold(&tx, purpose).await?;
    let moment = ctx.moment();
    let row = rows.iter().find(|row| row.kid == kid).ok_or(SigningKeyError::NotFound)?;
    match rules::state(row, moment.now) {
        SigningKeyState::Pending => return Err(SigningKeyError::Waits),
        SigningKeyState::Revoked => return Err(SigningKeyError::Revoked),
        SigningKeyState::Active => {
            let takeover = rules::takeover(&rows, moment.now, ctx.settings.keys.jwks_max_age)?;
            let Some(fresh) = fresh else { return Ok(None) };
            rotate::write(&tx, &moment, caller, purpose, &takeover, fresh).await?;
        }
        SigningKeyState::Retiring => {
            if let Some(retirable_from) = rules::retirable_from(row).filter(|at| moment.now < *at) {
                return Err(SigningKeyError::StillNeeded { signs_until: row.signs_until, retirable_from });
            }
            finish(&tx, &moment, caller, row).await?;
        }
        SigningKeyState::Retired => {}
    }
    let shown = shown(&tx, kid, moment.now).await?;
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    Ok(Some((shown, moment.now)))
}

/// Lets a key go whose time has come, under the lock of [`store::hold`].
pub(super) async fn finish(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    row: &Model,
) -> Result<(), Failure> {
    rotate::set(tx, &row.kid, Column::RetiredAt, Some(moment.now)).await?;
    let detail = json!({"purpose": purpose_word(row.purpose), "signsUntil": row.signs_until});
    audit::record(tx, moment, caller, audit::Event::new("signing_key.retired", &row.kid, detail.clone()))
        .await?;
    events::record(tx, moment, events::Event::new(events::Kind::SigningKeyRetired, &row.kid, detail)).await
}
