//! Machines that come for the first time: those that come while a commit is under way share the next one.
//!
//! Only what is simple is settled here: a machine that nobody knows takes a free seat of a licence that is
//! worth a token. Everything else (whoever comes again, is refused, frees what is due, begins a licence
//! that others depend on) is settled alone, by [`activate`](super::activate), with its reasons.

use std::sync::Arc;
use std::time::Duration;

use licentia_types::activations::ActivateRequest;

use super::bound::Bound;
use super::error::ActivationError;
use crate::actors::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::queue;

mod batch;
mod seating;
mod store;

/// Most machines that are bound together. Fewer than heartbeats: each takes more to write, and licences
/// are held meanwhile.
const MOST_AT_ONCE: usize = 32;

/// A machine that comes with a licence key.
#[derive(Debug)]
struct Arrival {
    caller: Caller,
    request: ActivateRequest,
    key_digest: Vec<u8>,
}

impl Arrival {
    /// Whether there is nothing to it but a seat.
    const fn is_plain(request: &ActivateRequest) -> bool {
        let ActivateRequest {
            nonce, instance, consumer_key, consumer_key_alg, proof, assembly_manifest, ..
        } = request;
        let proven = *proof || assembly_manifest.is_some();
        let keyed = consumer_key.is_some() || consumer_key_alg.is_some();
        nonce.is_none() && instance.is_none() && !keyed && !proven
    }
}

/// How an arrival ended in its batch.
#[derive(Debug)]
enum Outcome {
    /// It has its seat, durably.
    Bound(Box<Bound>),
    /// Nothing was written: there is more to it.
    Alone,
    /// The whole batch failed.
    Failed(Arc<Failure>),
}

type Waiting = queue::Waiting<Arrival, Outcome>;

/// Machines that wait for the next commit.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(queue::Queue<Arrival, Outcome>);

/// Waits until the machine is bound together with others; none where it is to be bound alone, as all are
/// in a command that serves nobody.
pub(super) async fn join(
    ctx: &Context,
    caller: &Caller,
    request: &ActivateRequest,
    key_digest: &[u8],
) -> Result<Option<Bound>, ActivationError> {
    let queue = &ctx.arrivals.0;
    if !Arrival::is_plain(request) || !queue.is_served() {
        return Ok(None);
    }
    let arrival =
        Arrival { caller: caller.clone(), request: request.clone(), key_digest: key_digest.to_vec() };
    match queue.join(arrival).await.map_err(Failure::from)? {
        Outcome::Bound(bound) => Ok(Some(*bound)),
        Outcome::Alone => Ok(None),
        Outcome::Failed(failure) => Err(Failure::Together(failure).into()),
    }
}

/// How many machines wait to be bound.
#[must_use]
pub fn pending(ctx: &Context) -> usize {
    ctx.arrivals.0.pending()
}

/// Binds those who come for as long as it is awaited. A second one waits until the first is gone.
///
/// # Errors
/// When the database cannot be opened once more.
pub async fn serve(ctx: &Context) -> Result<(), Failure> {
    let hot = ctx.db.hot().await?;
    ctx.arrivals
        .0
        .serve(hot.at_once(MOST_AT_ONCE), Duration::ZERO, async |waiting| {
            batch::settle(ctx, &hot, waiting).await
        })
        .await;
    Ok(())
}
