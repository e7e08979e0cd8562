//! A contact that is about to be recorded: what it changes of the machine, and what the audit log
//! learns of it.

use licentia_entity::{activation, license};
use licentia_types::activations::Liveness;
use licentia_types::heartbeats::HeartbeatRequest;
use licentia_types::time::Timestamp;
use serde_json::json;

use super::chain::Chain;
use super::store;
use super::worth::Worth;
use crate::activations::{self, Told, liveness_of, liveness_word};
use crate::actors::Caller;
use crate::audit;
use crate::context::Moment;
use crate::database::WriteTx;
use crate::events::Kind;
use crate::failure::Failure;
use crate::tiers::Times;

/// A contact that is about to be recorded.
#[derive(Debug)]
pub(super) struct Contact {
    pub(super) chain: Chain,
    /// The machine's liveness before it.
    pub(super) previous: Liveness,
    kind: ContactKind,
}

#[derive(Debug)]
enum ContactKind {
    Rotated { restored: bool },
    Repeated { suspicious: bool },
}

impl Contact {
    pub(super) fn rotated(machine: &activation::Model, times: Times, chain: Chain, restored: bool) -> Self {
        let previous = liveness_of(machine, machine.last_contact_at, chain.rotated_at, times);
        Self { chain, previous, kind: ContactKind::Rotated { restored } }
    }

    /// The answer is to be the same again, so the liveness is that of the first time.
    pub(super) fn repeated(
        machine: &activation::Model,
        times: Times,
        chain: Chain,
        suspicious: bool,
    ) -> Self {
        let previous = liveness_of(machine, machine.previous_contact_at, machine.rotated_at, times);
        Self { chain, previous, kind: ContactKind::Repeated { suspicious } }
    }

    pub(super) fn write_to(
        &self,
        machine: &mut activation::Model,
        caller: &Caller,
        request: &HeartbeatRequest,
        now: Timestamp,
    ) -> Result<(), Failure> {
        self.chain.write_to(machine)?;
        if matches!(self.kind, ContactKind::Rotated { .. }) {
            machine.previous_contact_at = machine.last_contact_at;
        }
        machine.last_contact_at = now;
        machine.ip = caller.ip.map(|ip| ip.to_string());
        machine.product_version = request.product_version.clone().or_else(|| machine.product_version.take());
        Ok(())
    }

    /// Whether it is the first of its kind, and no answer that is given again.
    pub(super) const fn rotates(&self) -> bool {
        matches!(self.kind, ContactKind::Rotated { .. })
    }

    /// Whether a late machine is well again: only with a token.
    pub(super) fn recovers(&self, worth: &Worth) -> bool {
        self.previous != Liveness::Active && worth.window().is_some()
    }

    /// Whether anything is to be written down beside the contact itself.
    pub(super) fn is_remarkable(&self, worth: &Worth) -> bool {
        match self.kind {
            ContactKind::Rotated { restored } => restored || self.recovers(worth),
            ContactKind::Repeated { suspicious } => suspicious,
        }
    }

    /// Heartbeats are written into the audit log only when something changed.
    pub(super) fn events(&self, machine: &activation::Model, worth: &Worth) -> Vec<audit::Event> {
        let event =
            |action, detail| audit::Event::new(action, &machine.id, detail).of_license(machine.license_id);
        let mut events = Vec::new();
        if let ContactKind::Rotated { restored } = self.kind {
            if restored {
                let detail = json!({"epoch": self.chain.epoch, "generation": self.chain.generation});
                events.push(event("activation.chain_restored", detail));
            }
            if self.recovers(worth) {
                let detail = json!({"previousStatus": liveness_word(self.previous)});
                events.push(event("activation.recovered", detail));
            }
        }
        events
    }

    /// Why two machines may share this installation, if this contact says so.
    pub(super) fn suspicion(&self) -> Option<serde_json::Value> {
        match self.kind {
            ContactKind::Repeated { suspicious: true } => {
                Some(json!({"lateRetries": self.chain.late_retries}))
            }
            ContactKind::Repeated { suspicious: false } | ContactKind::Rotated { .. } => None,
        }
    }
}

/// Writes a suspected copy down, once an hour; tells whether it did.
pub(super) async fn suspect(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    machine: &activation::Model,
    license: &license::Model,
    detail: serde_json::Value,
) -> Result<bool, Failure> {
    if !store::suspect(tx, machine.id, moment.now).await? {
        return Ok(false);
    }
    let told = Told { kind: Kind::CloneSuspected, machine: machine.id, license, detail };
    activations::tell(tx, moment, caller, told).await?;
    Ok(true)
}
