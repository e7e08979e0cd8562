//! The same heartbeat as ours, as `bench/peers/README.md` defines it.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::Context as _;
use serde::Deserialize;

use crate::http::{Answer, Connection, Request};
use crate::load::Visitor;
use crate::signature::Verifier;

const MOST_MACHINES: u32 = 1_000;

/// Machines of a peer, with the nonces that they hold.
pub(super) struct Heartbeats {
    machines: RefCell<Vec<Machine>>,
    verifier: RefCell<Verifier>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Machine {
    activation_id: String,
    fingerprint: String,
    nonce: String,
}

#[derive(Deserialize)]
struct Beaten<'a> {
    token: &'a str,
    nonce: &'a str,
}

impl Heartbeats {
    pub(super) async fn of(connection: &mut Connection, machines: u32) -> anyhow::Result<Self> {
        let count = machines.min(MOST_MACHINES);
        let machines = connection.get(&format!("/machines?count={count}")).await?;
        let jwks = connection.get("/.well-known/jwks.json").await?;
        Ok(Self {
            machines: RefCell::new(serde_json::from_slice(&machines).context("/machines")?),
            verifier: RefCell::new(Verifier::of(&jwks)?),
        })
    }

    pub(super) fn visitor(self: &Rc<Self>, connection: u32, connections: u32) -> Box<dyn Visitor> {
        let steps = (usize::try_from(connection), usize::try_from(connections));
        let (first, step) = (steps.0.unwrap_or_default(), steps.1.unwrap_or(1));
        Box::new(Beats { all: Rc::clone(self), first, step, machine: first })
    }
}

/// Every so-manieth machine, in no order.
struct Beats {
    all: Rc<Heartbeats>,
    first: usize,
    step: usize,
    machine: usize,
}

impl Visitor for Beats {
    fn ask(&mut self, request: &mut Request) -> bool {
        let machines = self.all.machines.borrow();
        let own = machines.len().saturating_sub(self.first).div_ceil(self.step);
        if own == 0 {
            return false;
        }
        self.machine = self.first + fastrand::usize(..own) * self.step;
        let Some(Machine { activation_id, fingerprint, nonce }) = machines.get(self.machine) else {
            return false;
        };
        let body = format!(
            r#"{{"activationId":"{activation_id}","fingerprint":"{fingerprint}","nonce":"{nonce}","requestId":"{:032x}"}}"#,
            fastrand::u128(..)
        );
        request.post("/api/v1/license-keys/heartbeat", &body);
        true
    }

    fn check(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        answer.expect(200)?;
        let beaten: Beaten<'_> = serde_json::from_slice(answer.body)?;
        if let Some(machine) = self.all.machines.borrow_mut().get_mut(self.machine) {
            beaten.nonce.clone_into(&mut machine.nonce);
        }
        self.all.verifier.borrow_mut().verify(beaten.token)
    }
}
