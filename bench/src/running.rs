//! A server of ours that runs, and what its clients know of it.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::claims;
use crate::fleet::Fleet;
use crate::floors::Floor;
use crate::http::Connection;
use crate::load::{Duty, Target};
use crate::process::Process;
use crate::scenarios::{self, Document, Scenario, World};
use crate::server::Installation;
use crate::signature::Verifier;
use crate::stores::Backend;
use crate::syncs;

/// Machines whose tokens are validated.
const TOKENS: u32 = 200;

pub(crate) struct Running {
    pub(crate) backend: Backend,
    // Dropped before the database that it uses.
    process: Process,
    installation: Installation,
    pub(crate) world: World,
}

impl Running {
    pub(crate) async fn start(backend: Backend, installation: Installation) -> anyhow::Result<Self> {
        let (process, _) = installation.start().await?;
        let mut connection = Connection::open(installation.address()).await?;
        let jwks = connection.get(Document::Jwks.path().unwrap_or_default()).await?;
        let fleet = Rc::new(Fleet::of(Rc::clone(&installation.seeded), Verifier::of(&jwks)?));
        let mut tokens = Vec::new();
        for machine in 0..TOKENS {
            tokens.push(scenarios::token(&fleet, machine, &mut connection).await?);
        }
        let status_list = status_list(tokens.first().context("no token")?)?;
        let world = World { fleet, tokens: tokens.into(), status_list };
        Ok(Self { backend, process, installation, world })
    }

    pub(crate) const fn target(&self) -> Target<'_> {
        let postgres = self.installation.store.postgres();
        Target { address: self.installation.address(), process: &self.process, postgres }
    }

    /// The floors that sign such claims and serve such documents as this server does.
    pub(crate) async fn floor(&self, folder: &Path) -> anyhow::Result<Floor> {
        let mut connection = Connection::open(self.installation.address()).await?;
        let mut documents = Vec::new();
        for document in Document::ALL {
            documents.push((document, connection.get(self.world.path(document)).await?));
        }
        let claims: Value = claims::decode(self.world.tokens.first().context("no token")?)?;
        let body = scenarios::heartbeat_body(&self.world.fleet, 0);
        Floor::start(folder, (&claims, body), &documents).await
    }

    /// Starts it again under a program that counts syncs, lets machines call, and tells the syncs of a heartbeat.
    pub(crate) async fn count_syncs(self, measured: Duration, connections: u32) -> anyhow::Result<f64> {
        let Self { process, installation, world, .. } = self;
        process.stop().await?;
        let counts = installation.folder().join("syncs.txt");
        let process = installation.start_under(&mut syncs::counter(&counts)?).await?;
        let target = Target { address: installation.address(), process: &process, postgres: None };
        let visitors = Scenario::Heartbeat.visitors(&world, connections);
        let sample = target.load(visitors, Duty { warm_up: Duration::ZERO, measured }).await?;
        if let Some(error) = sample.first_error {
            bail!("{error}");
        }
        process.stop().await?;
        syncs::per_request(&counts, sample.answered)
    }
}

/// Path of the status list that a token names.
fn status_list(token: &str) -> anyhow::Result<String> {
    let claims: Value = claims::decode(token)?;
    let uri = claims.pointer("/status/status_list/uri").and_then(Value::as_str).context("no status list")?;
    Ok(url::Url::parse(uri)?.path().to_owned())
}
