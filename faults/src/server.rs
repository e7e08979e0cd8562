//! A server of ours that is broken: where it runs, and how it is started again.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use licentia::application::open_for_command;
use licentia::config::Config;
use licentia_bench::process::{Process, free_address};
use licentia_domain::clock::SystemClock;
use licentia_domain::context::{Context, Outside};
use licentia_domain::randomness::SystemRandomness;

use crate::shim::Shim;

const READY: &str = "/health/ready";
/// How long a start may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);
/// Under which every database of a run is sealed.
const KEK: &str = "7d1f6a4c0b9e83520a1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172";

/// How a server is configured and started.
pub(crate) struct Server {
    folder: PathBuf,
    binary: PathBuf,
    settings: BTreeMap<String, String>,
    address: SocketAddr,
    shim: Option<Shim>,
    lives: Cell<u32>,
}

impl Server {
    /// On this database. `folder` is for its log.
    pub(crate) fn new(binary: &Path, folder: PathBuf, database: &str) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let address = free_address()?;
        let settings = [
            ("SERVER__BIND", address.to_string()),
            ("SERVER__PUBLIC_URL", "https://licenses.faults.example".to_owned()),
            ("DATABASE__URL", database.to_owned()),
            ("ENCRYPTION__KEY", KEK.to_owned()),
            ("LIMITS__ENABLED", "false".to_owned()),
            ("LOG__FILTER", "warn".to_owned()),
        ];
        let settings = settings.into_iter().map(|(key, value)| (format!("LICENTIA__{key}"), value)).collect();
        Ok(Self { folder, binary: binary.to_owned(), settings, address, shim: None, lives: Cell::new(0) })
    }

    /// With one more setting.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(format!("LICENTIA__{key}"), value.to_owned());
        self
    }

    /// What the operating system tells it is what `shim` says.
    pub(crate) fn under(self, shim: Shim) -> Self {
        Self { shim: Some(shim), ..self }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts it, and tells how long it took until it was ready.
    pub(crate) async fn start(&self) -> anyhow::Result<(Process, Duration)> {
        let mut process = self.spawn(&mut Command::new(&self.binary))?;
        let ready = process.until_ready(self.address, READY, PATIENCE).await.context("the server")?;
        Ok((process, ready))
    }

    /// The same under another program, whose arguments end with what it runs.
    pub(crate) async fn start_under(&self, command: &mut Command) -> anyhow::Result<Process> {
        let mut process = self.spawn(command.arg(&self.binary))?;
        process.until_ready(self.address, READY, PATIENCE).await.context("the server")?;
        Ok(process)
    }

    /// Starts it, ready or not.
    pub(crate) fn spawn(&self, command: &mut Command) -> anyhow::Result<Process> {
        self.lives.set(self.lives.get() + 1);
        let command = command.arg("serve").current_dir(&self.folder).envs(&self.settings);
        if let Some(shim) = &self.shim {
            command.envs(shim.variables());
        }
        Process::spawn(command, self.folder.join(format!("server-{}.log", self.lives.get())))
    }

    /// Runs a command of the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(&self.folder).envs(&self.settings);
        if let Some(shim) = &self.shim {
            command.envs(shim.variables());
        }
        let output = command.output()?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        anyhow::ensure!(output.status.success(), "licentia {arguments:?}: {said}");
        Ok(said)
    }

    /// What its operations work with, on connections of our own.
    pub(crate) async fn context(&self) -> anyhow::Result<Context> {
        let outside = Outside {
            clock: std::sync::Arc::new(SystemClock),
            randomness: std::sync::Arc::new(SystemRandomness::new()),
            multi_buffer: None,
        };
        Ok(Box::pin(open_for_command(&Config::load(None, self.settings.clone())?, outside)).await?)
    }
}
