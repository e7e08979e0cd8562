//! Counts in memory, until they are written: as many as there are different things to be counted, bounded for each
//! licence and in all.
//!
//! To count something again costs a look at its licence and a comparison with what is counted of it, and allocates
//! nothing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use licentia_types::ids::LicenseId;
use licentia_types::usage::Day;

use super::store::Count;
use super::{NOBODY, OTHER, VALIDATE};

/// Different things that wait at most: some 10 MB, as long as the database does not take them.
const MOST: usize = 65_536;
/// Different things of one licence that are told apart until they are written.
const MOST_OF_ONE: usize = 256;

/// What was counted by this instance and not written yet.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    waiting: Mutex<Waiting>,
    /// Held while they are written.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Waiting {
    of_license: HashMap<LicenseId, Vec<Count>>,
    /// Of all licences.
    different: usize,
    lost: u64,
}

/// Something that is counted, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted<'a> {
    day: Day,
    license: LicenseId,
    product_version: &'a str,
    action: &'a str,
    outcome: &'static str,
}

impl<'a> Counted<'a> {
    /// A validation that ended in `outcome`. Where no licence is known there is no product either, whose features and
    /// versions were told.
    pub(crate) fn validation(
        day: Day,
        license: Option<LicenseId>,
        product_version: Option<&'a str>,
        action: Option<&'a str>,
        outcome: &'static str,
    ) -> Self {
        let whole = Self {
            day,
            license: license.unwrap_or(NOBODY),
            product_version: product_version.filter(|_| license.is_some()).unwrap_or_default(),
            action: action.unwrap_or(VALIDATE),
            outcome,
        };
        if license.is_some() { whole } else { whole.coarse() }
    }

    /// The same among others of its kind.
    fn coarse(self) -> Self {
        Self {
            product_version: if self.product_version.is_empty() { "" } else { OTHER },
            action: if self.action == VALIDATE { VALIDATE } else { OTHER },
            ..self
        }
    }

    fn is(&self, count: &Count) -> bool {
        self.outcome == count.outcome
            && self.action == count.action
            && self.product_version == count.product_version
            && self.day == count.day
    }

    fn so_often(self, times: i64) -> Count {
        Count {
            day: self.day,
            license: self.license,
            product_version: self.product_version.to_owned(),
            action: self.action.to_owned(),
            outcome: self.outcome,
            times,
        }
    }
}

impl Usage {
    /// Counts something.
    pub(crate) fn count(&self, counted: Counted<'_>) {
        self.lock().add(counted, 1);
    }

    /// Waits until nobody writes.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    /// Everything that waits.
    pub(super) fn take(&self) -> Vec<Count> {
        let of_license = {
            let mut waiting = self.lock();
            waiting.different = 0;
            std::mem::take(&mut waiting.of_license)
        };
        of_license.into_values().flatten().collect()
    }

    /// Counts that were not written, to those that came since.
    pub(super) fn put_back(&self, counts: impl Iterator<Item = Count>) {
        let mut waiting = self.lock();
        for count in counts {
            let Count { day, license, ref product_version, ref action, outcome, times } = count;
            waiting.add(Counted { day, license, product_version, action, outcome }, times);
        }
    }

    /// Counts that may have been written, or not.
    pub(super) fn lose(&self, counts: &[Count]) {
        let mut waiting = self.lock();
        for count in counts {
            waiting.lose(count.times);
        }
    }

    /// How much was lost that nobody was told of yet.
    pub(super) fn lost(&self) -> u64 {
        self.lock().lost
    }

    /// Somebody was told of so much that was lost.
    pub(super) fn told(&self, lost: u64) {
        let mut waiting = self.lock();
        waiting.lost = waiting.lost.saturating_sub(lost);
    }

    /// All counts that wait, together.
    pub(super) fn sum(&self) -> i64 {
        let waiting = self.lock();
        let counts = waiting.of_license.values().flatten();
        counts.fold(0, |sum, count| sum.saturating_add(count.times))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn add(&mut self, counted: Counted<'_>, times: i64) {
        let full = self.different >= MOST;
        let of_license = match self.of_license.entry(counted.license) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if full => return self.lose(times),
            Entry::Vacant(unknown) => unknown.insert(Vec::new()),
        };
        if again(of_license, counted, times) {
            return;
        }
        let counted = if of_license.len() < MOST_OF_ONE { counted } else { counted.coarse() };
        if again(of_license, counted, times) {
            return;
        }
        if full {
            return self.lose(times);
        }
        of_license.push(counted.so_often(times));
        self.different += 1;
    }

