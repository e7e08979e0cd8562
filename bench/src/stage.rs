//! One number of machines: the servers that run side by side, and what is asked of each.

use std::rc::Rc;

use anyhow::Context as _;
use serde_json::Value;

use crate::claims;
use crate::fleet::Fleet;
use crate::floors::Floor;
use crate::http::{Connection, Request};
use crate::load::Target;
use crate::process::Process;
use crate::rows::Key;
use crate::run::Bench;
use crate::scenarios::{self, Document, Scenario, World};
use crate::server::Installation;
use crate::signature::Verifier;
use crate::stores::Backend;

/// Machines whose tokens are validated.
const TOKENS: u32 = 200;

/// The servers of one number of machines.
pub(crate) struct Stage {
    machines: u32,
    servers: Vec<Running>,
    floor: Floor,
}

/// A server of ours that runs.
struct Running {
    backend: Backend,
    // Dropped before the database that it uses.
    process: Process,
    installation: Installation,
    world: World,
}

impl Stage {
    /// Seeds the databases, and starts the servers.
    pub(crate) async fn build(bench: &mut Bench, machines: u32) -> anyhow::Result<Self> {
        let mut servers = Vec::new();
        for backend in bench.plan.databases.clone() {
            let folder = bench.folder.path().join(format!("{}-{machines}", backend.name()));
            let paths = (folder, bench.plan.server.as_path());
            let installation = Installation::make(backend, machines, paths, bench.postgres.as_ref()).await?;
            servers.push(Running::start(backend, installation).await?);
        }
        let first = servers.first().context("no database is left to measure on")?;
        let floor = first.floor(bench).await?;
        Ok(Self { machines, servers, floor })
    }

    /// Every figure once.
    pub(crate) async fn measure(&self, bench: &mut Bench) -> anyhow::Result<()> {
        for connections in bench.plan.connections.clone() {
            self.measure_floor(bench, connections).await?;
            for server in &self.servers {
                for scenario in [Scenario::Heartbeat] {
                    server.measure(bench, self.machines, scenario, connections).await?;
                }
            }
        }
        Ok(())
    }

    async fn measure_floor(&self, bench: &mut Bench, connections: u32) -> anyhow::Result<()> {
        let target = Target { address: self.floor.address, process: &self.floor.process, postgres: None };
        let key = |scenario| Key { server: "floor", scenario, machines: None, connections };
        bench.measure(key("sign"), target, self.floor.signing(connections)?).await
    }
}

impl Running {
    async fn start(backend: Backend, installation: Installation) -> anyhow::Result<Self> {
        let (process, _) = installation.start().await?;
        let mut connection = Connection::open(installation.address()).await?;
        let jwks = get(&mut connection, Document::Jwks.path().unwrap_or_default()).await?;
        let fleet = Rc::new(Fleet::of(Rc::clone(&installation.seeded), Verifier::of(&jwks)?));
        let mut tokens = Vec::new();
        for machine in 0..TOKENS {
            tokens.push(scenarios::token(&fleet, machine, &mut connection).await?);
        }
        let status_list = status_list(tokens.first().context("no token")?)?;
        let world = World { fleet, tokens: tokens.into(), status_list };
        Ok(Self { backend, process, installation, world })
    }

    /// The floors that sign such claims and serve such documents as this server does.
    async fn floor(&self, bench: &Bench) -> anyhow::Result<Floor> {
        let mut connection = Connection::open(self.installation.address()).await?;
        let mut documents = Vec::new();
        for document in Document::ALL {
            documents.push((document, get(&mut connection, self.world.path(document)).await?));
        }
        let claims: Value = claims::decode(self.world.tokens.first().context("no token")?)?;
        let body = scenarios::heartbeat_body(&self.world.fleet, 0);
        Floor::start(&bench.folder.path().join("floor"), (&claims, body), &documents).await
    }

    async fn measure(
        &self,
        bench: &mut Bench,
        machines: u32,
        scenario: Scenario,
        connections: u32,
    ) -> anyhow::Result<()> {
        let key = Key {
            server: self.backend.name(),
            scenario: scenario.name(),
            machines: Some(machines),
            connections,
        };
        let postgres = self.installation.store.postgres();
        let target = Target { address: self.installation.address(), process: &self.process, postgres };
        bench.measure(key, target, scenario.visitors(&self.world, connections)).await
    }
}

async fn get(connection: &mut Connection, path: &str) -> anyhow::Result<Vec<u8>> {
    let mut request = Request::default();
    request.get(path, "");
    let answer = connection.exchange(request.bytes()).await?;
    answer.expect(200).with_context(|| path.to_owned())?;
    Ok(answer.body.to_owned())
}

/// Path of the status list that a token names.
fn status_list(token: &str) -> anyhow::Result<String> {
    let claims: Value = claims::decode(token)?;
    let uri = claims.pointer("/status/status_list/uri").and_then(Value::as_str).context("no status list")?;
    Ok(url::Url::parse(uri)?.path().to_owned())
}
