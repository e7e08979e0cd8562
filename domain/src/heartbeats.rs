//! The heartbeat: rotates a machine's nonce, records its contact, gives it a fresh token.
//!
//! Nothing is written until every proof holds; the new generation and the contact are durable
//! before the answer leaves; the token is signed after the commit.

use std::sync::Arc;

use licentia_types::heartbeats::{HeartbeatRequest, HeartbeatResponse};
use serde_json::json;

use crate::actors::{Actor, Caller};
use crate::context::Context;
use crate::database::Lane;
use crate::failure::Failure;
use crate::refusals::{Call, Operation};

pub use error::HeartbeatError;
use outcome::{Outcome, Rotated};
use queue::Beat;
pub(crate) use queue::Queue;
pub use queue::{serve, waiting};
use standing::Standing;

mod answer;
mod batch;
pub mod chain;
mod committed;
mod contact;
mod draft;
mod error;
mod grace;
mod outcome;
mod queue;
mod revival;
mod standing;
mod store;
mod worth;

/// How often a machine that wants its seat back is judged again because something changed.
const ATTEMPTS: usize = 32;

/// A machine calls. A refusal is kept for support.
///
/// # Errors
/// When a proof does not hold, the nonce was used before, or the machine was deactivated.
pub async fn beat(
    ctx: &Context,
    caller: &Caller,
    request: HeartbeatRequest,
) -> Result<HeartbeatResponse, HeartbeatError> {
    let mut call = Call::of(Operation::Heartbeat, caller);
    call.fingerprint = Some(request.fingerprint.clone());
    call.product_version.clone_from(&request.product_version);
    let outcome = match rotate(ctx, caller, request, &mut call).await {
        Ok(rotated) => rotated.answer(ctx).await.map_err(HeartbeatError::Failed),
        Err(refusal) => Err(refusal),
    };
    call.ended(ctx, &outcome);
    outcome
}

async fn rotate(
    ctx: &Context,
    caller: &Caller,
    request: HeartbeatRequest,
    call: &mut Call,
) -> Result<Rotated, HeartbeatError> {
    let id = request.activation_id;
    let presented = ctx
        .secrets
        .nonces
        .open(id.uuid().as_bytes(), request.nonce.expose())
        .map_err(|_| HeartbeatError::NonceInvalid)?;
    let beat = Arc::new(Beat { caller: caller.acting_as(Actor::Activation(id)), request, presented });
    for _ in 0..ATTEMPTS {
        match ctx.heartbeats.join(Arc::clone(&beat)).await.map_err(Failure::from)? {
            Outcome::Rotated(rotated) => return Ok(*rotated),
            Outcome::Lapsed(lapsed) => {
                let (standing, contact) = *lapsed;
                call.made_by(&standing.machine);
                if let Some(rotated) = Box::pin(revival::rotate(ctx, &beat, standing, contact)).await? {
                    return Ok(rotated);
                }
            }
            Outcome::Reused(standing) => {
                call.made_by(&standing.machine);
                refuse_copy(ctx, &beat.caller, &standing).await?;
                return Err(HeartbeatError::NonceReused);
            }
            Outcome::Refused(refusal, machine) => {
                if let Some(machine) = machine {
                    call.made_by(&machine);
                }
                return Err(refusal);
            }
        }
    }
    Err(HeartbeatError::Contended)
}

/// A nonce that was used before: somebody else has a copy of the installation. Written down, once an
/// hour.
async fn refuse_copy(ctx: &Context, caller: &Caller, standing: &Standing) -> Result<(), HeartbeatError> {
    let moment = ctx.moment();
    let (machine, license) = (&standing.machine, &standing.granted.license);
    if machine.clone_suspected_at.is_some_and(|at| moment.now < at + store::SUSPICION) {
        return Ok(());
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let detail = json!({"epoch": machine.epoch, "generation": machine.generation});
    if contact::suspect(&tx, &moment, caller, machine, license, detail).await? {
        tx.commit().await?;
    }
    Ok(())
}
