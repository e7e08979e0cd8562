//! What was changed lately, as this instance knows it: whether what a token says may still be taken
//! as the truth, and how often what is revoked has changed, without a statement.
//!
//! It is read anew before it is used when this instance has changed something, or heard that another
//! one has (PostgreSQL notifies), and otherwise once a second. One reads for all; the others go on with
//! what was known, unless it is known to be out of date. While the database is gone it is believed for
//! a minute. Whatever is not known counts as changed: then the database is asked.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use licentia_types::ids::ActivationId;
use licentia_types::time::{Seconds, Timestamp};
use licentia_types::tokens::LicenseClaims;
use tokio::sync::Mutex;

use crate::assemblies;
use crate::context::Context;
use crate::failure::Failure;

use feed::{Feed, Found};
use known::{Change, DOUBTED, Known, Subjects};
use store::Written;

mod feed;
mod known;
mod store;

/// How old what is known may be that is used without looking again.
const FRESH: Seconds = Seconds::constant(1);
/// How old it may be while the database does not answer.
const TRUSTED: Seconds = Seconds::constant(60);
/// How often the database is asked at the most while it fails.
const AGAIN: Seconds = Seconds::constant(1);
/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How far the clocks of instances may be apart.
const CLOCKS: Seconds = Seconds::constant(60);
/// How long after its instant a change may be committed.
const DELAY: Seconds = Seconds::constant(60);
/// How much sooner than by our own clock another instance may forget its events.
const FORGETTING: Seconds = Seconds::constant(3_600);

/// What was changed lately.
pub(crate) struct Changes {
    seen: RwLock<Seen>,
    /// Held by whoever reads anew.
    reading: Mutex<Reading>,
}

#[derive(Debug)]
struct Seen {
    known: Known,
    /// Of revocations.
    generation: i64,
    /// When it was read last; none: never.
    at: Option<Timestamp>,
    /// The marks that were set when it was read.
    marks: u64,
}

#[derive(Debug, Default)]
struct Reading {
    /// None: nothing was read yet, or the last reading failed, and everything is read again.
    feed: Option<Feed>,
    failed_at: Option<Timestamp>,
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").field("seen_at", &self.seen().at).finish_non_exhaustive()
    }
}

impl Default for Changes {
    /// Nothing is known.
    fn default() -> Self {
        let known = Known::since(Timestamp::from_micros(i64::MAX), Vec::new());
        let seen = Seen { known, generation: 0, at: None, marks: 0 };
        Self { seen: RwLock::new(seen), reading: Mutex::default() }
    }
}

/// Whether all that a token of ours says is still so, but for what follows from the clock: nothing that
/// it speaks of was changed since it was signed. False where that is not certain.
pub(crate) async fn none_since(ctx: &Context, claims: &LicenseClaims, now: Timestamp) -> bool {
    let subjects =
        Subjects { license: claims.set.license_id, machine: claims.activation_id, product: &claims.set.aud };
    let last = ctx.changes.look(ctx, now, |seen| seen.known.last(subjects)).await;
    last.is_ok_and(|last| last.is_some_and(|last| is_after(claims.iat, last, ctx.settings.backdate)))
}

/// How often what is revoked has changed.
///
/// # Errors
/// When the database does not answer, and what is known is not to be relied on.
pub(crate) async fn generation(ctx: &Context, now: Timestamp) -> Result<i64, Failure> {
    ctx.changes.look(ctx, now, |seen| seen.generation).await
}

/// Whether a build that the machine activated with may not be approved any more. True where that is not
/// certain.
pub(crate) async fn is_doubted(ctx: &Context, machine: ActivationId, now: Timestamp) -> bool {
    ctx.changes.look(ctx, now, |seen| seen.known.is_doubted(machine)).await.unwrap_or(true)
}

