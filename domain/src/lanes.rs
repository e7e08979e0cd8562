//! Tokens of a committed batch are signed together, up to eight at once, where the processor has lanes for it.
//!
//! Whoever committed several hands them over here and goes on with the next batch; a thread for each processor
//! signs what waits. Five or more share the lanes; fewer are signed one by one, so nobody waits for a lane to fill. Where with those
//! that wait already there are fewer than five, whoever answers signs as he would without lanes. A signature that did not
//! stand its check is made once more by aws-lc; after several such faults the lanes are left alone.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use licentia_crypto::jws::Unsigned;
use licentia_crypto::multi_buffer::{LANES, LaneKey, MultiBuffer, Scratch, WORTHWHILE};
use tokio::sync::Notify;

use crate::context::Context;
use crate::signing_keys::SigningKey;

/// After so many signatures that did not stand their check nothing more is signed in the lanes.
const MOST_FAULTS: u64 = 8;
/// Most tokens that wait. Beyond it whoever answers signs, which holds him up and so those who come next.
const MOST_WAITING: usize = 1_024;

/// What was committed, and is to be signed.
pub(crate) trait ToSign: Send {
    /// What it is signed with.
    fn key(&self) -> &Arc<SigningKey>;

    /// The token but for its signature; none when there is none to be had.
    fn unsigned(&self, ctx: &Context) -> Option<Unsigned>;

    /// Whether anybody still waits for it.
    fn is_awaited(&self) -> bool;

    /// Goes on its way with the token; without one it is signed on the way.
    fn end(self: Box<Self>, token: Option<SignedToken>);
}

/// A token that was signed together with others: whoever holds it is the machine.
pub(crate) struct SignedToken(pub(crate) String);

impl std::fmt::Debug for SignedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SignedToken").finish_non_exhaustive()
    }
}

/// Tokens that wait to be signed, and what signs them.
#[derive(Default)]
pub struct Lanes {
    multi_buffer: Option<MultiBuffer>,
    waiting: Mutex<Line>,
    /// Somebody waits.
    bell: Notify,
    /// Threads that sign.
    serving: AtomicUsize,
    calls: AtomicU64,
    filled: AtomicU64,
    faults: AtomicU64,
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes").field("multi_buffer", &self.multi_buffer).finish_non_exhaustive()
    }
}

/// What the lanes did since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often up to eight were signed at once.
    pub calls: u64,
    /// How many lanes were filled by that.
    pub filled: u64,
    /// How many signatures did not stand their check.
    pub faults: u64,
}

impl Lanes {
    /// Lanes of this library; none: everything is signed one by one.
    pub(crate) fn of(multi_buffer: Option<MultiBuffer>) -> Self {
        Self { multi_buffer, ..Self::default() }
    }

    /// The library, unless it is not to be trusted any more.
    pub(crate) fn multi_buffer(&self) -> Option<&MultiBuffer> {
        self.multi_buffer.as_ref().filter(|_| self.faults.load(Ordering::Relaxed) < MOST_FAULTS)
    }

    /// Takes what was committed together. What is not worth it is sent on at once.
    pub(crate) fn take(&self, committed: Vec<Box<dyn ToSign>>) {
        let (fitting, mut alone): (Vec<_>, Vec<_>) =
            committed.into_iter().partition(|one| one.key().lane_key().is_some());
        let calls = fitting.len().div_ceil(LANES);
        match self.admitted(fitting.len()) {
            Some(mut waiting) => waiting.extend(fitting),
            None => alone.extend(fitting),
        }
        for _ in 0..calls {
            self.bell.notify_one();
        }
        for one in alone {
            one.end(None);
        }
    }

    /// The line, where joining it is worth it.
    fn admitted(&self, coming: usize) -> Option<MutexGuard<'_, Line>> {
        if coming == 0 || self.multi_buffer().is_none() {
            return None;
        }
        let waiting = self.waiting();
        let together = waiting.len() + coming;
        let is_served = self.serving.load(Ordering::Relaxed) > 0;
        (is_served && (WORTHWHILE..=MOST_WAITING).contains(&together)).then_some(waiting)
    }

    fn waiting(&self) -> MutexGuard<'_, Line> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As many as are signed next: a full call, or one that is not worth the lanes.
    fn next(&self) -> Vec<Box<dyn ToSign>> {
        let mut waiting = self.waiting();
        let count = if waiting.len() < WORTHWHILE { 1 } else { LANES };
        let count = count.min(waiting.len());
        waiting.drain(..count).collect()
    }

    /// Signs what is still awaited; tells how many signatures did not stand their check.
    fn sign(&self, ctx: &Context, batch: Vec<Box<dyn ToSign>>, scratch: &mut Scratch) -> u64 {
        let mut ready = Vec::with_capacity(batch.len());
        for one in batch.into_iter().filter(|one| one.is_awaited()) {
            match one.unsigned(ctx) {
                None => one.end(None),
                Some(unsigned) => ready.push((Arc::clone(one.key()), one, unsigned)),
            }
        }
        let (together, alone) = parted(ready, |(key, ..)| key.lane_key().map(LaneKey::bits));
        let (faults, wrong) = match self.multi_buffer() {
            Some(library) if !together.is_empty() => self.sign_together(library, together, scratch),
            _ => (0, together),
        };
        for (key, one, unsigned) in alone.into_iter().chain(wrong) {
            one.end(key.finish(unsigned).ok().map(SignedToken));
        }
        faults
    }

    /// Gives back those whose signatures did not stand their check.
    fn sign_together(
        &self,
        library: &MultiBuffer,
        batch: Vec<Ready>,
        scratch: &mut Scratch,
    ) -> (u64, Vec<Ready>) {
        let messages: Vec<(&LaneKey, &[u8])> = batch
            .iter()
            .filter_map(|(key, _, unsigned)| Some((key.lane_key()?, unsigned.as_bytes())))
            .collect();
        let signatures = library.sign(&messages, scratch);
        self.calls.fetch_add(1, Ordering::Relaxed);
        let asked = batch.len();
        let mut wrong = Vec::new();
        let mut signatures = signatures.into_iter();
        for (key, one, unsigned) in batch {
            match signatures.next().flatten() {
                Some(signature) => one.end(Some(SignedToken(unsigned.signed(&signature)))),
                None => wrong.push((key, one, unsigned)),
            }
        }
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let faults = count(wrong.len());
        self.filled.fetch_add(count(asked - wrong.len()), Ordering::Relaxed);
        self.faults.fetch_add(faults, Ordering::Relaxed);
        (faults, wrong)
    }
}

