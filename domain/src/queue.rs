//! A queue that is served in batches: calls that arrive while a batch is under way join the next one.
//!
//! One task serves it. A lone call is served at once; under load a batch is what came in while the one
//! before it was under way, or since it began so long ago as the queue is told. What would wait for too long
//! is refused at the door.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;

use crate::failure::Failure;

/// Most calls that wait: some two seconds of work. More would wait in vain.
const MOST_WAITING: usize = 4_096;
/// How long anybody waits for the outcome.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a batch may take: less, so that those who came later are still answered.
const BATCH_PATIENCE: Duration = Duration::from_secs(7);
/// So many calls at once are load, and no coincidence.
const SEVERAL: usize = 4;
/// How often a thread gives its processor up for those who are about to come.
const MOST_YIELDS: usize = 8;
/// So often without anybody who came, and nobody is about to.
const ENOUGH_QUIET: usize = 2;
/// Before what could not be settled is tried again, when nothing else was to be done.
const PAUSE: Duration = Duration::from_millis(5);

/// A call in the queue.
#[derive(Debug)]
pub(crate) struct Waiting<Call, Outcome> {
    pub(crate) call: Call,
    outcome: oneshot::Sender<Outcome>,
}

impl<Call, Outcome> Waiting<Call, Outcome> {
    /// Whether anybody still waits for it.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.outcome.is_closed()
    }

    /// Tells how it ended; whoever gave up waiting learns nothing.
    pub(crate) fn end(self, outcome: Outcome) {
        // Nobody is there to be told that nobody was told.
        drop(self.outcome.send(outcome));
    }
}

/// Calls that wait for the next batch.
#[derive(Debug)]
pub(crate) struct Queue<Call, Outcome> {
    entrance: mpsc::Sender<Waiting<Call, Outcome>>,
    exit: Mutex<mpsc::Receiver<Waiting<Call, Outcome>>>,
    most: usize,
    /// Calls that have no outcome yet.
    pending: AtomicUsize,
}

/// A call that has no outcome yet, until this is dropped.
struct Pending<'a>(&'a AtomicUsize);

