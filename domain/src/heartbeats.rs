//! The heartbeat: rotates a machine's nonce, records its contact, gives it a fresh token.
//!
//! Nothing is written until every proof holds; the new generation and the contact are durable
//! before the answer leaves; the token is signed after the commit.

use licentia_crypto::digests::request_id_digest;
use licentia_types::heartbeats::{HeartbeatRequest, HeartbeatResponse};
use licentia_types::text::RequestId;
use serde_json::json;

use crate::actors::{Actor, Caller};
use crate::context::{Context, Moment};
use crate::database::Lane;
use crate::refusals::{Call, Operation};

use chain::{Chain, Verdict};
use contact::Contact;
pub use error::HeartbeatError;
use standing::Standing;

mod answer;
pub mod chain;
mod contact;
mod error;
mod grace;
mod revival;
mod standing;
mod store;
mod worth;

/// How often a heartbeat is judged again because something changed while it was.
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
    let outcome = rotate(ctx, caller, request, &mut call).await;
    call.ended(ctx, &outcome);
    outcome
}

async fn rotate(
    ctx: &Context,
    caller: &Caller,
    request: HeartbeatRequest,
    call: &mut Call,
) -> Result<HeartbeatResponse, HeartbeatError> {
    let moment = ctx.moment();
    let id = request.activation_id;
    let presented = ctx
        .secrets
        .nonces
        .open(id.uuid().as_bytes(), request.nonce.expose())
        .map_err(|_| HeartbeatError::NonceInvalid)?;
    let caller = caller.acting_as(Actor::Activation(id));
    for _ in 0..ATTEMPTS {
        let standing = Standing::load(ctx, &caller, &moment, &request, call).await?;
        let digest = request.request_id.as_ref().map(RequestId::as_str).map(request_id_digest);
        let (machine, times) = (&standing.machine, standing.entitlements.times);
        let contact = match Chain::of(machine)?.judge(presented, digest, moment.now) {
            Verdict::Reused => return refuse_copy(ctx, &moment, &caller, &standing).await,
            Verdict::Rotated { chain, restored } => Contact::rotated(machine, times, chain, restored),
            Verdict::Repeated { chain, suspicious } => Contact::repeated(machine, times, chain, suspicious),
        };
        if let Some(response) = standing.answer(ctx, &caller, &moment, &request, contact).await? {
            return Ok(response);
        }
    }
    Err(HeartbeatError::Contended)
}

/// A nonce that was used before: somebody else has a copy of the installation. Written down, and
/// refused.
async fn refuse_copy<T>(
    ctx: &Context,
    moment: &Moment<'_>,
    caller: &Caller,
    Standing { machine, license, .. }: &Standing,
) -> Result<T, HeartbeatError> {
    if machine.clone_suspected_at.is_some_and(|at| moment.now < at + store::SUSPICION) {
        return Err(HeartbeatError::NonceReused);
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let detail = json!({"epoch": machine.epoch, "generation": machine.generation});
    if contact::suspect(&tx, moment, caller, machine, license, detail).await? {
        tx.commit().await?;
    }
    Err(HeartbeatError::NonceReused)
}
