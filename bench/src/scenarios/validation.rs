//! May this licence, on this machine, do this now? By a token, or by key and fingerprint.

use std::rc::Rc;

use anyhow::ensure;
use serde::Deserialize;

use crate::fleet::Fleet;
use crate::http::{Answer, Request};
use crate::load::Visitor;
use crate::names;

const PATH: &str = "/api/v1/license-keys/validate";

#[derive(Deserialize)]
struct Verdict<'a> {
    valid: bool,
    code: &'a str,
}

pub(super) struct ByToken {
    tokens: Rc<[String]>,
}

impl ByToken {
    pub(super) fn of(tokens: Rc<[String]>) -> Self {
        Self { tokens }
    }
}

impl Visitor for ByToken {
    fn ask(&mut self, request: &mut Request) -> bool {
        let Some(token) = fastrand::choice(self.tokens.iter()) else {
            return false;
        };
        request.post(PATH, &format!(r#"{{"token":"{token}"}}"#));
        true
    }

    fn check(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        expect_valid(answer)
    }
}

pub(super) struct ByKey {
    fleet: Rc<Fleet>,
    connection: u32,
    connections: u32,
}

impl ByKey {
    pub(super) fn of(fleet: Rc<Fleet>, connection: u32, connections: u32) -> Self {
        Self { fleet, connection, connections }
    }
}

impl Visitor for ByKey {
    fn ask(&mut self, request: &mut Request) -> bool {
        let machine = self.fleet.any(self.connection, self.connections);
        let (key, fingerprint) = (self.fleet.key_of(machine), names::fingerprint(machine));
        request.post(PATH, &format!(r#"{{"licenseKey":"{key}","fingerprint":"{fingerprint}"}}"#));
        true
    }

    fn check(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        expect_valid(answer)
    }
}

fn expect_valid(answer: Answer<'_>) -> anyhow::Result<()> {
    answer.expect(200)?;
    let verdict: Verdict<'_> = serde_json::from_slice(answer.body)?;
    ensure!(verdict.valid, "the verdict is {}", verdict.code);
    Ok(())
}
