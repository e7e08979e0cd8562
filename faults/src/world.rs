//! What all clients of a run share: where the doors are, what may be issued, and the log of what they were told.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use licentia_bench::http::{Connection, Request};
use licentia_crypto::nonces::NonceKey;
use licentia_domain::actors::Caller;
use licentia_domain::api_keys::{self, CreateApiKey, Origin};
use licentia_types::permissions::Permission;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::history::{Ask, Entry, Said};
use crate::server::Server;

/// Shared by the clients of one run.
pub(crate) struct World {
    /// A header line that lets an admin in.
    pub(crate) authorization: String,
    pub(crate) nonces: NonceKey,
    product: String,
    tier: String,
    doors: RefCell<Vec<SocketAddr>>,
    next_door: Cell<usize>,
    clock: Cell<u64>,
    history: RefCell<Vec<Entry>>,
    answered: Cell<u64>,
    calm: Cell<bool>,
    tolerant: Cell<bool>,
    failures: Cell<u64>,
}

impl World {
    /// Makes an admin's key, and over HTTP a product and a tier. The server runs already.
    pub(crate) async fn make(server: &Server) -> anyhow::Result<Self> {
        let ctx = server.context().await?;
        let command = CreateApiKey {
            name: "Faults".parse()?,
            permissions: Permission::ALL.iter().copied().collect(),
            origin: Origin::Operator,
            expires_at: None,
            ip_ranges: std::collections::BTreeSet::new(),
            groups: None,
        };
        let (_, key) = Box::pin(api_keys::create(&ctx, &Caller::operator(), command)).await?;
        let nonces = ctx.secrets.nonces.clone();
        ctx.db.clone().close().await?;
        let authorization = format!("Authorization: Bearer {}\r\n", key.expose_secret());
        let mut connection = Connection::open(server.address()).await?;
        let product = json!({"slug": "faults", "name": "Faults"});
        let product = made(&mut connection, &authorization, "/api/v1/products", &product).await?;
        let tier = json!({"productId": product, "key": "all", "name": "All", "maxActivations": null});
        let tier = made(&mut connection, &authorization, "/api/v1/pricing-tiers", &tier).await?;
        Ok(Self {
            authorization,
            nonces,
            product,
            tier,
            doors: RefCell::new(vec![server.address()]),
            next_door: Cell::new(0),
            clock: Cell::new(0),
            history: RefCell::default(),
            answered: Cell::new(0),
            calm: Cell::new(false),
            tolerant: Cell::new(false),
            failures: Cell::new(0),
        })
    }

    /// The body of a request for a licence.
    pub(crate) fn issue(&self, once: &str, seats: u32) -> Value {
        json!({"productId": self.product, "tierId": self.tier, "maxActivations": seats, "notes": once})
    }

    /// By which clients come in, each time by the next one.
    pub(crate) fn open_doors(&self, doors: Vec<SocketAddr>) {
        *self.doors.borrow_mut() = doors;
    }

    pub(crate) fn door(&self) -> anyhow::Result<SocketAddr> {
        let doors = self.doors.borrow();
        self.next_door.set(self.next_door.get() + 1);
        let door = doors.get(self.next_door.get() % doors.len().max(1));
        door.copied().context("there is no door")
    }

    /// The next instant.
    pub(crate) fn tick(&self) -> u64 {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }

    pub(crate) fn log(&self, asked_at: u64, ask: &Ask, said: &Said) {
        let told_at = self.tick();
        if *said != Said::Nothing {
            self.answered.set(self.answered.get() + 1);
        }
        self.history.borrow_mut().push(Entry { asked_at, told_at, ask: ask.clone(), said: said.clone() });
    }

    /// How many requests had an outcome.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.get()
    }

    /// From now on nothing is broken any more.
    pub(crate) fn set_calm(&self, calm: bool) {
        self.calm.set(calm);
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.get()
    }

    /// Whether each request is to go to the next instance.
    pub(crate) fn has_several_doors(&self) -> bool {
        self.doors.borrow().len() > 1
    }

    /// The machine that the server runs on fails: it may say so, and is asked again.
    pub(crate) fn tolerate_failures(&self) {
        self.tolerant.set(true);
    }

    pub(crate) fn tolerates_failures(&self) -> bool {
        self.tolerant.get()
    }

    pub(crate) fn failed(&self) {
        self.failures.set(self.failures.get() + 1);
    }

    /// How often a server said that something of its own failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.get()
    }

    pub(crate) fn history(&self) -> Vec<Entry> {
        self.history.borrow().clone()
    }

    /// Writes the log down, for people.
    pub(crate) fn write_history(&self, file: &Path) -> anyhow::Result<()> {
        let lines: Vec<String> = self.history.borrow().iter().map(|entry| format!("{entry:?}")).collect();
        Ok(std::fs::write(file, lines.join("\n"))?)
    }
}

/// The id of what was made.
async fn made(
    connection: &mut Connection,
    authorization: &str,
    path: &str,
    body: &Value,
) -> anyhow::Result<String> {
    let mut request = Request::default();
    request.post_as("application/json", path, authorization, &body.to_string());
    let answer = connection.exchange(request.bytes()).await?;
    answer.expect(201).with_context(|| path.to_owned())?;
    let body: Value = serde_json::from_slice(answer.body)?;
    Ok(text(&body, "/id")?.to_owned())
}

/// A text in an answer.
pub(crate) fn text<'a>(body: &'a Value, pointer: &str) -> anyhow::Result<&'a str> {
    body.pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| format!("the answer has no {pointer}: {body}"))
}
