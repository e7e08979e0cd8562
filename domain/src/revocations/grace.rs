//! How long whoever is told of a revocation may go on: the same for licences and for machines.

use licentia_types::time::{Seconds, Timestamp};

/// The longest grace: a year.
const MOST_HOURS: u32 = 8_760;

/// So many hours; none: that is too long.
pub(crate) fn of_hours(hours: u32) -> Option<Seconds> {
    (hours <= MOST_HOURS).then(|| Seconds::constant(hours * 3_600))
}

/// When a grace ends that begins now; none: it is none.
pub(crate) fn end(grace: Seconds, now: Timestamp) -> Option<Timestamp> {
    (grace > Seconds::ZERO).then(|| now + grace)
}
