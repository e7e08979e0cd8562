//! `licentia audit`: whether the audit log is whole, from the machine that holds the database.

use std::fmt::Write as _;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use licentia_domain::audit::{self, Progress};
use licentia_domain::context::Context;
use licentia_types::audit::{AuditFinding, AuditVerificationResponse};

use super::{CommandError, output, outside};
use crate::config::Config;
use crate::opening;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Check the audit log against its chain: exit code 0 when it is whole, 1 when not, and 2 when it
    /// could not be checked
    Verify(Verify),
    /// Print the newest signed checkpoint, to be kept elsewhere
    Checkpoint,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A checkpoint that was kept elsewhere, which the log must agree with; `-` reads it from the
    /// standard input
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

/// Runs one of the commands.
pub(super) async fn run(config: Config, command: Audit) -> Result<(), CommandError> {
    match command {
        Audit::Verify(options) => verify(&config, options).await.map_err(|error| match error {
            // Nobody shall take a log that could not be read for one that is damaged.
            not_whole @ CommandError::NotWhole(_) => not_whole,
            other => CommandError::NotChecked(Box::new(other)),
        }),
        Audit::Checkpoint => Box::pin(checkpoint(&config)).await,
    }
}

async fn open(config: &Config) -> Result<Context, CommandError> {
    Ok(opening::open_for_command(config, outside()).await?)
}

fn read(path: &Path) -> Result<String, CommandError> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(CommandError::failed("the checkpoint cannot be read"))
}

async fn verify(config: &Config, options: Verify) -> Result<(), CommandError> {
    let kept = options.checkpoint.as_deref().map(read).transpose()?;
    let ctx = open(config).await?;
    let shows = std::io::stderr().is_terminal();
    let progress = |Progress { done, of }| {
        if shows {
            // A terminal that is gone is no reason to stop.
            let _ = write!(std::io::stderr().lock(), "\r{done} of {of}");
        }
    };
    let checked = audit::verify(&ctx, kept.as_deref(), &progress).await;
    if shows {
        let _ = writeln!(std::io::stderr().lock());
    }
    let report = checked.map_err(CommandError::failed("the audit log cannot be read"))?;
    output::print(&text(&report))?;
    if report.whole { Ok(()) } else { Err(CommandError::NotWhole(report.found)) }
}

fn text(report: &AuditVerificationResponse) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let _ = writeln!(text, "{}", line(finding));
    }
    let AuditVerificationResponse { links, entries, waiting, .. } = report;
    let verdict = if report.whole { "The audit log is whole" } else { "The audit log is not whole" };
    let _ = writeln!(text, "{verdict}: {entries} entries, {links} links, {waiting} waiting.");
    text
}

/// `row_altered  position 7  aud_…  the entry is not what was sealed`
fn line(finding: &AuditFinding) -> String {
    let mut line = finding.kind.as_str().to_owned();
    if let Some(position) = finding.position {
        let _ = write!(line, "  position {position}");
    }
    if let Some(id) = finding.event_id {
        let _ = write!(line, "  {id}");
    }
    let _ = write!(line, "  {}", finding.detail);
    line
}

async fn checkpoint(config: &Config) -> Result<(), CommandError> {
    let newest = audit::checkpoint(&open(config).await?).await;
    let newest = newest.map_err(CommandError::failed("the audit log cannot be read"))?;
    output::print(&format!("{}\n", newest.ok_or(CommandError::NoCheckpoint)?))
}
