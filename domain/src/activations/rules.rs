//! What follows from a machine's times: pure functions.

use licentia_types::activations::Liveness;
use licentia_types::time::{Seconds, Timestamp};

use crate::tiers::Times;

/// Over how long releases are counted.
pub(super) const RELEASE_PERIOD: Seconds = Seconds::constant(30 * 86_400);
const LEAST_RELEASES: u64 = 3;

/// What the time since `contact` says of a machine. Half-open, as all deadlines are. The grace lasts
/// as long as the machine's token says, which is never less than the token's own life.
#[must_use]
pub fn liveness(contact: Timestamp, now: Timestamp, times: Times) -> Liveness {
    if now < contact + times.heartbeat_interval {
        Liveness::Active
    } else if now < contact + times.offline_grace.max(times.token_ttl) {
        Liveness::Grace
    } else {
        Liveness::GraceExpired
    }
}

/// How many seats of a licence may be released in 30 days before a release has to wait for the
/// machine's last token: twice its seats, at least three. Without a limit there is nothing to
/// protect.
#[must_use]
pub fn release_budget(seats: Option<u32>) -> Option<u64> {
    seats.map(|seats| (2 * u64::from(seats)).max(LEAST_RELEASES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn liveness_changes_at_the_instant_of_each_deadline() {
        let times = Times {
            token_ttl: Seconds::constant(40),
            heartbeat_interval: Seconds::constant(10),
            offline_grace: Seconds::constant(100),
            expiry_grace: Seconds::ZERO,
        };
        let contact = Timestamp::from_seconds(1_000);
        let at = |seconds: i64| liveness(contact, Timestamp::from_seconds(1_000 + seconds), times);
        assert_eq!((at(9), at(10)), (Liveness::Active, Liveness::Grace));
        assert_eq!((at(99), at(100)), (Liveness::Grace, Liveness::GraceExpired));
    }

    #[test]
    fn the_release_budget_is_twice_the_seats_and_at_least_three() {
        assert_eq!(release_budget(Some(1)), Some(3));
        assert_eq!(release_budget(Some(10)), Some(20));
        assert_eq!(release_budget(None), None);
    }
}
