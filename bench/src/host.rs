//! The machine that measures.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use licentia_domain::clock::{Clock as _, SystemClock};
use serde::Serialize;

use crate::statistics::{median, micros};

const SYNCS: usize = 60;

/// What figures depend on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Host {
    /// RFC 3339.
    pub(crate) measured_at: String,
    /// Of the repository; absent outside of one.
    pub(crate) revision: Option<String>,
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    /// Processes that wanted a processor in the minute before.
    pub(crate) load_before: f64,
    /// How long one durable write of 4 KiB takes.
    pub(crate) sync_ms: f64,
    pub(crate) postgres: Option<String>,
}

impl Host {
    /// `folder` is where the databases will be.
    pub(crate) fn look(folder: &Path, postgres: Option<&str>) -> anyhow::Result<Self> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
        let kibibytes: u64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
        let load = read("/proc/loadavg");
        Ok(Self {
            measured_at: SystemClock.now().to_string(),
            revision: revision(),
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            processors: std::thread::available_parallelism()?.get(),
            memory_mib: kibibytes / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default(),
            sync_ms: sync_ms(folder)?,
            postgres: postgres.map(str::to_owned),
        })
    }
}

/// Where cargo puts what it makes.
pub(crate) fn target() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(own, PathBuf::from)
}

/// The value of a line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

fn revision() -> Option<String> {
    let mut command = Command::new("git");
    command.args(["describe", "--always", "--dirty"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// The median of some writes to the end of a file.
fn sync_ms(folder: &Path) -> anyhow::Result<f64> {
    let path = folder.join("syncs");
    let mut file = File::create(&path)?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        took.push(micros(begun.elapsed()) / 1e3);
    }
    fs::remove_file(path)?;
    Ok(median(took).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_name() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC\nMemTotal:       24 kB\n";
        assert_eq!(field(text, "model name").as_deref(), Some("AMD EPYC"));
        assert_eq!(field(text, "MemTotal").as_deref(), Some("24 kB"));
        assert_eq!(field(text, "model"), None);
    }
}
