//! Notes in memory, until they are written: bounded for each licence and in all.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use licentia_types::ids::LicenseId;

use super::{KEPT, Note};

/// Notes that wait at most.
const MOST: usize = 4_096;

/// The refusals of this instance that were not written yet.
#[derive(Debug, Default)]
pub struct Refusals {
    waiting: Mutex<Waiting>,
    /// Held while they are written.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By the order in which they came.
    notes: BTreeMap<u64, Note>,
    of_license: HashMap<LicenseId, VecDeque<u64>>,
    next: u64,
    lost: u64,
}

impl Refusals {
    /// Notes a refusal. Of one licence the last 50 are enough: a flood of one leaves the others'
    /// alone.
    pub(super) fn push(&self, note: Note) {
        self.lock().push(note);
    }

    /// Waits until nobody writes.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    /// Everything that waits, in the order in which it came.
    pub(super) fn take(&self) -> Taken<'_> {
        let waiting = std::mem::take(&mut *self.lock());
        Taken { of: self, notes: waiting.notes.into_values().collect(), lost: waiting.lost }
    }

    /// Notes that were not written, before those that came since.
    fn put_back(&self, notes: Vec<Note>, lost: u64) {
        let mut waiting = self.lock();
        let since = std::mem::take(&mut *waiting);
        waiting.lost = lost + since.lost;
        for note in notes.into_iter().chain(since.notes.into_values()) {
            waiting.push(note);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that are being written; dropped before they are, they wait again.
pub(super) struct Taken<'a> {
    of: &'a Refusals,
    notes: Vec<Note>,
    lost: u64,
}

impl Taken<'_> {
    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// They are durable. Gives how many were lost before.
    pub(super) fn written(mut self) -> u64 {
        self.notes.clear();
        std::mem::take(&mut self.lost)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let notes = std::mem::take(&mut self.notes);
        if !notes.is_empty() || self.lost > 0 {
            self.of.put_back(notes, self.lost);
        }
    }
}

impl Waiting {
    fn push(&mut self, note: Note) {
        let of_license = self.of_license.entry(note.license).or_default();
        if of_license.len() >= KEPT
            && let Some(oldest) = of_license.pop_front()
        {
            // It would be forgotten as soon as it is written.
            self.notes.remove(&oldest);
        }
        of_license.push_back(self.next);
        self.notes.insert(self.next, note);
        self.next += 1;
        if self.notes.len() > MOST {
            self.lose_oldest();
        }
    }

    fn lose_oldest(&mut self) {
        let Some((_, note)) = self.notes.pop_first() else { return };
        self.lost += 1;
        if let Some(of_license) = self.of_license.get_mut(&note.license) {
            of_license.pop_front();
            if of_license.is_empty() {
                self.of_license.remove(&note.license);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use licentia_types::time::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::refusals::Operation;

    fn note(license: u128, second: i64) -> Note {
        Note {
            license: LicenseId::new(Uuid::from_u128(license)),
            at: Timestamp::from_seconds(second),
            operation: Operation::Activate,
            code: "SEAT_LIMIT_REACHED",
            ip: None,
            hostname: None,
            product_version: None,
            fingerprint: None,
            request_id: None,
        }
    }

    fn seconds(notes: &[Note]) -> Vec<i64> {
        notes.iter().map(|note| note.at.seconds()).collect()
    }

    #[test]
    fn a_flood_of_one_licence_keeps_its_last_fifty_and_the_others() {
        let refusals = Refusals::default();
        refusals.push(note(1, 0));
        (1..=10_000).for_each(|second| refusals.push(note(2, second)));
        let taken = refusals.take();
        assert_eq!(seconds(taken.notes()), [vec![0], (9_951..=10_000).collect()].concat());
        assert_eq!(taken.written(), 0);
        assert!(refusals.take().notes().is_empty());
    }

    #[test]
    fn too_many_in_all_lose_the_oldest_and_count_them() {
        let refusals = Refusals::default();
        for second in 0..5_000 {
            refusals.push(note(u128::try_from(second).unwrap(), second));
        }
        let taken = refusals.take();
        assert_eq!(seconds(taken.notes()), (904..5_000).collect::<Vec<_>>());
        assert_eq!(taken.written(), 904);
        assert_eq!(refusals.take().written(), 0);
    }

    #[test]
    fn what_was_not_written_goes_first_again() {
        let refusals = Refusals::default();
        (0..60).for_each(|second| refusals.push(note(1, second)));
        let mut taken = refusals.take();
        taken.lost = 7;
        refusals.push(note(1, 60));
        refusals.push(note(2, 61));
        drop(taken);
        let taken = refusals.take();
        assert_eq!(seconds(taken.notes()), (11..=61).collect::<Vec<_>>());
        assert_eq!(taken.written(), 7);
    }
}
