//! A machine whose lease had ended calls again: it gets a place back if one is free, in a transaction
//! of its own.

use std::sync::Arc;

use licentia_entity::activation;
use licentia_types::activations::ActivationStatus;
use licentia_types::heartbeats::HeartbeatStatus;
use licentia_types::usage::Day;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::contact::Contact;
use super::draft::{self, Draft};
use super::error::HeartbeatError;
use super::outcome::Rotated;
use super::queue::Beat;
use super::standing::Standing;
use super::store;
use super::worth::Worth;
use crate::activations::seats::{Seats, SeatsError};
use crate::activations::{self, Told};
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::events::Kind;
use crate::failure::Failure;
use crate::licenses;
use crate::scope::Scope;
use crate::usage;

/// Seats the machine and writes its contact, or only its contact where no seat is free. None when
/// something changed since the standing was read.
pub(super) async fn rotate(
    ctx: &Context,
    beat: &Arc<Beat>,
    mut standing: Standing,
    contact: Contact,
) -> Result<Option<Rotated>, HeartbeatError> {
    let moment = ctx.moment();
    let signing_key = ctx.token_key(moment.now).await?;
    let Worth::Revival { status, window } = standing.worth(ctx, moment.now) else { return Ok(None) };
    standing.keep_claim_set(ctx, &moment).await?;
    let seated = seat(ctx, beat, &moment, &standing).await?;
    let (tx, standing, worth) = match seated {
        Seated::Yes(tx, machine) => {
            (tx, Standing { machine: *machine, ..standing }, Worth::Token { status, window })
        }
        Seated::Full => {
            let worth = Worth::Nothing(HeartbeatStatus::Lapsed);
            (ctx.db.write(Lane::Heartbeat).await?, standing, worth)
        }
        Seated::Changed => return Ok(None),
    };
    let mut draft = Draft::of(Arc::clone(beat), standing, (worth, contact), &signing_key, moment.now)?;
    if store::rotate(&tx, vec![draft.rotation()]).await?.is_empty() {
        return Ok(None);
    }
    draft::note(&tx, &moment, &mut [&mut draft]).await?;
    usage::add(&tx, &draft.usage(Day::of(moment.now))).await?;
    tx.commit().await?;
    Ok(Some(draft.into_rotated(moment.now)))
}

/// Whether a machine has its seat again.
enum Seated {
    /// In this transaction; and its row as it is there.
    Yes(WriteTx, Box<activation::Model>),
    /// No seat is free. Whatever was claimed went with its transaction.
    Full,
    /// The machine is not any more as it was judged.
    Changed,
}

async fn seat(
    ctx: &Context,
    beat: &Beat,
    moment: &Moment<'_>,
    standing: &Standing,
) -> Result<Seated, HeartbeatError> {
    let tx = ctx.db.write(Lane::Ordinary).await?;
    match revive(&tx, beat, moment, standing).await {
        Ok(Some(machine)) => Ok(Seated::Yes(tx, Box::new(machine))),
        Ok(None) => Ok(Seated::Changed),
        Err(SeatsError::Full(_)) => Ok(Seated::Full),
        Err(SeatsError::Failed(failure)) => Err(failure.into()),
    }
}

/// The row of the machine with a place again, as long as it still is as it was judged. That licence
/// and catalogue are still the same is seen when the nonce rotates.
async fn revive(
    tx: &WriteTx,
    beat: &Beat,
    moment: &Moment<'_>,
    standing: &Standing,
) -> Result<Option<activation::Model>, SeatsError> {
    let (seen, entitlements) = (&standing.machine, &standing.granted.entitlements);
    let license = licenses::store::find_locked(tx, Scope::License(seen.license_id), seen.license_id).await?;
    let license = license.ok_or(Failure::Corrupt("licence"))?;
    let mut seats = Seats::of(tx, *moment, license, entitlements.limits).await?;
    let held = activations::store::hold(tx, seen.id).await?;
    let Some(mut machine) = held.filter(|held| held == seen) else { return Ok(None) };
    if seats.settle(&mut machine, &entitlements.free_environments).await? {
        seats.admit_user(&machine).await?;
        seats.admit_tenant(&machine).await?;
    }
    machine.status = ActivationStatus::Active;
    let mut row = seen.clone().into_active_model();
    row.status = Set(machine.status);
    row.holds_seat = Set(machine.holds_seat);
    row.free_environment = Set(machine.free_environment.clone());
    row.updated_at = Set(moment.now);
    row.version = Set(machine.version + 1);
    let machine = row.update(tx).await?;
    let detail = json!({"freeEnvironment": machine.free_environment});
    let told = Told { kind: Kind::ActivationRevived, machine: machine.id, license: seats.license(), detail };
    activations::tell(tx, moment, &beat.caller, told).await?;
    Ok(Some(machine))
}
