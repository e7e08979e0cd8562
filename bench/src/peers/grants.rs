//! An access token for a client's own credentials (RFC 6749 §4.4): what an identity provider signs most.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::http::{Answer, Connection, Request};
use crate::load::Visitor;
use crate::signature::Verifier;

/// How a token is asked for, as the peer itself says.
pub(super) struct Grants {
    how: How,
    /// Whole lines.
    headers: String,
    media_type: String,
    verifier: RefCell<Verifier>,
}

#[derive(Deserialize)]
struct How {
    path: String,
    method: String,
    headers: BTreeMap<String, String>,
    body: String,
}

#[derive(Deserialize)]
struct Granted<'a> {
    access_token: &'a str,
}

impl Grants {
    pub(super) async fn of(connection: &mut Connection) -> anyhow::Result<Self> {
        let mut how: How = serde_json::from_slice(&connection.get("/bench").await?).context("/bench")?;
        ensure!(how.method == "POST", "tokens are asked for with {}", how.method);
        let mut media_type = "application/x-www-form-urlencoded".to_owned();
        let mut headers = String::new();
        for (name, value) in std::mem::take(&mut how.headers) {
            if name.eq_ignore_ascii_case("content-type") {
                media_type = value;
            } else {
                let _ = write!(headers, "{name}: {value}\r\n");
            }
        }
        let verifier = RefCell::new(Verifier::of(&connection.get("/jwks").await?)?);
        Ok(Self { how, headers, media_type, verifier })
    }

    pub(super) fn visitor(self: &Rc<Self>) -> Box<dyn Visitor> {
        Box::new(Client(Rc::clone(self)))
    }
}

struct Client(Rc<Grants>);

impl Visitor for Client {
    fn ask(&mut self, request: &mut Request) -> bool {
        let Grants { how, headers, media_type, .. } = self.0.as_ref();
        request.post_as(media_type, &how.path, headers, &how.body);
        true
    }

    fn check(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        answer.expect(200)?;
        let granted: Granted<'_> = serde_json::from_slice(answer.body)?;
        self.0.verifier.borrow_mut().verify(granted.access_token)
    }
}
