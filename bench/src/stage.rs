//! One number of machines: the servers that run side by side.

use anyhow::Context as _;

use crate::floors::Floor;
use crate::lanes::{LaneBits, Signing};
use crate::peers::{Peer, PeerName};
use crate::rows::Key;
use crate::run::Bench;
use crate::running::Running;
use crate::scenarios::Scenario;
use crate::schedule::{Ask, Item, schedule};
use crate::server::Installation;
use crate::startup::Startup;
use crate::stores::Backend;

/// The servers of one number of machines.
pub(crate) struct Stage {
    machines: u32,
    servers: Vec<Running>,
    lanes: Vec<(LaneBits, Running)>,
    floor: Floor,
    peers: Vec<Peer>,
}

impl Stage {
    /// Seeds the databases, and starts the servers.
    pub(crate) async fn build(bench: &mut Bench, machines: u32) -> anyhow::Result<Self> {
        let mut servers = Vec::new();
        for backend in bench.plan.databases.clone() {
            let folder = bench.folder.path().join(format!("{}-{machines}", backend.name()));
            let paths = (folder, bench.plan.server.as_path());
            let signing = Signing::OneByOne.settings(None);
            let made = Installation::make((backend, machines), signing, paths, bench.postgres.as_ref());
            let installation = Box::pin(made).await?;
            bench.findings.sizes.push((backend, machines, installation.bytes));
            if bench.findings.startup.is_none() {
                bench.findings.startup = Some(Startup::measure(&installation).await?);
            }
            servers.push(Running::start(backend, installation).await?);
        }
        let lanes = Box::pin(lanes(bench, machines)).await?;
        let first = servers.first().context("no database is left to measure on")?;
        let floor = first.floor(&bench.folder.path().join(format!("floor-{machines}"))).await?;
        let peers = peers(bench, machines).await;
        Ok(Self { machines, servers, lanes, floor, peers })
    }

    /// One figure once. What could not be started is left out.
    pub(crate) async fn measure(&self, bench: &mut Bench, item: Item) -> anyhow::Result<()> {
        let Item { ask, connections } = item;
        let key = |server, scenario| Key { server, scenario, machines: self.machines, connections };
        match ask {
            Ask::Sign => {
                let visitors = self.floor.signing(connections)?;
                bench.measure(key("floor", "sign"), self.floor.target(), visitors).await
            }
            Ask::Static(document) => {
                let visitors = Floor::reading(document, connections);
                let key = key("floor", document.static_name());
                bench.measure(key, self.floor.target(), visitors).await
            }
            Ask::Licentia(backend, scenario) => {
                let Some(server) = self.servers.iter().find(|server| server.backend == backend) else {
                    return Ok(());
                };
                let visitors = scenario.visitors(&server.world, connections);
                let key = key(backend.name(), scenario.name());
                bench.measure(key, server.target(), visitors).await
            }
            Ask::Lanes(bits) => {
                let Some((_, server)) = self.lanes.iter().find(|(of, _)| *of == bits) else {
                    return Ok(());
                };
                let visitors = Scenario::Heartbeat.visitors(&server.world, connections);
                let key = key(bits.server(), Scenario::Heartbeat.name());
                bench.measure(key, server.target(), visitors).await
            }
            Ask::Peer(name) => {
                let Some(peer) = self.peers.iter().find(|peer| peer.name == name) else {
                    return Ok(());
                };
                let key = key(name.name(), name.scenario());
                bench.measure(key, peer.target(), peer.visitors(connections)).await
            }
        }
    }

    /// What is measured on servers of its own, and the end of these.
    pub(crate) async fn end(mut self, bench: &mut Bench) -> anyhow::Result<()> {
        let smallest = bench.plan.machines.first() == Some(&self.machines);
        let sqlite = self.servers.iter().position(|server| server.backend == Backend::Sqlite);
        let Some(sqlite) = sqlite.filter(|_| smallest) else {
            return Ok(());
        };
        let connections = bench.plan.middle();
        match self.servers.swap_remove(sqlite).count_syncs(bench.plan.measured, connections).await {
            Ok(syncs) => bench.findings.sqlite_syncs = Some(syncs),
            Err(error) => bench.findings.note(format!("syncs on SQLite were not counted: {error:#}")),
        }
        Ok(())
    }
}

/// Servers on SQLite that sign in lanes, where they are asked.
async fn lanes(bench: &Bench, machines: u32) -> anyhow::Result<Vec<(LaneBits, Running)>> {
    let asked = schedule(&bench.plan, machines);
    let mut servers = Vec::new();
    for bits in LaneBits::ALL {
        if !asked.iter().any(|item| item.ask == Ask::Lanes(bits)) {
            continue;
        }
        let folder = bench.folder.path().join(format!("{}-{machines}", bits.server()));
        let signing = Signing::Lanes(bits).settings(bench.plan.multi_buffer.as_deref());
        let paths = (folder, bench.plan.server.as_path());
        let made = Installation::make((Backend::Sqlite, machines), signing, paths, None);
        servers.push((bits, Running::start(Backend::Sqlite, Box::pin(made).await?).await?));
    }
    Ok(servers)
}

/// Those that are asked here and can be had.
async fn peers(bench: &mut Bench, machines: u32) -> Vec<Peer> {
    let asked = schedule(&bench.plan, machines);
    let asked =
        PeerName::ALL.into_iter().filter(|name| asked.iter().any(|item| item.ask == Ask::Peer(*name)));
    let mut peers = Vec::new();
    for name in asked {
        eprintln!("starting {}, and installing it where that was not done yet", name.name());
        match Peer::start(name, machines, bench.folder.path()).await {
            Ok(peer) => peers.push(peer),
            Err(error) => bench.findings.note(format!("{} was left out: {error:#}", name.name())),
        }
    }
    peers
}
