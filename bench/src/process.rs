//! Servers that are measured: each is a process group of its own, and ends with its [`Process`].

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::http::Connection;
use crate::proc_files::{self, CpuTimes};

/// How long a server may take to end after SIGTERM.
const ENDING: Duration = Duration::from_secs(10);
/// Where servers listen.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
const TRIES: u32 = 1_000;
/// Lines of a log that tell why a server is not there.
const LAST_LINES: usize = 15;

/// A running server. It and all that it started are killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; what it prints goes to `log`.
    ///
    /// # Errors
    /// When it cannot be started, or its log not be written.
    pub fn spawn(command: &mut Command, log: PathBuf) -> anyhow::Result<Self> {
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let program = command.get_program().display().to_string();
        let child = command.spawn().with_context(|| format!("cannot start {program}"))?;
        Ok(Self { child, log })
    }

    /// Its id, and that of its group.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Processor time of the whole group.
    ///
    /// # Errors
    /// When this machine has no `/proc`.
    pub fn cpu(&self) -> anyhow::Result<CpuTimes> {
        CpuTimes::read(|_, stat| stat.group == self.id())
    }

    /// Resident memory of the whole group, in bytes.
    ///
    /// # Errors
    /// When this machine has no `/proc`.
    pub fn resident(&self) -> anyhow::Result<u64> {
        Ok(self.cpu()?.pids().map(proc_files::resident).sum())
    }

    /// Waits until `GET path` is answered with 200, and tells how long that took.
    ///
    /// # Errors
    /// When it ends before, or `patience` does.
    pub async fn until_ready(
        &mut self,
        address: SocketAddr,
        path: &str,
        patience: Duration,
    ) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        loop {
            if is_ready(address, path).await {
                return Ok(begun.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("ended before it was ready ({status}):\n{}", last_lines(&self.log));
            }
            if begun.elapsed() > patience {
                bail!("was not ready after {} s:\n{}", patience.as_secs(), last_lines(&self.log));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Asks it to end, and waits for that.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM);
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > ENDING {
                bail!("did not end within {} s of SIGTERM", ENDING.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            // Nobody is left to be told, if it fails.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

async fn is_ready(address: SocketAddr, path: &str) -> bool {
    let answer = async { Connection::open(address).await?.get(path).await };
    matches!(tokio::time::timeout(Duration::from_secs(1), answer).await, Ok(Ok(_)))
}

fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default().join("\n")
}

/// An address on which nobody listens at this instant, below the ports that connections take by themselves: whoever
/// asks again and again while nobody listens would else meet himself.
///
/// # Errors
/// When there is none.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    let mut tried = (0..TRIES).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, fastrand::u16(PORTS))));
    let listener = tried.find_map(Result::ok).context("no port is free")?;
    Ok(listener.local_addr()?)
}
