//! A client that never gives up: it asks again until it is told, the same request, and writes down what it was told.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::bail;
use licentia_bench::http::{Connection, Request};
use serde_json::{Value, json};

use crate::history::{Ask, Said};
use crate::world::{World, text};

/// How long an answer may take before the client believes that it is lost.
const PATIENCE: Duration = Duration::from_secs(20);
/// Before it asks again.
const PAUSE: Duration = Duration::from_millis(10);
/// Machines come apart by so much.
const APART: Duration = Duration::from_millis(400);
/// How long a client goes on that is told nothing.
const ENDURANCE: Duration = Duration::from_mins(3);
/// A machine may come so often by its key alone; then somebody would have to let it in.
const MOST_LOST_ACTIVATIONS: u32 = 3;

pub(crate) struct Client {
    world: Rc<World>,
    connection: Option<Connection>,
    request: Request,
    /// The secret of the licence that it is at.
    key: String,
    /// Whether the last request may have arrived.
    sent: bool,
}

impl Client {
    pub(crate) fn new(world: &Rc<World>) -> Self {
        Self {
            world: Rc::clone(world),
            connection: None,
            request: Request::default(),
            key: String::new(),
            sent: false,
        }
    }

    /// One who has the key of a licence.
    pub(crate) fn with_key(world: &Rc<World>, key: String) -> Self {
        Self { key, ..Self::new(world) }
    }

    /// Asks until there is an outcome.
    pub(crate) async fn settle(&mut self, ask: Ask) -> anyhow::Result<Said> {
        let begun = Instant::now();
        let mut lost = 0;
        let is_activation = matches!(ask, Ask::Activate { .. });
        loop {
            if is_activation {
                self.wait_for_an_activation(lost).await;
            }
            let said = self.ask(&ask).await?;
            if said != Said::Nothing {
                return Ok(said);
            }
            lost += u32::from(self.sent);
            if begun.elapsed() > ENDURANCE {
                bail!("nobody answers to {ask:?}");
            }
            tokio::time::sleep(PAUSE * fastrand::u32(1..4)).await;
        }
    }

    /// While servers are killed, machines do not come all at once: one whose answers are lost too often would have to
    /// wait for somebody who lets it in.
    async fn wait_for_an_activation(&self, lost: u32) {
        if !self.world.is_calm() {
            tokio::time::sleep(APART.mul_f64(fastrand::f64())).await;
        }
        while lost >= MOST_LOST_ACTIVATIONS && !self.world.is_calm() {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Asks once.
    pub(crate) async fn ask(&mut self, ask: &Ask) -> anyhow::Result<Said> {
        self.write(ask);
        let asked_at = self.world.tick();
        let said = if let Ok(Ok((status, body))) = tokio::time::timeout(PATIENCE, self.exchange()).await {
            self.read(ask, status, &body)?
        } else {
            self.connection = None;
            Said::Nothing
        };
        self.world.log(asked_at, ask, &said);
        if let Said::Issued { key, .. } = &said {
            key.clone_into(&mut self.key);
        }
        Ok(said)
    }

    async fn exchange(&mut self) -> anyhow::Result<(u16, Value)> {
        self.sent = false;
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(self.world.door()?).await?),
        };
        self.sent = true;
        let answer = connection.exchange(self.request.bytes()).await?;
        let outcome = (answer.status, serde_json::from_slice(answer.body)?);
        if self.world.has_several_doors() {
            self.connection = None;
        }
        Ok(outcome)
    }

    fn write(&mut self, ask: &Ask) {
        let (path, once, body) = match ask {
            Ask::Issue { once, seats } => {
                ("/license-keys".to_owned(), Some(once), self.world.issue(once, *seats))
            }
            Ask::Activate { fingerprint, .. } => {
                let body = json!({"licenseKey": self.key, "fingerprint": fingerprint});
                ("/license-activations/activate".to_owned(), None, body)
            }
            Ask::Beat { activation, from, request } => {
                let nonce = self.world.nonces.mint(activation.uuid().as_bytes(), *from);
                let fingerprint = fingerprint_of(request);
                let body = json!({"activationId": activation, "fingerprint": fingerprint, "nonce": nonce, "requestId": request});
                ("/license-keys/heartbeat".to_owned(), None, body)
            }
            Ask::Deactivate { activation, once } => {
                (format!("/license-activations/{activation}/deactivate"), Some(once), json!({}))
            }
            Ask::Revoke { license, once } => {
                (format!("/license-keys/{license}/revoke"), Some(once), json!({"reason": "faults"}))
            }
        };
        let headers = once.map(|once| format!("{}Idempotency-Key: {once}\r\n", self.world.authorization));
        let path = format!("/api/v1{path}");
        self.request.post_as("application/json", &path, &headers.unwrap_or_default(), &body.to_string());
    }

    fn read(&self, ask: &Ask, status: u16, body: &Value) -> anyhow::Result<Said> {
        let code = body.get("code").and_then(Value::as_str).unwrap_or_default();
        let said = match (ask, status) {
            (_, 503) => Said::Nothing,
            (_, 500) if self.world.tolerates_failures() => {
                self.world.failed();
                Said::Nothing
            }
            (_, 409) if code == "REQUEST_IN_FLIGHT" => Said::Nothing,
            (Ask::Issue { .. }, 201) => Said::Issued {
                license: text(body, "/id")?.parse()?,
                key: text(body, "/licenseKey")?.to_owned(),
            },
            (Ask::Activate { .. }, 200 | 201) => {
                let activation: licentia_types::ids::ActivationId = text(body, "/activation/id")?.parse()?;
                let place = self.world.nonces.open(activation.uuid().as_bytes(), text(body, "/nonce")?)?;
                Said::Seated { activation, place }
            }
            (Ask::Activate { .. }, 409) if code == "SEAT_LIMIT_REACHED" => Said::Full,
            (Ask::Beat { activation, .. }, 200) => Said::Rotated {
                place: self.world.nonces.open(activation.uuid().as_bytes(), text(body, "/nonce")?)?,
                status: text(body, "/status")?.to_owned(),
            },
            (Ask::Deactivate { .. }, 200) => Said::Deactivated,
            (Ask::Revoke { .. }, 200) => Said::Revoked,
            _ => Said::Refused(format!("{status} {body}")),
        };
        Ok(said)
    }
}

/// Request ids begin with the fingerprint of whoever asks.
fn fingerprint_of(request: &str) -> &str {
    request.split_once('/').map_or(request, |(fingerprint, _)| fingerprint)
}
