//! The gate before SQLite's one write connection: first come, first served, in two lanes.
//!
//! A waiting heartbeat goes next after any commit, so that a burst of activations or edits never
//! makes machines wait. Nobody waits for longer than for a connection; a waiter that gives up loses its
//! place and blocks nobody.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::{ConnAcquireErr, DbErr};
use tokio::sync::oneshot;

/// Which queue a write waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The hot path: served before everything that is ordinary.
    Heartbeat,
    /// Everything else.
    Ordinary,
}

#[derive(Debug, Default)]
struct Queues {
    taken: bool,
    heartbeats: VecDeque<oneshot::Sender<Permit>>,
    ordinary: VecDeque<oneshot::Sender<Permit>>,
}

/// Lets one write through at a time.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    queues: Arc<Mutex<Queues>>,
    patience: Duration,
}

/// The right to write; dropping it lets the next one through.
#[derive(Debug)]
pub(super) struct Permit(Option<Gate>);

impl Gate {
    /// Nobody waits for longer than `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Self { queues: Arc::default(), patience }
    }

    /// Waits for its turn.
    ///
    /// # Errors
    /// When it did not come in time.
    pub(super) async fn pass(&self, lane: Lane) -> Result<Permit, DbErr> {
        let turn = {
            let mut queues = self.queues();
            if !queues.taken {
                queues.taken = true;
                return Ok(Permit(Some(self.clone())));
            }
            let (sender, turn) = oneshot::channel();
            match lane {
                Lane::Heartbeat => queues.heartbeats.push_back(sender),
                Lane::Ordinary => queues.ordinary.push_back(sender),
            }
            turn
        };
        // The sender is only dropped when its permit was handed over.
        let in_time = tokio::time::timeout(self.patience, turn).await.ok().and_then(Result::ok);
        in_time.ok_or(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
    }

    fn open(&self) {
        loop {
            let next = {
                let mut queues = self.queues();
                let next = queues.heartbeats.pop_front().or_else(|| queues.ordinary.pop_front());
                queues.taken = next.is_some();
                next
            };
            let Some(next) = next else { return };
            match next.send(Permit(Some(self.clone()))) {
                Ok(()) => return,
                // It gave up waiting: take the permit back without opening the gate twice.
                Err(mut permit) => permit.0 = None,
            }
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(gate) = self.0.take() {
            gate.open();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Permit, DbErr>> + 'a>>;

    fn poll(waiting: &mut Waiting<'_>) -> Poll<Result<Permit, DbErr>> {
        waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    fn queue(gate: &Gate, lane: Lane) -> Waiting<'_> {
        let mut waiting: Waiting<'_> = Box::pin(gate.pass(lane));
        assert!(poll(&mut waiting).is_pending());
        waiting
    }

    #[tokio::test]
    async fn a_waiting_heartbeat_goes_before_ordinary_writes() {
        let gate = Gate::new(Duration::from_mins(1));
        let first = gate.pass(Lane::Ordinary).await.unwrap();
        let mut ordinary = queue(&gate, Lane::Ordinary);
        let mut heartbeat = queue(&gate, Lane::Heartbeat);
        drop(first);
        assert!(poll(&mut ordinary).is_pending());
        let Poll::Ready(permit) = poll(&mut heartbeat) else { panic!("the heartbeat waits") };
        drop(permit);
        assert!(poll(&mut ordinary).is_ready());
    }

    #[tokio::test]
    async fn a_waiter_that_gave_up_blocks_nobody() {
        let gate = Gate::new(Duration::from_mins(1));
        let first = gate.pass(Lane::Ordinary).await.unwrap();
        let gave_up = queue(&gate, Lane::Ordinary);
        let mut last = queue(&gate, Lane::Ordinary);
        drop(gave_up);
        drop(first);
        let Poll::Ready(permit) = poll(&mut last) else { panic!("the last one waits") };
        // A permit handed over but never taken is passed on as well.
        let handed_over = queue(&gate, Lane::Ordinary);
        drop(permit);
        drop(handed_over);
        drop(gate.pass(Lane::Ordinary).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_too_long_is_told_and_the_next_one_goes() {
        let gate = Gate::new(Duration::from_secs(5));
        let first = gate.pass(Lane::Ordinary).await.unwrap();
        assert!(matches!(gate.pass(Lane::Ordinary).await, Err(DbErr::ConnectionAcquire(_))));
        drop(first);
        drop(gate.pass(Lane::Ordinary).await.unwrap());
    }
}
