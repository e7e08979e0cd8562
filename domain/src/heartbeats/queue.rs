//! Group commit: heartbeats that arrive while a commit is under way join the next one.
//!
//! One task serves the queue, a batch at a time. It waits for nobody: a lone request is committed at
//! once, and under load a batch is what came in while the one before it was written. What would
//! wait for too long is refused at the door.

use std::sync::Arc;
use std::time::Duration;

use licentia_crypto::nonces::Nonce;
use licentia_types::heartbeats::HeartbeatRequest;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::batch;
use super::error::HeartbeatError;
use super::outcome::Outcome;
use crate::actors::Caller;
use crate::context::Context;
use crate::failure::Failure;

/// Most heartbeats that wait: some two seconds of work. More would wait in vain.
const MOST_WAITING: usize = 4_096;
/// Most that are committed together: what a commit costs is next to nothing for each of so many.
pub(super) const MOST_AT_ONCE: usize = 64;
/// How long anybody waits for the outcome.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a batch may take: less, so that those who came later are still answered.
const BATCH_PATIENCE: Duration = Duration::from_secs(7);
/// Before what could not be written is judged again, when nothing else was to be done.
const PAUSE: Duration = Duration::from_millis(5);

/// A call of a machine whose nonce is genuine.
#[derive(Debug)]
pub(super) struct Beat {
    /// The machine.
    pub(super) caller: Caller,
    pub(super) request: HeartbeatRequest,
    pub(super) presented: Nonce,
}

/// A heartbeat in the queue.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) beat: Arc<Beat>,
    outcome: oneshot::Sender<Outcome>,
}

impl Waiting {
    /// Tells how it ended; whoever gave up waiting learns nothing.
    pub(super) fn end(self, outcome: Outcome) {
        drop(self.outcome.send(outcome));
    }
}

/// Heartbeats that wait for the next commit.
#[derive(Debug)]
pub(crate) struct Queue {
    entrance: mpsc::Sender<Waiting>,
    exit: Mutex<mpsc::Receiver<Waiting>>,
}

impl Default for Queue {
    fn default() -> Self {
        Self::holding(MOST_WAITING)
    }
}

impl Queue {
    fn holding(most: usize) -> Self {
        let (entrance, exit) = mpsc::channel(most);
        Self { entrance, exit: Mutex::new(exit) }
    }

    /// Waits for the outcome, which is durable then.
    pub(super) async fn join(&self, beat: Arc<Beat>) -> Result<Outcome, HeartbeatError> {
        let (outcome, ended) = oneshot::channel();
        let waiting = Waiting { beat, outcome };
        self.entrance.try_send(waiting).map_err(|_| HeartbeatError::Overloaded)?;
        match tokio::time::timeout(PATIENCE, ended).await {
            Ok(Ok(outcome)) => Ok(outcome),
            // The batch was lost, or took too long: the same call may well succeed in a moment.
            Ok(Err(_)) | Err(_) => Err(Failure::Unanswered.into()),
        }
    }
}

/// How many heartbeats wait for the next commit.
#[must_use]
pub fn waiting(ctx: &Context) -> usize {
    let entrance = &ctx.heartbeats.entrance;
    entrance.max_capacity() - entrance.capacity()
}

/// Serves the queue for as long as it is awaited. A second one waits until the first is gone.
pub async fn serve(ctx: &Context) {
    let mut exit = ctx.heartbeats.exit.lock().await;
    let db = ctx.db.hot();
    let mut next = Vec::new();
    loop {
        if next.is_empty() {
            exit.recv_many(&mut next, MOST_AT_ONCE).await;
        }
        // Whoever waits behind his own other calls takes nobody's place.
        for _ in 0..MOST_AT_ONCE {
            match exit.try_recv() {
                Ok(waiting) if next.len() < MOST_WAITING => next.push(waiting),
                Ok(waiting) => waiting.end(Outcome::Refused(HeartbeatError::Overloaded, None)),
                Err(_) => break,
            }
        }
        next.retain(|waiting: &Waiting| !waiting.outcome.is_closed());
        let before = next.len();
        // Those of a batch that takes too long learn it from the loss of their place.
        let settled = tokio::time::timeout(BATCH_PATIENCE, batch::settle(ctx, &db, next)).await;
        next = settled.unwrap_or_default();
        if !next.is_empty() && next.len() == before {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use licentia_types::problems::ProblemCode;
    use serde_json::json;

    use super::*;
    use crate::actors::Actor;
    use crate::refusal::Refusal;

    fn beat() -> Arc<Beat> {
        let request = json!({
            "activationId": "act_01h455vb4pex5vsknk084sn02q",
            "fingerprint": "fp-1",
            "nonce": "opened already",
        });
        let caller = Caller { actor: Actor::Anonymous, ip: None, request_id: None };
        let request = serde_json::from_value(request).unwrap();
        Arc::new(Beat { caller, request, presented: Nonce { epoch: 1, generation: 1 } })
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_finds_the_queue_full_is_told_at_once() {
        let queue = Queue::holding(1);
        let first = queue.join(beat());
        let second = async {
            tokio::task::yield_now().await;
            queue.join(beat()).await
        };
        let (first, second) = tokio::join!(first, second);
        let second = second.unwrap_err();
        assert!(matches!(second, HeartbeatError::Overloaded));
        assert_eq!(second.code(), ProblemCode::Unavailable);
        // Nobody serves this queue, and nobody waits without end.
        assert_eq!(first.unwrap_err().code(), ProblemCode::Unavailable);
    }
}
