//! New machines take the free seats of licences.

use std::rc::Rc;

use serde::Deserialize;

use crate::fleet::Fleet;
use crate::http::{Answer, Request};
use crate::load::Visitor;

pub(super) struct Activations {
    fleet: Rc<Fleet>,
}

#[derive(Deserialize)]
struct Activated<'a> {
    token: &'a str,
}

impl Activations {
    pub(super) fn of(fleet: Rc<Fleet>) -> Self {
        Self { fleet }
    }
}

impl Visitor for Activations {
    fn ask(&mut self, request: &mut Request) -> bool {
        let Some((fingerprint, key)) = self.fleet.newcomer() else {
            return false;
        };
        let body = format!(
            r#"{{"licenseKey":"{key}","fingerprint":"{fingerprint}","hostname":"workstation","environment":"production","productVersion":"4.12.0"}}"#
        );
        request.post("/api/v1/license-activations/activate", &body);
        true
    }

    fn check(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        answer.expect(201)?;
        let activated: Activated<'_> = serde_json::from_slice(answer.body)?;
        self.fleet.verify(activated.token)
    }
}