    fn lose(&mut self, times: i64) {
        self.lost = self.lost.saturating_add(u64::try_from(times).unwrap_or_default());
    }
}

/// Whether it is counted already; then it is counted again.
fn again(counts: &mut [Count], counted: Counted<'_>, times: i64) -> bool {
    let known = counts.iter_mut().find(|count| counted.is(count));
    known.map(|count| count.times = count.times.saturating_add(times)).is_some()
}

#[cfg(test)]
mod tests {
    use licentia_types::time::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn today() -> Day {
        Day::of(Timestamp::from_seconds(0))
    }

    fn license(number: u128) -> LicenseId {
        LicenseId::new(Uuid::from_u128(number))
    }

    fn sum(counts: &[Count]) -> i64 {
        counts.iter().map(|count| count.times).sum()
    }

    #[test]
    fn the_same_is_counted_together_and_nothing_else() {
        let usage = Usage::default();
        for _ in 0..3 {
            usage.count(Counted::validation(today(), Some(license(1)), Some("1.0"), Some("export"), "VALID"));
        }
        let day_after = Day::of(Timestamp::from_seconds(86_400));
        for other in [
            Counted::validation(day_after, Some(license(1)), Some("1.0"), Some("export"), "VALID"),
            Counted::validation(today(), Some(license(2)), Some("1.0"), Some("export"), "VALID"),
            Counted::validation(today(), Some(license(1)), None, Some("export"), "VALID"),
            Counted::validation(today(), Some(license(1)), Some("1.0"), None, "VALID"),
            Counted::validation(today(), Some(license(1)), Some("1.0"), Some("export"), "GRACE"),
        ] {
            usage.count(other);
        }
        let mut counts = usage.take();
        counts.sort_by_key(|count| -count.times);
        assert_eq!((counts.len(), counts[0].times, sum(&counts)), (6, 3, 8));
        assert!(usage.take().is_empty());
    }

    #[test]
    fn strangers_choose_no_names() {
        let usage = Usage::default();
        for number in 0..1_000 {
            let (version, action) = (format!("1.{number}"), format!("action-{number}"));
            usage.count(Counted::validation(today(), None, Some(&version), Some(&action), "NOT_FOUND"));
            usage.count(Counted::validation(today(), None, Some(&version), None, "NOT_FOUND"));
        }
        let counts = usage.take();
        assert_eq!((counts.len(), sum(&counts)), (2, 2_000));
    }

    #[test]
    fn a_flood_of_names_of_one_licence_is_bounded_and_loses_nothing() {
        let usage = Usage::default();
        for number in 0..10_000 {
            let (version, action) = (format!("1.{number}"), format!("action-{number}"));
            usage.count(Counted::validation(
                today(),
                Some(license(1)),
                Some(&version),
                Some(&action),
                "VALID",
            ));
        }
        usage.count(Counted::validation(today(), Some(license(2)), Some("2.0"), Some("export"), "VALID"));
        let counts = usage.take();
        assert_eq!((counts.len(), sum(&counts)), (MOST_OF_ONE + 2, 10_001));
        assert!(counts.iter().any(|count| count.product_version == "2.0" && count.action == "export"));
        assert_eq!(usage.lost(), 0);
    }

    #[test]
    fn too_many_licences_lose_what_is_new_and_say_how_much() {
        let usage = Usage::default();
        let count = |number: u128| {
            usage.count(Counted::validation(today(), Some(license(number)), None, None, "VALID"));
        };
        let most = u128::try_from(MOST).unwrap();
        (1..=most + 5).for_each(count);
        // What is counted already goes on.
        count(1);
        assert_eq!((usage.lost(), usage.sum()), (5, i64::try_from(MOST).unwrap() + 1));
        usage.told(3);
        assert_eq!(usage.lost(), 2);
        usage.told(2);
        let counts = usage.take();
        assert_eq!((counts.len(), sum(&counts)), (MOST, i64::try_from(MOST).unwrap() + 1));
        count(most + 5);
        assert_eq!((usage.take().len(), usage.lost()), (1, 0));
    }

    #[test]
    fn what_was_not_written_waits_again() {
        let usage = Usage::default();
        let counted = Counted::validation(today(), Some(license(1)), None, None, "VALID");
        (0..5).for_each(|_| usage.count(counted));
        let taken = usage.take();
        usage.count(counted);
        usage.put_back(taken.into_iter());
        let counts = usage.take();
        assert_eq!((counts.len(), sum(&counts)), (1, 6));
        usage.lose(&counts);
        assert_eq!((usage.lost(), usage.sum()), (6, 0));
    }
}
