//! What the server costs: real HTTP against the release binary, beside the floors that no server can go under and
//! the usual stacks doing the same work, in one run.
//!
//! `run.rs` is the order of things; `load.rs` asks and measures; `scenarios.rs` says what is asked; `report.rs` makes
//! ratios and the table of it. See `bench/README.md`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is this program's answer")]

mod claims;
mod fleet;
mod floors;
mod host;
mod lanes;
mod load;
mod names;
mod options;
mod peers;
mod postgres;
mod progress;
mod report;
mod rows;
mod run;
mod running;
mod scenarios;
mod schedule;
mod seeding;
mod server;
mod signature;
mod stage;
mod startup;
mod stores;
mod syncs;

use std::process::ExitCode;

use clap::Parser as _;
use licentia_bench::{http, proc_files, process, statistics};
use tokio::signal::unix::{SignalKind, signal};

use crate::options::{Cli, Command, Options};

/// Ended by a signal, as shells count it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Some(Command::Floor(arguments)) => floors::serve(&arguments).map(|()| ExitCode::SUCCESS),
        None => measure(cli.options),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("bench: {error:#}");
        ExitCode::FAILURE
    })
}

/// One thread asks: the other processors are the server's.
fn measure(options: Options) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let plan = options.plan()?;
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            outcome = run::run(plan) => outcome,
            // What was started is dropped with the run, and ends there.
            _ = interrupt.recv() => Ok(INTERRUPTED.into()),
            _ = terminate.recv() => Ok(INTERRUPTED.into()),
        }
    })
}