/// Listens for what other instances change, as long as it is not dropped. `failed` is told why nothing
/// is heard for a while.
pub async fn listen(ctx: &Context, failed: impl Fn(&(dyn std::error::Error + 'static))) {
    match ctx.db.ear() {
        Some(ear) => ear.listen(failed).await,
        None => std::future::pending().await,
    }
}

/// The statements by which changes are found, for whoever wants to see how the database runs them.
#[must_use]
pub fn statements() -> [&'static str; 2] {
    store::statements()
}

/// Whether a token was certainly signed after a change. That its time is set back makes up for clocks
/// that disagree.
fn is_after(iat: i64, change: Timestamp, backdate: Seconds) -> bool {
    let missing = CLOCKS.get().saturating_sub(backdate.get()).max(0);
    let missing = Seconds::try_from(missing).unwrap_or(CLOCKS);
    Timestamp::from_seconds(iat) > change + missing
}

impl Seen {
    fn is_younger(&self, than: Seconds, marks: u64, now: Timestamp) -> bool {
        // A clock that was set back makes it old, too.
        self.marks >= marks && self.at.is_some_and(|at| now < at + than && at < now + than)
    }
}

impl Changes {
    /// What `answer` finds in what is known at `now`.
    async fn look<T>(
        &self,
        ctx: &Context,
        now: Timestamp,
        answer: impl Fn(&Seen) -> T,
    ) -> Result<T, Failure> {
        // Whoever comes after a change sees it, as its marks were raised before it was answered.
        let marks = ctx.db.marks();
        let known = |than| {
            let seen = self.seen();
            seen.is_younger(than, marks, now).then(|| answer(&seen))
        };
        if let Some(found) = known(FRESH) {
            return Ok(found);
        }
        let mut reading = match known(TRUSTED) {
            None => self.reading.lock().await,
            Some(found) => match self.reading.try_lock() {
                Ok(reading) => reading,
                Err(_) => return Ok(found),
            },
        };
        if let Some(found) = known(FRESH) {
            return Ok(found);
        }
        if !reading.has_just_failed(now) {
            let outcome = tokio::time::timeout(PATIENCE, self.read(ctx, &mut reading.feed, now)).await;
            let outcome = outcome.unwrap_or(Err(Failure::Unanswered));
            reading.failed_at = outcome.as_ref().err().map(|_| now);
            if let (Err(failure), None) = (outcome, known(TRUSTED)) {
                return Err(failure);
            }
        }
        known(TRUSTED).ok_or(Failure::Unanswered)
    }

    async fn read(&self, ctx: &Context, kept: &mut Option<Feed>, now: Timestamp) -> Result<(), Failure> {
        let marks = ctx.db.marks();
        // Put back when all went well.
        if let Some(mut feed) = kept.take() {
            let Found { generation, fresh } = feed.read(&ctx.db, now).await?;
            let doubts = fresh.iter().any(|written| written.change == Change::Assemblies)
                || self.seen().known.may_trust(now);
            let doubted = if doubts { Some(assemblies::doubted(&ctx.db, DOUBTED).await?) } else { None };
            let mut seen = self.seen_to_write();
            seen.known.learn_all(fresh, now);
            if let Some(doubted) = doubted {
                seen.known.doubt(doubted, now);
            }
            (seen.generation, seen.at, seen.marks) = (generation, Some(now), marks);
            *kept = Some(feed);
        } else {
            let (mut feed, before) = Feed::begin(&ctx.db).await?;
            let forgotten = now - ctx.settings.retention.events + FORGETTING;
            let floor = before.map_or(forgotten, |at| forgotten.max(at + DELAY));
            let mut known = Known::since(floor, store::products(&ctx.db).await?);
            let Found { generation, fresh } = feed.read(&ctx.db, now).await?;
            known.learn_all(fresh, now);
            // After what is new: whoever was doubted by it is among them.
            known.doubt(assemblies::doubted(&ctx.db, DOUBTED).await?, now);
            *self.seen_to_write() = Seen { known, generation, at: Some(now), marks };
            *kept = Some(feed);
        }
        Ok(())
    }

    fn seen(&self) -> RwLockReadGuard<'_, Seen> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen_to_write(&self) -> RwLockWriteGuard<'_, Seen> {
        self.seen.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// What was seen at `now` was committed by then.
    fn learn_all(&mut self, written: Vec<Written>, now: Timestamp) {
        for Written { at, change, .. } in written {
            self.learn(change, now.clamp(at, at + DELAY));
        }
    }
}

impl Reading {
    fn has_just_failed(&self, now: Timestamp) -> bool {
        self.failed_at.is_some_and(|at| now < at + AGAIN && at < now + AGAIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_later_than_a_change_only_if_no_clock_can_say_otherwise() {
        let change = Timestamp::from_micros(1_000_000_001);
        // Signed a minute after it says, by default.
        let signed = |after: i64, backdate: u32| {
            is_after(1_000 + after - i64::from(backdate), change, Seconds::constant(backdate))
        };
        assert_eq!((signed(60, 60), signed(61, 60)), (false, true));
        assert_eq!((signed(60, 0), signed(61, 0)), (false, true));
        assert_eq!((signed(300, 300), signed(301, 300)), (false, true));
    }
}
