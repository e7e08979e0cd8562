//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::floors::FloorArgs;
use crate::scenarios::Scenario;
use crate::stores::Backend;

const POSTGRES: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// Loads the release server over HTTP, and prints what each request costs beside a bare signature.
///
/// Everything that it starts ends with it: servers, folders, databases. The figures are also written to
/// target/bench/latest.json.
#[derive(Debug, Parser)]
#[command(name = "make bench BENCH_ARGS=…", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The servers that everything is compared with
    #[command(hide = true)]
    Floor(FloorArgs),
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Options {
    /// Done in five minutes: 1,000 and 100,000 machines, most figures at 32 connections only
    #[arg(long)]
    quick: bool,
    /// How many machines the database holds, each in turn [default: 1000,100000,1000000; quick: 1000,100000]
    #[arg(long, value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u32).range(1000..=20_000_000))]
    machines: Vec<u32>,
    /// How many connections ask at once, each in turn
    #[arg(long, value_delimiter = ',', value_name = "N", default_value = "1,32,128", value_parser = clap::value_parser!(u32).range(1..=512))]
    connections: Vec<u32>,
    /// On which databases
    #[arg(long, value_delimiter = ',', value_name = "NAME", default_value = "sqlite,postgres")]
    databases: Vec<Backend>,
    /// What is asked [default: everything]
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = scenarios())]
    requests: Vec<Scenario>,
    /// How long each figure is measured in each round [default: 4; quick: 1.5]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Rounds, of which the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    #[arg(long, help = "Leave out the peers: Express, FastAPI (twice), oidc-provider")]
    without_peers: bool,
    /// The server's binary [default: licentia beside this one]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// A PostgreSQL server whose role may create databases
    #[arg(long, value_name = "URL", env = "LICENTIA_TEST_POSTGRES", default_value = POSTGRES, hide_env_values = true)]
    postgres: String,
    /// Fail where there is no PostgreSQL server, instead of leaving it out
    #[arg(long)]
    require_postgres: bool,
    #[arg(long, value_name = "PATH", env = "LICENTIA_TEST_MULTI_BUFFER")]
    #[arg(help = "The file of libcrypto_mb, to sign in lanes [default: the system's own]")]
    multi_buffer: Option<PathBuf>,
    /// Fail where nothing can be signed in lanes, instead of leaving it out
    #[arg(long)]
    require_multi_buffer: bool,
}

/// What is to be measured.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the switches of the command line")]
pub(crate) struct Plan {
    pub(crate) quick: bool,
    /// Ascending.
    pub(crate) machines: Vec<u32>,
    /// Ascending.
    pub(crate) connections: Vec<u32>,
    pub(crate) databases: Vec<Backend>,
    /// Shown by their names, in the figures.
    #[serde(skip)]
    pub(crate) requests: Vec<Scenario>,
    /// How long each figure is measured in each round.
    pub(crate) measured: Duration,
    pub(crate) rounds: u32,
    pub(crate) peers: bool,
    #[serde(skip)]
    pub(crate) server: PathBuf,
    /// May carry a password.
    #[serde(skip)]
    pub(crate) postgres: String,
    #[serde(skip)]
    pub(crate) require_postgres: bool,
    /// Whether heartbeats are measured that are signed in lanes.
    pub(crate) lanes: bool,
    #[serde(skip)]
    pub(crate) multi_buffer: Option<PathBuf>,
    #[serde(skip)]
    pub(crate) require_multi_buffer: bool,
}

impl Plan {
    /// The number of connections at which everything is measured: 32 where that is among them.
    pub(crate) fn middle(&self) -> u32 {
        const USUAL: u32 = 32;
        let usual = self.connections.iter().copied().find(|connections| *connections == USUAL);
        usual.or_else(|| self.connections.get(self.connections.len() / 2).copied()).unwrap_or(USUAL)
    }
}

impl Options {
    pub(crate) fn plan(self) -> anyhow::Result<Plan> {
        let machines = match (self.machines.is_empty(), self.quick) {
            (false, _) => self.machines,
            (true, true) => vec![1_000, 100_000],
            (true, false) => vec![1_000, 100_000, 1_000_000],
        };
        let seconds = self.seconds.unwrap_or(if self.quick { 1.5 } else { 4.0 });
        anyhow::ensure!((0.2..=600.0).contains(&seconds), "--seconds takes 0.2 to 600");
        let server = match self.server {
            Some(path) => path,
            None => std::env::current_exe()?.with_file_name("licentia"),
        };
        anyhow::ensure!(
            server.exists(),
            "there is no server at {}: build it with --release",
            server.display()
        );
        let asks = |scenario| self.requests.is_empty() || self.requests.contains(&scenario);
        let lanes = asks(Scenario::Heartbeat) && self.databases.contains(&Backend::Sqlite);
        Ok(Plan {
            lanes,
            multi_buffer: self.multi_buffer,
            require_multi_buffer: self.require_multi_buffer,
            quick: self.quick,
            machines: ascending(machines),
            connections: ascending(self.connections),
            databases: ascending(self.databases),
            requests: if self.requests.is_empty() { Scenario::ALL.to_vec() } else { self.requests },
            measured: Duration::from_secs_f64(seconds),
            rounds: self.rounds,
            peers: !self.without_peers,
            server: server.canonicalize()?,
            postgres: self.postgres,
            require_postgres: self.require_postgres,
        })
    }
}

/// The names of all that can be asked.
fn scenarios() -> impl TypedValueParser<Value = Scenario> {
    let named = |name: String| Scenario::ALL.into_iter().find(|scenario| scenario.name() == name);
    PossibleValuesParser::new(Scenario::ALL.map(Scenario::name))
        .try_map(move |name| named(name).ok_or("nothing is asked by this name"))
}

fn ascending<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lists_are_sorted_and_each_is_measured_once() {
        assert_eq!(ascending(vec![32, 1, 32]), [1, 32]);
    }
}
