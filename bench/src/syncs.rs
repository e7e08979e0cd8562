//! How often the server makes a heartbeat on SQLite durable: counted by the kernel, in a run of its own under strace.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::statistics::number;

/// Counts syncs and nothing else, so that no other call is slower.
const ARGUMENTS: [&str; 5] = ["-f", "-c", "--seccomp-bpf", "-e", "trace=fsync,fdatasync"];

/// A program that counts the syncs of the one that it runs, and writes them to `file`.
pub(crate) fn counter(file: &Path) -> anyhow::Result<Command> {
    if Command::new("strace").arg("--version").output().is_err() {
        bail!("strace is not installed");
    }
    let mut command = Command::new("strace");
    command.args(ARGUMENTS).arg("-o").arg(file);
    Ok(command)
}

/// Syncs for a request.
pub(crate) fn per_request(file: &Path, requests: u64) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(file).context("strace wrote nothing")?;
    Ok(number(parse(&text)) / number(requests.max(1)))
}

/// Calls of both kinds, from the summary of `strace -c`.
fn parse(summary: &str) -> u64 {
    let calls = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let syncs = matches!(fields.last(), Some(&("fsync" | "fdatasync")));
        fields.get(3).filter(|_| syncs)?.parse::<u64>().ok()
    };
    summary.lines().filter_map(calls).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_read_with_and_without_errors() {
        let summary = "% time     seconds  usecs/call     calls    errors syscall\n\
            ------ ----------- ----------- --------- --------- ----------------\n \
            99.10    0.042000          21      2000           fdatasync\n  \
            0.90    0.000400          40        10         1 fsync\n\
            ------ ----------- ----------- --------- --------- ----------------\n\
            100.00    0.042400          21      2010         1 total\n";
        assert_eq!(parse(summary), 2010);
        assert_eq!(parse(""), 0);
    }
}
