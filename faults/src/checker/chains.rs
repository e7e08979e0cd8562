//! Each machine's chain of nonces is one path: no place is reached twice, and none but by a request.

use std::collections::{BTreeMap, BTreeSet};

use licentia_crypto::nonces::Nonce;
use licentia_types::ids::ActivationId;

use super::{Fault, Finding};
use crate::history::{Ask, Entry, Said};
use crate::snapshot::Snapshot;

/// What is known of one machine.
#[derive(Default)]
struct Chain<'a> {
    /// Which request led to which place: each to one, and no two to the same.
    led_to: BTreeMap<&'a str, Nonce>,
    reached_by: BTreeMap<Nonce, &'a str>,
    /// Requests that may have rotated the chain.
    asked: BTreeSet<&'a str>,
    highest: Option<Nonce>,
    findings: Vec<Finding>,
}

impl<'a> Chain<'a> {
    fn rotated(&mut self, machine: ActivationId, request: &'a str, from: Nonce, place: Nonce) {
        let next = Nonce { generation: from.generation + 1, ..from };
        if place != next {
            self.forked(format!("{machine}: {request} led from {from:?} to {place:?}"));
        }
        if self.led_to.insert(request, place).is_some_and(|before| before != place) {
            self.forked(format!("{machine}: {request} led to two places, one of them {place:?}"));
        }
        self.reach(machine, request, place);
    }

    fn reach(&mut self, machine: ActivationId, request: &'a str, place: Nonce) {
        if let Some(before) = self.reached_by.insert(place, request)
            && before != request
        {
            self.forked(format!("{machine}: {before} and {request} both led to {place:?}"));
        }
        self.highest = self.highest.max(Some(place));
    }

    fn forked(&mut self, what: String) {
        self.findings.push(Finding::new(Fault::Forked, what));
    }
}

pub(super) fn check(history: &[Entry], stored: &Snapshot) -> Vec<Finding> {
    let mut chains: BTreeMap<ActivationId, Chain<'_>> = BTreeMap::new();
    for entry in history {
        match (&entry.ask, &entry.said) {
            (Ask::Beat { activation, from, request }, said) => {
                let chain = chains.entry(*activation).or_default();
                chain.asked.insert(request);
                if let Said::Rotated { place, .. } = said {
                    chain.rotated(*activation, request, *from, *place);
                }
            }
            (Ask::Activate { fingerprint, .. }, Said::Seated { activation, place }) => {
                // Each activation is an epoch of its own.
                let chain = chains.entry(*activation).or_default();
                if chain.highest.is_some_and(|highest| highest.epoch >= place.epoch) {
                    chain.forked(format!("{activation} of {fingerprint} came back to {place:?}"));
                }
                chain.reach(*activation, "an activation", *place);
            }
            _ => {}
        }
    }
    let mut findings = Vec::new();
    for row in &stored.machines {
        let Some(chain) = chains.get(&row.id) else { continue };
        let Some(highest) = chain.highest else { continue };
        let led = row.place.generation.saturating_sub(highest.generation);
        let open = chain.asked.len() - chain.led_to.len();
        // An activation whose answer was lost begins an epoch that nobody was told of.
        if row.place.epoch == highest.epoch && led > u64::try_from(open).unwrap_or(u64::MAX) {
            findings.push(Finding::new(
                Fault::Doubled,
                format!(
                    "{} stands at {:?}, and was told {highest:?} with {open} requests open",
                    row.id, row.place
                ),
            ));
        }
    }
    findings.extend(chains.into_values().flat_map(|chain| chain.findings));
    findings
}