/// Who is signed together, and who alone: those whose keys are of the size of the first one's, where they are enough.
/// Sizes meet only while one key takes over from another.
fn parted<T, S: PartialEq>(all: Vec<T>, size: impl Fn(&T) -> Option<S>) -> (Vec<T>, Vec<T>) {
    let Some(wanted) = all.iter().find_map(&size) else { return (Vec::new(), all) };
    let (together, mut alone): (Vec<T>, Vec<T>) =
        all.into_iter().partition(|one| size(one).as_ref() == Some(&wanted));
    if together.len() < WORTHWHILE {
        alone.extend(together);
        return (Vec::new(), alone);
    }
    (together, alone)
}

type Line = VecDeque<Box<dyn ToSign>>;
type Ready = (Arc<SigningKey>, Box<dyn ToSign>, Unsigned);

/// Signs what waits for as long as it is awaited: one for each processor. `fault` is told how many signatures of a call
/// did not stand their check. Without lanes there is nothing to do, ever.
pub async fn serve(ctx: &Context, fault: impl Fn(u64)) {
    let lanes = &ctx.lanes;
    let Some(library) = &lanes.multi_buffer else { return std::future::pending().await };
    let mut scratch = library.scratch();
    let _serving = Serving::among(lanes);
    loop {
        let batch = lanes.next();
        if batch.is_empty() {
            lanes.bell.notified().await;
            continue;
        }
        let faults = lanes.sign(ctx, batch, &mut scratch);
        if faults > 0 {
            fault(faults);
        }
        // Whoever serves it may end it here.
        tokio::task::yield_now().await;
    }
}

/// A thread that signs, until this is dropped. The last one leaves nobody behind.
struct Serving<'a>(&'a Lanes);

impl<'a> Serving<'a> {
    fn among(lanes: &'a Lanes) -> Self {
        lanes.serving.fetch_add(1, Ordering::Relaxed);
        Self(lanes)
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        // Under the lock of the line, so that nobody joins whom nobody will serve.
        let mut waiting = self.0.waiting();
        if self.0.serving.fetch_sub(1, Ordering::Relaxed) == 1 {
            for one in waiting.drain(..) {
                one.end(None);
            }
        }
    }
}

/// What signs tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// aws-lc, one token after another.
    OneByOne,
    /// The lanes, several at once.
    Lanes,
    /// aws-lc, because the lanes made too many signatures that did not stand their check.
    Resting,
}

/// What signs tokens now.
#[must_use]
pub fn signer(ctx: &Context) -> Signer {
    match (&ctx.lanes.multi_buffer, ctx.lanes.multi_buffer()) {
        (None, _) => Signer::OneByOne,
        (Some(_), Some(_)) => Signer::Lanes,
        (Some(_), None) => Signer::Resting,
    }
}

/// How many tokens wait to be signed.
#[must_use]
pub fn waiting(ctx: &Context) -> usize {
    ctx.lanes.waiting().len()
}

/// What the lanes did since the start.
#[must_use]
pub fn counts(ctx: &Context) -> Counts {
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    Counts { calls: read(&ctx.lanes.calls), filled: read(&ctx.lanes.filled), faults: read(&ctx.lanes.faults) }
}

#[cfg(test)]
mod tests {
    use super::parted;

    fn of(sizes: &[Option<u32>]) -> (Vec<Option<u32>>, Vec<Option<u32>>) {
        parted(sizes.to_vec(), |size| *size)
    }

    #[test]
    fn five_of_one_size_are_signed_together_and_all_others_alone() {
        assert_eq!(of(&[Some(2); 8]), (vec![Some(2); 8], vec![]));
        assert_eq!(of(&[Some(2); 5]), (vec![Some(2); 5], vec![]));
        assert_eq!(of(&[Some(2); 4]), (vec![], vec![Some(2); 4]));
        let mixed = [Some(2), Some(3), Some(2), None, Some(2), Some(2), Some(2)];
        assert_eq!(of(&mixed), (vec![Some(2); 5], vec![Some(3), None]));
        assert_eq!(of(&[None, Some(3), Some(2)]).0, vec![]);
        assert_eq!(of(&[None; 8]), (vec![], vec![None; 8]));
        assert_eq!(of(&[]), (vec![], vec![]));
    }
}
