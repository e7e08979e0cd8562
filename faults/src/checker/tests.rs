//! The checker itself: it finds nothing in a story that is true, and what was done to one that is not.

use licentia_crypto::nonces::Nonce;
use licentia_types::ids::{ActivationId, LicenseId};

use super::{Fault, check};
use crate::history::{Ask, Entry, Said};
use crate::snapshot::{LicenseRow, MachineRow, Snapshot};

/// A licence of one seat, a machine with two heartbeats that gave it back, and another one; at the end it is revoked.
fn story() -> (Vec<Entry>, Snapshot) {
    let license = LicenseId::new(id(1));
    let (first, second) = (ActivationId::new(id(2)), ActivationId::new(id(3)));
    let once = || "issue-1".to_owned();
    let activate = |fingerprint: &str| Ask::Activate { license, fingerprint: fingerprint.to_owned() };
    let beat = |generation, request: &str| {
        let ask = Ask::Beat { activation: first, from: place(generation), request: request.to_owned() };
        (ask, Said::Rotated { place: place(generation + 1), status: "active".to_owned() })
    };
    let told = [
        (Ask::Issue { once: once(), seats: 1 }, Said::Nothing),
        (Ask::Issue { once: once(), seats: 1 }, Said::Issued { license, key: String::new() }),
        (activate("a"), Said::Seated { activation: first, place: place(1) }),
        (activate("b"), Said::Full),
        beat(1, "r1"),
        (beat(2, "r2").0, Said::Nothing),
        beat(2, "r2"),
        (Ask::Deactivate { activation: first, once: "d".to_owned() }, Said::Deactivated),
        (activate("b"), Said::Seated { activation: second, place: place(1) }),
        (Ask::Revoke { license, once: "v".to_owned() }, Said::Revoked),
    ];
    let entries =
        (0..).zip(told).map(|(n, (ask, said))| Entry { asked_at: 2 * n, told_at: 2 * n + 1, ask, said });
    let row = |id, fingerprint: &str, generation, holds_seat| MachineRow {
        id,
        license,
        fingerprint: fingerprint.to_owned(),
        place: place(generation),
        holds_seat,
        deactivated: !holds_seat,
    };
    let notes = [
        ("license.issued", license.to_string()),
        ("activation.created", first.to_string()),
        ("activation.deactivated", first.to_string()),
        ("activation.created", second.to_string()),
        ("license.revoked", license.to_string()),
    ];
    let notes = notes.map(|(action, subject)| (action.to_owned(), subject));
    let stored = Snapshot {
        licenses: vec![LicenseRow {
            id: license,
            note: once(),
            seats: Some(1),
            seats_used: 1,
            revoked: true,
        }],
        machines: vec![row(first, "a", 3, false), row(second, "b", 1, true)],
        audit: notes.to_vec(),
        events: notes.to_vec(),
        audit_findings: Vec::new(),
    };
    (entries.collect(), stored)
}

fn id(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}

fn place(generation: u64) -> Nonce {
    Nonce { epoch: 7, generation }
}

/// What is found when the story was changed like this.
fn found(change: impl FnOnce(&mut Vec<Entry>, &mut Snapshot)) -> Vec<Fault> {
    let (mut history, mut stored) = story();
    change(&mut history, &mut stored);
    let mut faults: Vec<Fault> = check(&history, &stored).into_iter().map(|finding| finding.fault).collect();
    faults.sort_unstable();
    faults.dedup();
    faults
}

#[test]
fn a_true_story_has_no_findings() {
    let (history, stored) = story();
    let findings = check(&history, &stored);
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn a_dropped_row_is_lost() {
    assert!(found(|_, stored| drop(stored.machines.remove(1))).contains(&Fault::Lost));
    assert!(found(|_, stored| stored.licenses.clear()).contains(&Fault::Lost));
    assert_eq!(found(|_, stored| drop(stored.audit.remove(2))), [Fault::Lost]);
}

#[test]
fn a_change_that_was_taken_back_is_lost() {
    assert_eq!(found(|_, stored| stored.machines[0].place = place(2)), [Fault::Lost]);
    assert_eq!(found(|_, stored| stored.licenses[0].revoked = false), [Fault::Lost]);
}

#[test]
fn a_doubled_row_is_found() {
    let twice = |stored: &mut Snapshot| {
        let mut again = stored.machines[0].clone();
        again.id = ActivationId::new(id(9));
        stored.machines.push(again);
    };
    assert_eq!(found(|_, stored| twice(stored)), [Fault::Doubled]);
    let licence = |stored: &mut Snapshot| {
        let mut again = stored.licenses[0].clone();
        (again.id, again.seats_used, again.revoked) = (LicenseId::new(id(8)), 0, false);
        stored.licenses.push(again);
    };
    assert_eq!(found(|_, stored| licence(stored)), [Fault::Doubled]);
}

#[test]
fn an_effect_that_was_had_twice_is_found() {
    assert_eq!(found(|_, stored| stored.audit.push(stored.audit[4].clone())), [Fault::Doubled]);
    assert_eq!(found(|_, stored| stored.events.push(stored.events[0].clone())), [Fault::Doubled]);
    // A heartbeat that rotated twice.
    assert_eq!(found(|_, stored| stored.machines[0].place = place(4)), [Fault::Doubled]);
}

#[test]
fn a_row_that_nobody_asked_for_is_found() {
    let nobody = |history: &mut Vec<Entry>| history.retain(|entry| !matches!(entry.ask, Ask::Revoke { .. }));
    assert_eq!(found(|history, _| nobody(history)), [Fault::Doubled]);
}

#[test]
fn a_forked_chain_is_found() {
    // Another request was led on from the same place.
    let fork = |history: &mut Vec<Entry>| {
        let mut other = history[4].clone();
        let Ask::Beat { request, .. } = &mut other.ask else { panic!("a heartbeat") };
        "r9".clone_into(request);
        (other.asked_at, other.told_at) = (100, 101);
        history.push(other);
    };
    assert_eq!(found(|history, _| fork(history)), [Fault::Forked]);
    // The same request was told another place.
    let other_place = |history: &mut Vec<Entry>| {
        let mut other = history[6].clone();
        other.said = Said::Rotated { place: place(2), status: "active".to_owned() };
        (other.asked_at, other.told_at) = (100, 101);
        history.push(other);
    };
    assert_eq!(found(|history, _| other_place(history)), [Fault::Forked]);
}

#[test]
fn a_seat_too_many_is_found_at_any_instant() {
    // The second machine was let in before the first one had left.
    let early = |history: &mut Vec<Entry>| (history[8].asked_at, history[8].told_at) = (6, 6);
    assert_eq!(found(|history, _| early(history)), [Fault::OverLimit]);
    assert_eq!(found(|_, stored| stored.licenses[0].seats_used = 0), [Fault::OverLimit]);
}

#[test]
fn whoever_is_sent_away_is_locked_out() {
    let sent_away = |history: &mut Vec<Entry>| history[4].said = Said::Refused("409 NONCE_REUSED".to_owned());
    assert_eq!(found(|history, _| sent_away(history)), [Fault::LockedOut]);
}

#[test]
fn a_broken_audit_log_is_told() {
    let broken = |stored: &mut Snapshot| stored.audit_findings.push("row_altered".to_owned());
    assert_eq!(found(|_, stored| broken(stored)), [Fault::Audit]);
}
