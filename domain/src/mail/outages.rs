//! Whether it is worth asking who takes letters: after each time that he was not there, for longer not.

use std::sync::{Mutex, PoisonError};

use licentia_types::time::Timestamp;

use super::rules;

/// What this instance knows of him.
#[derive(Debug, Default)]
pub(crate) struct Outages(Mutex<Outage>);

#[derive(Clone, Copy, Debug, Default)]
struct Outage {
    /// How often in a row he could not be reached.
    times: i32,
    /// When that was last.
    since: Option<Timestamp>,
}

impl Outages {
    /// Whether it is too early to try again. A clock that went back delays nothing.
    pub(super) fn last_at(&self, now: Timestamp) -> bool {
        let outage = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        outage.since.is_some_and(|since| since <= now && now < since + rules::silence(outage.times))
    }

    /// He could not be reached.
    pub(super) fn begin(&self, now: Timestamp) {
        let mut outage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *outage = Outage { times: outage.times.saturating_add(1), since: Some(now) };
    }

    /// He was, or somebody wants it tried at once.
    pub(super) fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Outage::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_away_is_asked_more_and_more_seldom_until_he_answers() {
        let (outages, at) = (Outages::default(), Timestamp::from_seconds);
        assert!(!outages.last_at(at(1_000)));
        outages.begin(at(1_000));
        assert!(outages.last_at(at(1_009)) && !outages.last_at(at(1_010)));
        outages.begin(at(1_010));
        assert!(outages.last_at(at(1_029)) && !outages.last_at(at(1_030)));
        assert!(!outages.last_at(at(500)));
        outages.end();
        assert!(!outages.last_at(at(1_011)));
    }
}
