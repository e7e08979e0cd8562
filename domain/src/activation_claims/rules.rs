//! What follows from a claim's times and from what waits beside it: pure functions.

use licentia_entity::activation_claim::{Decision, Model};
use licentia_types::activation_claims::ActivationClaimStatus;
use licentia_types::time::{Seconds, Timestamp};

/// How long a claim lives, decided or not.
pub(super) const LIFE: Seconds = Seconds::constant(15 * 60);
/// When a machine that waits is to ask again.
pub(super) const POLL_AFTER: Seconds = Seconds::constant(5);
/// Machines that wait side by side for one licence.
const MACHINES: usize = 5;
/// Claims of one machine that wait side by side: it asked for something else meanwhile, or from another
/// address; or somebody else says that he is this machine.
const CLAIMS_OF_A_MACHINE: usize = 3;

/// What a claim is at `now`. Half-open, as all deadlines are.
pub(super) fn status(claim: &Model, now: Timestamp) -> ActivationClaimStatus {
    match claim.decision {
        Decision::Rejected => ActivationClaimStatus::Rejected,
        _ if claim.activated_at.is_some() => ActivationClaimStatus::Activated,
        _ if claim.expires_at <= now => ActivationClaimStatus::Expired,
        Decision::Pending => ActivationClaimStatus::Pending,
        Decision::Approved => ActivationClaimStatus::Approved,
    }
}

/// Whether two claims are of one machine.
pub(super) fn same_machine(one: &Model, other: &Model) -> bool {
    one.fingerprint == other.fingerprint && one.instance == other.instance
}

/// Whether `new` may wait beside those that do. Claims of one machine share a place.
pub(super) fn has_room(waiting: &[Model], new: &Model) -> bool {
    let first_of_machine =
        |at: usize, claim: &Model| waiting.iter().position(|other| same_machine(other, claim)) == Some(at);
    let own = waiting.iter().filter(|claim| same_machine(claim, new)).count();
    let machines = waiting.iter().enumerate().filter(|(at, claim)| first_of_machine(*at, claim)).count();
    if own == 0 { machines < MACHINES } else { own < CLAIMS_OF_A_MACHINE }
}

/// Why a claim is not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecidable {
    /// It was rejected, or its machine is in.
    Decided,
    /// Its time was over.
    Expired,
}

/// The claim as it is decided at `now`; none when nothing is left to decide. An approval may be taken back
/// until the machine is in; a rejection stands.
pub(super) fn decide(claim: Model, decision: Decision, now: Timestamp) -> Result<Option<Model>, Undecidable> {
    let is_in = claim.activated_at.is_some();
    if claim.decision == decision || is_in && decision == Decision::Approved {
        return Ok(None);
    }
    if is_in || claim.decision == Decision::Rejected {
        return Err(Undecidable::Decided);
    }
    if claim.expires_at <= now {
        return Err(Undecidable::Expired);
    }
    Ok(Some(Model { decision, decided_at: Some(now), ..claim }))
}

#[cfg(test)]
mod tests {
    use licentia_types::activation_claims::ActivationClaimKind;
    use licentia_types::ids::{ActivationClaimId, LicenseId};
    use uuid::Uuid;

    use super::*;

    fn claim(fingerprint: &str) -> Model {
        Model {
            id: ActivationClaimId::new(Uuid::nil()),
            license_id: LicenseId::new(Uuid::nil()),
            kind: ActivationClaimKind::FirstActivation,
            decision: Decision::Pending,
            activation_id: None,
            fingerprint: fingerprint.parse().unwrap(),
            instance: None,
            hostname: None,
            ip: None,
            environment: None,
            product_version: None,
            user_ref: None,
            tenant_ref: None,
            request: Vec::new(),
            secret_digests: Vec::new(),
            requested_at: at(0),
            expires_at: at(0) + LIFE,
            decided_at: None,
            activated_at: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000 + seconds)
    }

    #[test]
    fn a_claim_ends_at_the_instant_of_its_deadline_unless_it_was_rejected() {
        let pending = claim("a");
        let approved = Model { decision: Decision::Approved, ..claim("a") };
        let rejected = Model { decision: Decision::Rejected, ..claim("a") };
        let activated = Model { activated_at: Some(at(1)), ..approved.clone() };
        for (claim, before, after) in [
            (pending, ActivationClaimStatus::Pending, ActivationClaimStatus::Expired),
            (approved, ActivationClaimStatus::Approved, ActivationClaimStatus::Expired),
            (rejected, ActivationClaimStatus::Rejected, ActivationClaimStatus::Rejected),
            (activated, ActivationClaimStatus::Activated, ActivationClaimStatus::Activated),
        ] {
            assert_eq!((status(&claim, at(899)), status(&claim, at(900))), (before, after));
        }
    }

    #[test]
    fn a_decision_stands_but_an_approval_may_be_taken_back_until_the_machine_is_in() {
        let pending = || claim("a");
        let approved = decide(pending(), Decision::Approved, at(899)).unwrap().unwrap();
        assert_eq!((approved.decision, approved.decided_at), (Decision::Approved, Some(at(899))));
        assert_eq!(decide(approved.clone(), Decision::Approved, at(5_000)), Ok(None));
        assert_eq!(decide(approved.clone(), Decision::Rejected, at(900)), Err(Undecidable::Expired));
        let rejected = decide(approved.clone(), Decision::Rejected, at(899)).unwrap().unwrap();
        assert_eq!((rejected.decision, rejected.decided_at), (Decision::Rejected, Some(at(899))));
        assert_eq!(decide(rejected, Decision::Approved, at(899)), Err(Undecidable::Decided));
        for before in [approved, pending()] {
            let is_in = Model { activated_at: Some(at(1)), ..before };
            assert_eq!(decide(is_in.clone(), Decision::Approved, at(2)), Ok(None));
            assert_eq!(decide(is_in, Decision::Rejected, at(2)), Err(Undecidable::Decided));
        }
        assert_eq!(decide(pending(), Decision::Approved, at(900)), Err(Undecidable::Expired));
        assert_eq!(decide(pending(), Decision::Rejected, at(900)), Err(Undecidable::Expired));
    }

    #[test]
    fn five_machines_wait_and_the_claims_of_one_share_its_place() {
        let mut waiting: Vec<Model> = ["a", "b", "c", "d"].map(claim).into();
        assert!(has_room(&waiting, &claim("a")) && has_room(&waiting, &claim("e")));
        waiting.extend(["a", "a"].map(claim));
        assert!(!has_room(&waiting, &claim("a")) && has_room(&waiting, &claim("b")));
        assert!(has_room(&waiting, &claim("e")));
        waiting.push(claim("e"));
        assert!(has_room(&waiting, &claim("e")) && !has_room(&waiting, &claim("f")));
        let replica = Model { instance: Some("2".parse().unwrap()), ..claim("e") };
        assert!(!has_room(&waiting, &replica));
    }
}
