//! What follows from a machine's times: pure functions.

use licentia_entity::activation;
use licentia_types::activations::{ActivationStatus, Liveness};
use licentia_types::tiers::ActivationModel;
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

/// The same of a machine that was last heard at `contact`: while a licence file of it is good it is well,
/// for it was told not to call.
pub(crate) fn liveness_of(
    machine: &activation::Model,
    contact: Timestamp,
    now: Timestamp,
    times: Times,
) -> Liveness {
    if has_file(machine, now) { Liveness::Active } else { liveness(contact, now, times) }
}

/// Whether a licence file of the machine is good at `now`, and out of our hands.
pub(crate) fn has_file(machine: &activation::Model, now: Timestamp) -> bool {
    machine.offline_until.is_some_and(|until| now < until)
}

/// What a machine is at `now`: a floating one whose lease has ended has lapsed, even before that is
/// written down.
pub(crate) fn status(machine: &activation::Model, now: Timestamp) -> ActivationStatus {
    let lease_ended = machine.floating && machine.lease_until.is_some_and(|until| until <= now);
    match machine.status {
        ActivationStatus::Active if lease_ended => ActivationStatus::Lapsed,
        status => status,
    }
}

/// When the running grace of a revoked machine ends that shall last for `asked` from now: sooner, and
/// never later. None: it stays as it is.
pub(super) fn sooner(grace_until: Option<Timestamp>, asked: Seconds, now: Timestamp) -> Option<Timestamp> {
    let end = now + asked;
    grace_until.filter(|until| now < *until && end < *until).map(|_| end)
}

/// A contact at `now` gives a floating machine its lease anew. A machine follows its tier: at its first
/// contact after its tier changed from one model to the other, it has a lease, or has none any more. No
/// lease ends before a licence file of the machine does.
pub(crate) fn hold_lease(
    machine: &mut activation::Model,
    model: ActivationModel,
    times: Times,
    now: Timestamp,
) {
    machine.floating = model == ActivationModel::Floating;
    let lease = (now + times.lease).max(machine.offline_until.unwrap_or(now));
    machine.lease_until = machine.floating.then_some(lease);
}

/// How many seats of a licence, or free places of one of its environments, may be released in 30 days
/// before a release has to wait for the machine's last token: twice as many as there are, at least
/// three.
pub(super) fn release_budget(places: u32) -> u64 {
    (2 * u64::from(places)).max(LEAST_RELEASES)
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
            revocation_grace: Seconds::ZERO,
            lease: Seconds::constant(900),
        };
        let contact = Timestamp::from_seconds(1_000);
        let at = |seconds: i64| liveness(contact, Timestamp::from_seconds(1_000 + seconds), times);
        assert_eq!((at(9), at(10)), (Liveness::Active, Liveness::Grace));
        assert_eq!((at(99), at(100)), (Liveness::Grace, Liveness::GraceExpired));
    }

    #[test]
    fn a_grace_is_cut_and_never_lengthened() {
        let at = Timestamp::from_seconds;
        let asked = |until: Option<i64>, seconds| sooner(until.map(at), Seconds::constant(seconds), at(100));
        assert_eq!(asked(Some(150), 49), Some(at(149)));
        assert_eq!(asked(Some(150), 0), Some(at(100)));
        assert_eq!((asked(Some(150), 50), asked(Some(150), 51)), (None, None));
        assert_eq!((asked(Some(100), 0), asked(None, 0), asked(None, 10)), (None, None, None));
    }

    #[test]
    fn the_release_budget_is_twice_the_places_and_at_least_three() {
        assert_eq!((release_budget(0), release_budget(1), release_budget(10)), (3, 3, 20));
    }
}
