//! Seats: at no instant of the log more machines hold one than the licence has, and its counter counts them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use licentia_types::ids::{ActivationId, LicenseId};

use super::{Fault, Finding};
use crate::history::{Ask, Entry, Said};
use crate::snapshot::Snapshot;

/// What happens to a seat at an instant, as far as it is certain: it is held from the answer on, and until somebody asks
/// to give it back.
enum Step {
    Taken(LicenseId, ActivationId),
    GivenBack(ActivationId),
}

pub(super) fn check(history: &[Entry], stored: &Snapshot) -> Vec<Finding> {
    let limits = limits(history);
    let mut held: HashMap<LicenseId, BTreeSet<ActivationId>> = HashMap::new();
    let mut findings = Vec::new();
    for step in steps(history).into_values() {
        match step {
            Step::Taken(license, machine) => {
                let machines = held.entry(license).or_default();
                machines.insert(machine);
                if limits.get(&license).is_some_and(|limit| machines.len() > *limit) {
                    let what = format!("{license} has {} machines at once: {machines:?}", machines.len());
                    findings.push(Finding::new(Fault::OverLimit, what));
                }
            }
            Step::GivenBack(machine) => {
                for machines in held.values_mut() {
                    machines.remove(&machine);
                }
            }
        }
    }
    findings.extend(counters(stored));
    findings
}

fn limits(history: &[Entry]) -> HashMap<LicenseId, usize> {
    let issued = history.iter().filter_map(|entry| match (&entry.ask, &entry.said) {
        (Ask::Issue { seats, .. }, Said::Issued { license, .. }) => {
            Some((*license, usize::try_from(*seats).ok()?))
        }
        _ => None,
    });
    issued.collect()
}

/// In the order of their instants, none of which is that of another.
fn steps(history: &[Entry]) -> BTreeMap<u64, Step> {
    let mut steps = BTreeMap::new();
    for entry in history {
        match (&entry.ask, &entry.said) {
            (Ask::Activate { license, .. }, Said::Seated { activation, .. }) => {
                steps.insert(entry.told_at, Step::Taken(*license, *activation));
            }
            (Ask::Deactivate { activation, .. }, _) => {
                steps.insert(entry.asked_at, Step::GivenBack(*activation));
            }
            _ => {}
        }
    }
    steps
}

fn counters(stored: &Snapshot) -> Vec<Finding> {
    let mut holding: HashMap<LicenseId, u32> = HashMap::new();
    for row in stored.machines.iter().filter(|row| row.holds_seat) {
        *holding.entry(row.license).or_default() += 1;
    }
    let mut findings = Vec::new();
    for row in &stored.licenses {
        let held = holding.get(&row.id).copied().unwrap_or_default();
        if row.seats_used != held || row.seats.is_some_and(|seats| held > seats) {
            let what = format!("{}: {} of {:?} counted, {held} held", row.id, row.seats_used, row.seats);
            findings.push(Finding::new(Fault::OverLimit, what));
        }
    }
    findings
}
