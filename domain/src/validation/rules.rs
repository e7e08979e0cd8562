//! The verdict: a pure function of the facts. Every reason, gravest first.

use licentia_types::activations::Liveness;
use licentia_types::licenses::LicenseStatus;
use licentia_types::validation::ValidationCode;

/// What is known of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// The licence alone is judged.
    NotAsked,
    /// It is active, and last called so long ago.
    Active(Liveness),
    /// It is not active.
    Inactive {
        /// Whether others are, and this one never was.
        others: bool,
        /// Whether it could be.
        seat_free: bool,
    },
}

/// What is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) status: LicenseStatus,
    /// Past the expiry and its grace.
    pub(super) ended: bool,
    pub(super) machine: Machine,
    pub(super) action_granted: bool,
}

/// Every reason that holds, gravest first; none when all is well.
pub(super) fn judge(facts: Facts) -> Vec<ValidationCode> {
    use ValidationCode as Code;
    let inactive =
        |wanted: bool| matches!(facts.machine, Machine::Inactive { others, .. } if others == wanted);
    let liveness = match facts.machine {
        Machine::Active(liveness) => liveness,
        Machine::NotAsked | Machine::Inactive { .. } => Liveness::Active,
    };
    let in_expiry_grace = facts.status == LicenseStatus::Expired && !facts.ended;
    let rules = [
        (Code::Revoked, facts.status == LicenseStatus::Revoked),
        (Code::Suspended, facts.status == LicenseStatus::Suspended),
        (Code::Expired, facts.ended),
        (Code::NotActivated, inactive(false)),
        (Code::FingerprintMismatch, inactive(true)),
        (Code::SeatLimitReached, matches!(facts.machine, Machine::Inactive { seat_free: false, .. })),
        (Code::GraceExpired, liveness == Liveness::GraceExpired),
        (Code::FeatureNotIncluded, !facts.action_granted),
        (Code::Grace, in_expiry_grace || liveness == Liveness::Grace),
        (Code::HeartbeatOverdue, liveness != Liveness::Active),
    ];
    rules.into_iter().filter(|(_, holds)| *holds).map(|(code, _)| code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ValidationCode as Code;

    const WELL: Facts = Facts {
        status: LicenseStatus::Active,
        ended: false,
        machine: Machine::Active(Liveness::Active),
        action_granted: true,
    };

    #[test]
    fn all_is_well_without_reasons() {
        assert_eq!(judge(WELL), []);
    }

    #[test]
    fn every_reason_is_told_gravest_first() {
        let facts = Facts {
            status: LicenseStatus::Revoked,
            ended: true,
            machine: Machine::Inactive { others: true, seat_free: false },
            action_granted: false,
        };
        let expected = [
            Code::Revoked,
            Code::Expired,
            Code::FingerprintMismatch,
            Code::SeatLimitReached,
            Code::FeatureNotIncluded,
        ];
        assert_eq!(judge(facts), expected);
    }

    #[test]
    fn graces_are_told_apart() {
        let expiry = Facts { status: LicenseStatus::Expired, ..WELL };
        assert_eq!(judge(expiry), [Code::Grace]);
        let silent = |liveness| judge(Facts { machine: Machine::Active(liveness), ..WELL });
        assert_eq!(silent(Liveness::Grace), [Code::Grace, Code::HeartbeatOverdue]);
        assert_eq!(silent(Liveness::GraceExpired), [Code::GraceExpired, Code::HeartbeatOverdue]);
    }
}
