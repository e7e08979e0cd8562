//! The usual stacks doing the same work, in `bench/peers/`: each installs what it needs once, and is loaded as
//! Licentia is.

use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use tempfile::TempDir;

use crate::host;
use crate::http::Connection;
use crate::load::{Duty, Target, Visitor};
use crate::process::{Process, free_address};

use grants::Grants;
use heartbeats::Heartbeats;

mod grants;
mod heartbeats;

/// An installation over the network, or a compilation, and the rows.
const PATIENCE: Duration = Duration::from_mins(4);
/// Until a compiler that works while the program runs has seen everything.
const WARMING: Duration = Duration::from_secs(2);
const WARMING_CONNECTIONS: u32 = 32;

/// Which peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerName {
    Express,
    Fastapi,
    /// The same, tuned.
    FastapiCore,
    OidcProvider,
}

impl PeerName {
    pub(crate) const ALL: [Self; 4] = [Self::Express, Self::Fastapi, Self::FastapiCore, Self::OidcProvider];

    /// As it is written in figures.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Express => "express",
            Self::Fastapi => "fastapi",
            Self::FastapiCore => "fastapi_core",
            Self::OidcProvider => "oidc_provider",
        }
    }

    /// Its folder under `bench/peers`.
    const fn folder(self) -> &'static str {
        match self {
            Self::Express => "express",
            Self::Fastapi => "fastapi",
            Self::FastapiCore => "fastapi-core",
            Self::OidcProvider => "oidc-provider",
        }
    }

    /// What it is asked for, as it is written in figures.
    pub(crate) const fn scenario(self) -> &'static str {
        match self {
            Self::Express | Self::Fastapi | Self::FastapiCore => "heartbeat",
            Self::OidcProvider => "token",
        }
    }
}

/// A peer that runs.
pub(crate) struct Peer {
    pub(crate) name: PeerName,
    process: Process,
    address: std::net::SocketAddr,
    asked: Asked,
    // Dropped last: the database is in it.
    _folder: TempDir,
}

/// What it is asked.
enum Asked {
    Heartbeats(Rc<Heartbeats>),
    Grants(Rc<Grants>),
}

impl Peer {
    /// Installs it where that was not done yet, starts it, and warms it up.
    pub(crate) async fn start(name: PeerName, machines: u32, folder: &Path) -> anyhow::Result<Self> {
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name.folder()).join("run");
        let home = host::target().join("bench").join("peers").join(name.folder());
        std::fs::create_dir_all(&home)?;
        let folder = TempDir::with_prefix_in(format!("{}-", name.folder()), folder)?;
        let address = free_address()?;
        let mut command = Command::new(run);
        command
            .env("PEER_HOME", &home)
            .env("PORT", address.port().to_string())
            .env("DATABASE", folder.path().join("peer.db"))
            .env("MACHINES", machines.to_string());
        let mut process = Process::spawn(&mut command, folder.path().join("peer.log"))?;
        process.until_ready(address, "/health", PATIENCE).await?;
        let mut connection = Connection::open(address).await?;
        let asked = match name {
            PeerName::Express | PeerName::Fastapi | PeerName::FastapiCore => {
                Asked::Heartbeats(Rc::new(Heartbeats::of(&mut connection, machines).await?))
            }
            PeerName::OidcProvider => Asked::Grants(Rc::new(Grants::of(&mut connection).await?)),
        };
        let peer = Self { name, process, address, asked, _folder: folder };
        peer.warm_up().await?;
        Ok(peer)
    }

    async fn warm_up(&self) -> anyhow::Result<()> {
        let duty = Duty { warm_up: Duration::ZERO, measured: WARMING };
        let sample = self.target().load(self.visitors(WARMING_CONNECTIONS), duty).await?;
        sample.first_error.map_or(Ok(()), |error| Err(anyhow::anyhow!(error)))
    }

    pub(crate) const fn target(&self) -> Target<'_> {
        Target { address: self.address, process: &self.process, postgres: None }
    }

    /// One for each connection.
    pub(crate) fn visitors(&self, connections: u32) -> Vec<Box<dyn Visitor>> {
        let visitor = |connection| match &self.asked {
            Asked::Heartbeats(heartbeats) => heartbeats.visitor(connection, connections),
            Asked::Grants(grants) => grants.visitor(),
        };
        (0..connections).map(visitor).collect()
    }
}
