//! Machines call: each keeps the nonce that it is given, and checks the token.

use std::rc::Rc;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::fleet::Fleet;
use crate::http::{Answer, Request};
use crate::load::Visitor;
use crate::names;

const PATH: &str = "/api/v1/license-keys/heartbeat";

/// Speaks for every so-manieth machine, in no order.
pub(super) struct Heartbeats {
    fleet: Rc<Fleet>,
    connection: u32,
    connections: u32,
    machine: u32,
}

#[derive(Deserialize)]
struct Beaten<'a> {
    status: &'a str,
    token: Option<&'a str>,
    nonce: &'a str,
}

impl Heartbeats {
    pub(super) fn of(fleet: Rc<Fleet>, connection: u32, connections: u32) -> Self {
        Self { fleet, connection, connections, machine: 0 }
    }
}

impl Visitor for Heartbeats {
    fn ask(&mut self, request: &mut Request) -> bool {
        self.machine = self.fleet.any(self.connection, self.connections);
        request.post(PATH, &body(&self.fleet, self.machine));
        true
    }

    fn check(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        keep(&self.fleet, self.machine, answer).map(drop)
    }
}

/// What this machine sends next.
pub(crate) fn body(fleet: &Fleet, machine: u32) -> String {
    format!(
        r#"{{"activationId":"{}","fingerprint":"{}","nonce":"{}","requestId":"{:032x}"}}"#,
        fleet.names().activation(machine),
        names::fingerprint(machine),
        fleet.nonce(machine),
        fastrand::u128(..)
    )
}

/// The token that a machine was given; its nonce is kept.
fn keep<'a>(fleet: &Fleet, machine: u32, answer: Answer<'a>) -> anyhow::Result<&'a str> {
    answer.expect(200)?;
    let beaten: Beaten<'_> = serde_json::from_slice(answer.body)?;
    fleet.keep(machine, beaten.nonce);
    ensure!(beaten.status == "active", "the machine is {}", beaten.status);
    let token = beaten.token.context("an active machine got no token")?;
    fleet.verify(token)?;
    Ok(token)
}

/// A fresh token of this machine.
pub(crate) async fn token(
    fleet: &Fleet,
    machine: u32,
    connection: &mut crate::http::Connection,
) -> anyhow::Result<String> {
    let mut request = Request::default();
    request.post(PATH, &body(fleet, machine));
    let answer = connection.exchange(request.bytes()).await?;
    Ok(keep(fleet, machine, answer)?.to_owned())
}
