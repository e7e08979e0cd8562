//! What an entry says: a pure function of what is known of its machine and licence.

use licentia_entity::license;
use licentia_types::activations::ActivationStatus;
use licentia_types::status_lists::StatusValue;
use licentia_types::time::Timestamp;

/// Longer ago than anything.
const EVER: Timestamp = Timestamp::from_micros(i64::MIN);

/// What is known of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// When another place took over.
    pub(super) invalid_from: Option<Timestamp>,
    pub(super) machine: ActivationStatus,
    /// Until when a revoked machine may go on.
    pub(super) machine_grace: Option<Timestamp>,
    pub(super) license: license::Status,
    /// Until when a revoked licence may go on.
    pub(super) license_grace: Option<Timestamp>,
}

impl Standing {
    /// What the entry says at `now`.
    pub(super) fn value(self, now: Timestamp) -> StatusValue {
        if self.ends().any(|end| end <= now) {
            StatusValue::Invalid
        } else if self.license == license::Status::Suspended {
            StatusValue::Suspended
        } else {
            StatusValue::Valid
        }
    }

    /// When it turns by itself, after `now`.
    pub(super) fn turns_at(self, now: Timestamp) -> Option<Timestamp> {
        let turns = self.ends().min().filter(|end| now < *end);
        turns.filter(|_| self.value(now) != StatusValue::Invalid)
    }

    /// The instants from which on it is invalid.
    fn ends(self) -> impl Iterator<Item = Timestamp> {
        let machine = match self.machine {
            ActivationStatus::Active => None,
            ActivationStatus::Deactivated | ActivationStatus::Lapsed => Some(EVER),
            ActivationStatus::Revoked => Some(self.machine_grace.unwrap_or(EVER)),
        };
        let license = match self.license {
            license::Status::Active | license::Status::Suspended => None,
            license::Status::Revoked => Some(self.license_grace.unwrap_or(EVER)),
        };
        [self.invalid_from, machine, license].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ActivationStatus::{Active, Deactivated, Lapsed, Revoked};
    use StatusValue::{Invalid, Suspended, Valid};

    const NOW: Timestamp = Timestamp::from_seconds(1_000);
    const SOON: Timestamp = Timestamp::from_seconds(1_001);
    const WELL: Standing = Standing {
        invalid_from: None,
        machine: Active,
        machine_grace: None,
        license: license::Status::Active,
        license_grace: None,
    };

    #[track_caller]
    fn assert_says(standing: Standing, value: StatusValue, turns_at: Option<Timestamp>) {
        assert_eq!((standing.value(NOW), standing.turns_at(NOW)), (value, turns_at));
    }

    #[test]
    fn an_active_machine_is_valid() {
        assert_says(WELL, Valid, None);
    }

    #[test]
    fn a_machine_that_is_not_active_is_invalid() {
        for machine in [Deactivated, Lapsed, Revoked] {
            assert_says(Standing { machine, ..WELL }, Invalid, None);
        }
        // Only a revocation has a grace.
        assert_says(Standing { machine: Deactivated, machine_grace: Some(SOON), ..WELL }, Invalid, None);
    }

    #[test]
    fn a_revocation_counts_when_its_grace_is_over() {
        let license = license::Status::Revoked;
        let machine = Revoked;
        assert_says(Standing { license, ..WELL }, Invalid, None);
        for grace in [Some(SOON), Some(NOW)] {
            let in_grace = grace == Some(SOON);
            let (value, turns) = if in_grace { (Valid, Some(SOON)) } else { (Invalid, None) };
            assert_says(Standing { license, license_grace: grace, ..WELL }, value, turns);
            assert_says(Standing { machine, machine_grace: grace, ..WELL }, value, turns);
        }
        // The machine at once, whatever the licence may do.
        assert_says(Standing { machine, license, license_grace: Some(SOON), ..WELL }, Invalid, None);
    }

    #[test]
    fn a_suspension_is_no_revocation() {
        let license = license::Status::Suspended;
        assert_says(Standing { license, ..WELL }, Suspended, None);
        assert_says(Standing { license, machine: Deactivated, ..WELL }, Invalid, None);
        assert_says(Standing { license, invalid_from: Some(SOON), ..WELL }, Suspended, Some(SOON));
    }

    #[test]
    fn a_place_ends_at_its_instant() {
        assert_says(Standing { invalid_from: Some(SOON), ..WELL }, Valid, Some(SOON));
        assert_says(Standing { invalid_from: Some(NOW), ..WELL }, Invalid, None);
    }
}
