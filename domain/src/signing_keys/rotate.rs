//! Rotation: the waiting key takes over, and the next one is published.

use licentia_entity::signing_key::{Column, Entity, Purpose};
use licentia_types::signing_keys::{KeyPurpose, SigningKeyResponse};
use licentia_types::time::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::creation::Fresh;
use super::error::SigningKeyError;
use super::rules::{self, Blocked, Takeover};
use super::{purpose_of, purpose_word, shown, store};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::{audit, events, once};

impl From<Blocked> for SigningKeyError {
    fn from(blocked: Blocked) -> Self {
        match blocked {
            Blocked::Underway(at) => Self::Underway(at),
            Blocked::NothingWaits => Self::NothingWaits,
        }
    }
}

/// Lets the waiting key of `purpose` take over: at once when every verifier has had the time to
/// fetch it, else at the instant when that is so. Gives the key that takes over.
///
/// # Errors
/// While a rotation has not taken effect.
pub async fn rotate(
    ctx: &Context,
    caller: &Caller,
    purpose: KeyPurpose,
) -> Result<SigningKeyResponse, SigningKeyError> {
    if let Some(answer) = once::answered(caller)? {
        return Ok(answer);
    }
    let purpose = purpose_of(purpose);
    let fresh = Fresh::generate(ctx).await?;
    let tx = once::begin(ctx, caller).await?;
    let rows = store::hold(&tx, purpose).await?;
    let moment = ctx.moment();
    let takeover = rules::takeover(&rows, moment.now, ctx.settings.keys.jwks_max_age)?;
    write(&tx, &moment, caller, purpose, &takeover, fresh).await?;
    let shown = shown(&tx, &takeover.to, moment.now).await?;
    once::commit(ctx, &moment, caller, tx, &shown).await?;
    ctx.keys.refresh(ctx, moment.now).await;
    Ok(shown)
}

/// Writes a takeover, under the lock of [`store::hold`].
pub(super) async fn write(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    purpose: Purpose,
    takeover: &Takeover,
    fresh: Fresh,
) -> Result<(), Failure> {
    let Takeover { from, to, at } = takeover;
    if let Some(from) = from {
        set(tx, from, Column::RetiringFrom, Some(*at)).await?;
    }
    set(tx, to, Column::ActiveFrom, Some(*at)).await?;
    let detail =
        json!({"purpose": purpose_word(purpose), "replaces": from, "activeFrom": at, "pending": fresh.kid});
    fresh.publish(tx, purpose, moment.now).await?;
    audit::record(tx, moment, caller, audit::Event::new("signing_key.rotated", to, detail.clone())).await?;
    events::record(tx, moment, events::Event::new(events::Kind::SigningKeyRotated, to, detail)).await
}

/// Writes one time of one key.
pub(super) async fn set(
    tx: &WriteTx,
    kid: &str,
    column: Column,
    at: Option<Timestamp>,
) -> Result<(), Failure> {
    Entity::update_many().col_expr(column, at.into()).filter(Column::Kid.eq(kid)).exec(tx).await?;
    Ok(())
}
