//! Breaks running servers in every way that it knows, under load, and looks whether anything was lost, doubled or locked
//! out.
//!
//! `scenarios.rs` says what is done; `workload.rs` what the clients do meanwhile; `checker.rs` compares what they were told
//! with what is stored; `tally.rs` is the last line. See `docs/faults.md`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the last line is this program's answer")]

mod checker;
mod client;
mod history;
mod options;
mod postgres;
mod run;
mod scenarios;
mod server;
mod shim;
mod snapshot;
mod tally;
mod workload;
mod world;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use crate::options::Options;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("faults: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One thread asks: the other processors are the servers'.
fn run() -> anyhow::Result<ExitCode> {
    let plan = Options::parse().plan()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let tally = tokio::select! {
            tally = scenarios::run_all(&plan) => tally?,
            // What was started is dropped with the run, and ends there.
            _ = interrupt.recv() => anyhow::bail!("interrupted"),
            _ = terminate.recv() => anyhow::bail!("terminated"),
        };
        println!("{tally}");
        Ok(if tally.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }))
}