impl<'a> Pending<'a> {
    fn among(pending: &'a AtomicUsize) -> Self {
        pending.fetch_add(1, Ordering::Relaxed);
        Self(pending)
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a call had no outcome.
#[derive(Debug)]
pub(crate) enum NoOutcome {
    /// More wait already than can be served.
    Full,
    /// The batch was lost, or took too long: the same call may well succeed in a moment.
    Lost,
}

impl From<NoOutcome> for Failure {
    fn from(none: NoOutcome) -> Self {
        match none {
            NoOutcome::Full => Self::Overloaded,
            NoOutcome::Lost => Self::Unanswered,
        }
    }
}

impl<Call, Outcome> Default for Queue<Call, Outcome> {
    fn default() -> Self {
        Self::holding(MOST_WAITING)
    }
}

impl<Call, Outcome> Queue<Call, Outcome> {
    fn holding(most: usize) -> Self {
        let (entrance, exit) = mpsc::channel(most);
        Self { entrance, exit: Mutex::new(exit), most, pending: AtomicUsize::new(0) }
    }

    /// Waits for the outcome.
    pub(crate) async fn join(&self, call: Call) -> Result<Outcome, NoOutcome> {
        let _pending = Pending::among(&self.pending);
        let (outcome, ended) = oneshot::channel();
        self.entrance.try_send(Waiting { call, outcome }).map_err(|_| NoOutcome::Full)?;
        let in_time = tokio::time::timeout(PATIENCE, ended).await.ok().and_then(Result::ok);
        in_time.ok_or(NoOutcome::Lost)
    }

    /// Lets those join who are about to come, where processors are short; where one is free, this returns at
    /// once, so that nobody waits in vain.
    fn let_others_join(&self, at_once: usize) {
        let (mut waiting, mut quiet) = (self.waiting(), 0);
        for _ in 0..MOST_YIELDS {
            std::thread::yield_now();
            let now = self.waiting();
            quiet = if now == waiting { quiet + 1 } else { 0 };
            if quiet == ENOUGH_QUIET || now >= at_once {
                return;
            }
            waiting = now;
        }
    }

    /// How many calls wait for the next batch.
    pub(crate) fn waiting(&self) -> usize {
        self.entrance.max_capacity() - self.entrance.capacity()
    }

    /// How many calls have no outcome yet: those that wait, and those of the batch under way.
    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// Whether anybody serves it: commands that run without a server settle their calls themselves.
    pub(crate) fn is_served(&self) -> bool {
        self.exit.try_lock().is_err()
    }

    /// Serves it for as long as it is awaited; a second one waits until the first is gone. `settle` ends
    /// what can be ended of what it is given, most of it new, and gives back what is to be in the next
    /// batch too. It is given `at_once` calls more than it gave back. After a batch of several calls the next
    /// one begins `pace` later at the earliest: what a batch costs is shared by more. A lone call never waits.
    pub(crate) async fn serve(
        &self,
        at_once: usize,
        pace: Duration,
        settle: impl AsyncFn(Vec<Waiting<Call, Outcome>>) -> Vec<Waiting<Call, Outcome>>,
    ) {
        let mut exit = self.exit.lock().await;
        let mut next = Vec::new();
        let mut following = Instant::now();
        loop {
            if next.is_empty() {
                exit.recv_many(&mut next, at_once).await;
            }
            tokio::time::sleep_until(following).await;
            self.let_others_join(at_once);
            for _ in 0..at_once {
                let Ok(waiting) = exit.try_recv() else { break };
                // Dropped, whoever waits learns that his place was lost.
                if next.len() < self.most {
                    next.push(waiting);
                }
            }
            next.retain(Waiting::is_awaited);
            // All of them gave up.
            if next.is_empty() {
                continue;
            }
            let before = next.len();
            following = Instant::now() + if before < SEVERAL { Duration::ZERO } else { pace };
            // Those of a batch that takes too long learn it from the loss of their place.
            next = tokio::time::timeout(BATCH_PATIENCE, settle(next)).await.unwrap_or_default();
            if !next.is_empty() && next.len() == before {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use licentia_types::problems::ProblemCode;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_finds_the_queue_full_is_told_at_once() {
        let queue = Queue::<u8, u8>::holding(1);
        let first = queue.join(1);
        let second = async {
            tokio::task::yield_now().await;
            queue.join(2).await
        };
        let (first, second) = tokio::join!(first, second);
        let second = second.unwrap_err();
        assert!(matches!(second, NoOutcome::Full));
        assert_eq!(Failure::from(second).code(), ProblemCode::Unavailable);
        // Nobody serves this queue, and nobody waits without end.
        assert!(!queue.is_served());
        assert_eq!(Failure::from(first.unwrap_err()).code(), ProblemCode::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_is_in_the_next_batch_with_what_came_meanwhile() {
        let queue = Queue::<u8, usize>::default();
        let batches = std::cell::RefCell::new(Vec::new());
        let settle = async |waiting: Vec<Waiting<u8, usize>>| {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let mut batches = batches.borrow_mut();
            batches.push(waiting.iter().map(|waiting| waiting.call).collect::<Vec<_>>());
            let (again, ended): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|waiting| waiting.call == 1 && batches.len() == 1);
            for waiting in ended {
                waiting.end(batches.len());
            }
            again
        };
        let late = async {
            // The first batch is under way.
            tokio::time::sleep(Duration::from_millis(5)).await;
            queue.join(3).await
        };
        let calls = async { tokio::join!(queue.join(1), queue.join(2), late) };
        let outcomes = tokio::select! {
            outcomes = calls => outcomes,
            () = queue.serve(8, Duration::ZERO, settle) => unreachable!("it is served for as long as it is awaited"),
        };
        assert_eq!((outcomes.0.unwrap(), outcomes.1.unwrap(), outcomes.2.unwrap()), (2, 1, 2));
        assert_eq!(*batches.borrow(), [vec![1, 2], vec![1, 3]]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_batch_of_several_calls_makes_the_next_one_wait() {
        const PACE: Duration = Duration::from_secs(1);
        let queue = Queue::<u8, Instant>::default();
        let settle = async |waiting: Vec<Waiting<u8, Instant>>| {
            for waiting in waiting {
                waiting.end(Instant::now());
            }
            Vec::new()
        };
        let calls = async {
            let lone = [queue.join(0).await.unwrap(), queue.join(0).await.unwrap()];
            let several = tokio::join!(queue.join(1), queue.join(2), queue.join(3), queue.join(4));
            (lone, several.0.unwrap(), queue.join(5).await.unwrap())
        };
        let (lone, several, after) = tokio::select! {
            ended = calls => ended,
            () = queue.serve(8, PACE, settle) => unreachable!("it is served for as long as it is awaited"),
        };
        assert_eq!((lone[0], lone[1]), (several, several));
        assert!(after - several >= PACE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_takes_too_long_loses_its_own_calls_only() {
        let queue = Queue::<u8, u8>::default();
        let settle = async |waiting: Vec<Waiting<u8, u8>>| {
            for waiting in waiting {
                let call = waiting.call;
                if call == 1 {
                    tokio::time::sleep(BATCH_PATIENCE * 2).await;
                }
                waiting.end(call);
            }
            Vec::new()
        };
        let late = async {
            // The first batch is under way.
            tokio::time::sleep(Duration::from_millis(1)).await;
            queue.join(2).await
        };
        let calls = async { tokio::join!(queue.join(1), late) };
        let (first, second) = tokio::select! {
            outcomes = calls => outcomes,
            () = queue.serve(1, Duration::ZERO, settle) => unreachable!("it is served for as long as it is awaited"),
        };
        assert!(matches!(first.unwrap_err(), NoOutcome::Lost));
        assert_eq!(second.unwrap(), 2);
    }
}
