//! Compares what clients were told with what is stored: every acknowledged write is there, every row has its request,
//! each machine's chain is one path, seats never pass the limit, what was asked for once has one effect, and the audit
//! log is whole.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use licentia_types::ids::{ActivationId, LicenseId};

use crate::history::{Ask, Entry, Said};
use crate::snapshot::{MachineRow, Note, Snapshot};

mod chains;
mod seats;
#[cfg(test)]
mod tests;

/// What must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Acknowledged, and not there.
    Lost,
    /// There without a request, or more than once.
    Doubled,
    /// Two ways lead on from one place of a chain.
    Forked,
    /// More machines held seats than the licence has.
    OverLimit,
    /// A client that may go on was sent away.
    LockedOut,
    /// The audit log is not what was written.
    Audit,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) fault: Fault,
    pub(crate) what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.fault, self.what)
    }
}

impl Finding {
    pub(crate) fn new(fault: Fault, what: impl Into<String>) -> Self {
        Self { fault, what: what.into() }
    }
}

/// Everything that is wrong.
pub(crate) fn check(history: &[Entry], stored: &Snapshot) -> Vec<Finding> {
    let index = Index::of(stored);
    let mut findings = Vec::new();
    for entry in history {
        findings.extend(acknowledged_is_there(entry, &index));
    }
    findings.extend(rows_have_requests(history, stored));
    findings.extend(notes_are_single(history, stored));
    findings.extend(chains::check(history, stored));
    findings.extend(seats::check(history, stored));
    findings.extend(stored.audit_findings.iter().map(|what| Finding::new(Fault::Audit, what.as_str())));
    findings
}

/// Rows by what they are found by.
struct Index<'a> {
    licenses: HashMap<LicenseId, bool>,
    machines: HashMap<ActivationId, &'a MachineRow>,
    audit: HashSet<&'a Note>,
}

impl<'a> Index<'a> {
    fn of(stored: &'a Snapshot) -> Self {
        Self {
            licenses: stored.licenses.iter().map(|row| (row.id, row.revoked)).collect(),
            machines: stored.machines.iter().map(|row| (row.id, row)).collect(),
            audit: stored.audit.iter().collect(),
        }
    }

    fn is_noted(&self, action: &str, subject: impl fmt::Display) -> bool {
        self.audit.contains(&(action.to_owned(), subject.to_string()))
    }
}

/// None when it is there, or nothing was acknowledged.
fn acknowledged_is_there(entry: &Entry, index: &Index<'_>) -> Option<Finding> {
    let is_there = match (&entry.ask, &entry.said) {
        (_, Said::Refused(what)) => {
            return Some(Finding::new(Fault::LockedOut, format!("{:?}: {what}", entry.ask)));
        }
        (Ask::Issue { .. }, Said::Issued { license, .. }) => {
            index.licenses.contains_key(license) && index.is_noted("license.issued", license)
        }
        (Ask::Activate { fingerprint, .. }, Said::Seated { activation, place }) => {
            let row = index.machines.get(activation);
            row.is_some_and(|row| row.fingerprint == *fingerprint && row.place >= *place)
                && index.is_noted("activation.created", activation)
        }
        (Ask::Beat { activation, .. }, Said::Rotated { place, .. }) => {
            index.machines.get(activation).is_some_and(|row| row.place >= *place)
        }
        (Ask::Deactivate { activation, .. }, Said::Deactivated) => {
            index.machines.get(activation).is_some_and(|row| row.deactivated)
                && index.is_noted("activation.deactivated", activation)
        }
        (Ask::Revoke { license, .. }, Said::Revoked) => {
            index.licenses.get(license) == Some(&true) && index.is_noted("license.revoked", license)
        }
        _ => true,
    };
    (!is_there).then(|| Finding::new(Fault::Lost, format!("{:?} was told {:?}", entry.ask, entry.said)))
}

/// Whatever is stored was asked for, and is there once.
fn rows_have_requests(history: &[Entry], stored: &Snapshot) -> Vec<Finding> {
    let asks = || history.iter().map(|entry| &entry.ask);
    let issued: HashSet<&str> = asks()
        .filter_map(|ask| if let Ask::Issue { once, .. } = ask { Some(once.as_str()) } else { None })
        .collect();
    let machines: HashSet<(LicenseId, &str)> = asks()
        .filter_map(|ask| match ask {
            Ask::Activate { license, fingerprint } => Some((*license, fingerprint.as_str())),
            _ => None,
        })
        .collect();
    let revoked: HashSet<LicenseId> = asks()
        .filter_map(|ask| if let Ask::Revoke { license, .. } = ask { Some(*license) } else { None })
        .collect();
    let deactivated: HashSet<ActivationId> = asks()
        .filter_map(|ask| if let Ask::Deactivate { activation, .. } = ask { Some(*activation) } else { None })
        .collect();

    let mut findings = Vec::new();
    let mut doubled = |what: String| findings.push(Finding::new(Fault::Doubled, what));
    let (mut notes, mut seen) = (HashSet::new(), HashSet::new());
    for row in &stored.licenses {
        if !issued.contains(row.note.as_str()) || !notes.insert(row.note.as_str()) {
            doubled(format!("licence {} of {}", row.id, row.note));
        }
        if row.revoked && !revoked.contains(&row.id) {
            doubled(format!("nobody revoked {}", row.id));
        }
    }
    for row in &stored.machines {
        let machine = (row.license, row.fingerprint.as_str());
        if !machines.contains(&machine) || !seen.insert(machine) {
            doubled(format!("machine {} of {machine:?}", row.id));
        }
        if row.deactivated && !deactivated.contains(&row.id) {
            doubled(format!("nobody deactivated {}", row.id));
        }
    }
    findings
}

/// What is done once is written down once: in the audit log, and for others.
fn notes_are_single(history: &[Entry], stored: &Snapshot) -> Vec<Finding> {
    const ONCE: [&str; 4] =
        ["license.issued", "license.revoked", "activation.created", "activation.deactivated"];
    // Without a history nothing is known of what was there before.
    let is_ours: BTreeSet<String> = subjects(history, stored);
    let mut counts: BTreeMap<(&str, &Note), u32> = BTreeMap::new();
    for (log, notes) in [("audit log", &stored.audit), ("events", &stored.events)] {
        for note in notes.iter().filter(|note| ONCE.contains(&note.0.as_str()) && is_ours.contains(&note.1)) {
            *counts.entry((log, note)).or_default() += 1;
        }
    }
    let doubled = counts.into_iter().filter(|(_, count)| *count > 1);
    doubled
        .map(|((log, note), count)| {
            Finding::new(Fault::Doubled, format!("{note:?} is {count} times in the {log}"))
        })
        .collect()
}

fn subjects(history: &[Entry], stored: &Snapshot) -> BTreeSet<String> {
    let told = history.iter().filter_map(|entry| match &entry.said {
        Said::Issued { license, .. } => Some(license.to_string()),
        Said::Seated { activation, .. } => Some(activation.to_string()),
        _ => None,
    });
    let rows = stored.licenses.iter().map(|row| row.id.to_string());
    let machines = stored.machines.iter().map(|row| row.id.to_string());
    told.chain(rows).chain(machines).collect()
}
