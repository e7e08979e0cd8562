//! What came of all runs together: the last line, and whether it is good.

use std::fmt;
use std::time::Duration;

use licentia_bench::statistics::median;

use crate::checker::{Fault, Finding};
use crate::history::Entry;

/// Ready again after a kill; back after PostgreSQL is back.
const READY: Duration = Duration::from_secs(2);
const BACK: Duration = Duration::from_secs(5);
/// Shown of the findings of a run.
const SHOWN: usize = 10;

/// Of all runs.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    acknowledged: usize,
    findings: Vec<Finding>,
    /// What is not as it must be, and no finding of the checker.
    failures: Vec<String>,
    kills: usize,
    ready: Vec<Duration>,
    back: Vec<Duration>,
    rounds: u32,
    right_rounds: u32,
}

impl Tally {
    /// One run was checked.
    pub(crate) fn checked(&mut self, what: &str, history: &[Entry], findings: Vec<Finding>) {
        let acknowledged = history.iter().filter(|entry| entry.is_acknowledged()).count();
        self.acknowledged += acknowledged;
        eprintln!(
            "{what}: {} requests, {acknowledged} acknowledged, {} findings",
            history.len(),
            findings.len()
        );
        for finding in findings.iter().take(SHOWN) {
            eprintln!("  {finding}");
        }
        self.findings.extend(findings);
    }

    /// Something that must hold.
    pub(crate) fn expect(&mut self, holds: bool, what: impl Into<String>) {
        let what = what.into();
        if !holds {
            eprintln!("  FAILED: {what}");
            self.failures.push(what);
        }
    }

    pub(crate) fn killed(&mut self, ready: Duration) {
        self.kills += 1;
        self.ready.push(ready);
    }

    pub(crate) fn came_back(&mut self, after: Duration) {
        self.back.push(after);
    }

    pub(crate) fn raced(&mut self, right: bool) {
        self.rounds += 1;
        self.right_rounds += u32::from(right);
    }

    fn count(&self, faults: &[Fault]) -> usize {
        self.findings.iter().filter(|finding| faults.contains(&finding.fault)).count()
    }

    /// Correctness is never excused; times are those of the median, since one start may fall to a busy machine.
    pub(crate) fn is_good(&self) -> bool {
        let in_time =
            |times: &[Duration], bound: Duration| middle(times).is_none_or(|middle| middle <= bound);
        self.findings.is_empty()
            && self.failures.is_empty()
            && self.rounds == self.right_rounds
            && in_time(&self.ready, READY)
            && in_time(&self.back, BACK)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_good() { "faults: good" } else { "faults: NOT GOOD" };
        write!(
            f,
            "{verdict}: {} acknowledged writes, {} lost, {} applied twice, {} chains forked, {} seats too many, \
             {} clients locked out, {} faults of the audit log; {} kills, ready again after {}; \
             PostgreSQL back, served after {}; {} of {} races exact; {} other failures",
            self.acknowledged,
            self.count(&[Fault::Lost]),
            self.count(&[Fault::Doubled]),
            self.count(&[Fault::Forked]),
            self.count(&[Fault::OverLimit]),
            self.count(&[Fault::LockedOut]),
            self.count(&[Fault::Audit]),
            self.kills,
            Times(&self.ready),
            Times(&self.back),
            self.right_rounds,
            self.rounds,
            self.failures.len(),
        )
    }
}

fn middle(times: &[Duration]) -> Option<Duration> {
    median(times.iter().map(Duration::as_secs_f64)).map(Duration::from_secs_f64)
}

struct Times<'a>(&'a [Duration]);

impl fmt::Display for Times<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (middle(self.0), self.0.iter().max()) {
            (Some(middle), Some(worst)) => {
                write!(f, "{:.2} s (median), {:.2} s (worst)", middle.as_secs_f64(), worst.as_secs_f64())
            }
            _ => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_start_is_excused_and_a_lost_write_is_not() {
        let mut tally = Tally::default();
        for seconds in [1, 1, 9] {
            tally.killed(Duration::from_secs(seconds));
        }
        assert!(tally.is_good());
        tally.checked("a run", &[], vec![Finding::new(Fault::Lost, "a row")]);
        assert!(!tally.is_good());
        assert!(
            tally.to_string().starts_with("faults: NOT GOOD: 0 acknowledged writes, 1 lost, 0 applied twice")
        );
    }

    #[test]
    fn slow_starts_wrong_races_and_failures_are_not_good() {
        let tallies: [fn(&mut Tally); 4] = [
            |tally| tally.killed(Duration::from_secs(3)),
            |tally| tally.came_back(Duration::from_secs(6)),
            |tally| tally.raced(false),
            |tally| tally.expect(false, "it holds"),
        ];
        for spoil in tallies {
            let mut tally = Tally::default();
            assert!(tally.is_good());
            spoil(&mut tally);
            assert!(!tally.is_good());
        }
    }
}
