//! The release server, on a database of its own that was seeded before.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use licentia::application::open_for_command;
use licentia::config::Config;
use licentia_domain::clock::{Clock, SystemClock};
use licentia_domain::context::Outside;
use licentia_domain::randomness::SystemRandomness;
use licentia_types::time::{Seconds, Timestamp};

use crate::postgres::PostgresServer;
use crate::process::{Process, free_address};
use crate::seeding::{self, Seeded};
use crate::stores::{Backend, Store};

const READY: &str = "/health/ready";
const PATIENCE: Duration = Duration::from_secs(30);

/// So old is what was seeded when the measuring begins: what has just changed is looked at more closely.
const AGE: Seconds = Seconds::constant(7_200);

/// The time at which everything was made.
struct Earlier;

impl Clock for Earlier {
    fn now(&self) -> Timestamp {
        SystemClock.now() - AGE
    }
}

/// A database that holds machines, and how the server is started on it.
pub(crate) struct Installation {
    /// Where the log is, and the SQLite file.
    folder: PathBuf,
    binary: PathBuf,
    pub(crate) store: Store,
    pub(crate) seeded: Rc<Seeded>,
    settings: BTreeMap<String, String>,
    address: SocketAddr,
    /// Bytes on the disk after the seeding.
    pub(crate) bytes: u64,
}

impl Installation {
    /// Makes the database, and seeds it.
    pub(crate) async fn make(
        (backend, machines): (Backend, u32),
        signing: Vec<(&'static str, String)>,
        (folder, binary): (PathBuf, &Path),
        postgres: Option<&PostgresServer>,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let store = Store::make(backend, &folder, postgres).await?;
        let address = free_address()?;
        let settings = settings(address, &store.url(), signing);
        let outside = Outside {
            clock: Arc::new(Earlier),
            randomness: Arc::new(SystemRandomness::new()),
            multi_buffer: None,
        };
        let ctx = open_for_command(&Config::load(None, settings.clone())?, outside).await?;
        let what = format!("seeding {}, {machines} machines", backend.name());
        let seeded = seeding::seed(&ctx, machines, &what).await.context("the database was not seeded")?;
        let seeded = Rc::new(seeded);
        ctx.db.clone().close().await?;
        let bytes = store.size().await?;
        Ok(Self { folder, binary: binary.to_owned(), store, seeded, settings, address, bytes })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn binary_bytes(&self) -> anyhow::Result<u64> {
        Ok(std::fs::metadata(&self.binary)?.len())
    }

    /// Where the server's own files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the server, and tells how long it took until it was ready.
    pub(crate) async fn start(&self) -> anyhow::Result<(Process, Duration)> {
        self.start_as(&mut Command::new(&self.binary)).await
    }

    /// The same under another program, whose arguments end with what it runs.
    pub(crate) async fn start_under(&self, command: &mut Command) -> anyhow::Result<Process> {
        Ok(self.start_as(command.arg(&self.binary)).await?.0)
    }

    async fn start_as(&self, command: &mut Command) -> anyhow::Result<(Process, Duration)> {
        let command = command.arg("serve").current_dir(&self.folder).envs(&self.settings);
        let mut process = Process::spawn(command, self.folder.join("server.log"))?;
        let ready = process.until_ready(self.address, READY, PATIENCE).await.context("the server")?;
        Ok((process, ready))
    }
}

/// The configuration: defaults, but for where it listens and that nobody is limited.
fn settings(address: SocketAddr, database: &str, signing: Vec<(&str, String)>) -> BTreeMap<String, String> {
    let kek = format!("{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..));
    let settings = [
        ("SERVER__BIND", address.to_string()),
        ("SERVER__PUBLIC_URL", "https://licenses.bench.example".to_owned()),
        ("DATABASE__URL", database.to_owned()),
        ("ENCRYPTION__KEY", kek),
        ("LIMITS__ENABLED", "false".to_owned()),
    ];
    settings.into_iter().chain(signing).map(|(key, value)| (format!("LICENTIA__{key}"), value)).collect()
}
