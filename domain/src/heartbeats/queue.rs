//! Group commit: heartbeats that arrive while a commit is under way join the next one.

use std::sync::Arc;
use std::time::Duration;

use licentia_crypto::nonces::Nonce;
use licentia_types::heartbeats::HeartbeatRequest;

use super::batch;
use super::outcome::Outcome;
use crate::actors::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::queue::{self, NoOutcome};

/// Most heartbeats that are committed together: what a commit costs is next to nothing for each of so
/// many.
pub(super) const MOST_AT_ONCE: usize = 64;

/// Under load a commit every so often is enough: it costs some 300 µs of a processor beside the disk.
const PACE: Duration = Duration::from_millis(2);

/// A call of a machine whose nonce is genuine.
#[derive(Debug)]
pub(super) struct Beat {
    /// The machine.
    pub(super) caller: Caller,
    pub(super) request: HeartbeatRequest,
    pub(super) presented: Nonce,
}

/// Heartbeats that wait for the next commit. What they wait for is durable.
#[derive(Debug, Default)]
pub(crate) struct Queue(queue::Queue<Arc<Beat>, Outcome>);

pub(super) type Waiting = queue::Waiting<Arc<Beat>, Outcome>;

impl Queue {
    /// Waits for the outcome.
    pub(super) async fn join(&self, beat: Arc<Beat>) -> Result<Outcome, NoOutcome> {
        self.0.join(beat).await
    }
}

/// How many heartbeats wait for the next commit.
#[must_use]
pub fn waiting(ctx: &Context) -> usize {
    ctx.heartbeats.0.waiting()
}

/// Commits heartbeats for as long as it is awaited. A second one waits until the first is gone.
///
/// # Errors
/// When the database cannot be opened once more.
pub async fn serve(ctx: &Context) -> Result<(), Failure> {
    let hot = ctx.db.hot().await?;
    ctx.heartbeats
        .0
        .serve(hot.at_once(MOST_AT_ONCE), PACE, async |waiting| batch::settle(ctx, &hot, waiting).await)
        .await;
    Ok(())
}
