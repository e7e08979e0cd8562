//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Breaks running servers, and compares what clients were told with what is stored.
///
/// Everything that it starts ends with it. It exits with 1 when anything was lost, doubled, forked or locked out.
#[derive(Debug, Parser)]
#[command(name = "make faults FAULTS_ARGS=…", version)]
pub(crate) struct Options {
    /// A tenth of the size, in about three minutes
    #[arg(long)]
    short: bool,
    /// Which parts [default: all]
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<Part>,
    /// On which databases
    #[arg(long, value_delimiter = ',', value_name = "NAME", default_value = "sqlite,postgres")]
    databases: Vec<Backend>,
    /// The server's binary [default: licentia beside this one]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Keep the logs of clients and servers in this folder
    #[arg(long, value_name = "PATH")]
    keep: Option<PathBuf>,
}

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// What is done to the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// kill -9
    Kills,
    /// PostgreSQL stops, and is gone
    Outages,
    /// The disk is full, and syncs fail
    Disk,
    /// Two instances behind a round-robin, killed in turn
    Instances,
    /// 1,000 machines at once for 10 seats, on two instances
    Seats,
    /// A backup is restored
    Backup,
    /// The clock jumps
    Clock,
    /// A slow network that cuts connections
    Network,
    /// Every answer comes after a sync
    Syncs,
    /// Floods beside healthy clients
    Overload,
}

/// What is to be done, and how much of it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) parts: Vec<Part>,
    pub(crate) databases: Vec<Backend>,
    pub(crate) server: PathBuf,
    pub(crate) keep: Option<PathBuf>,
    pub(crate) clients: u32,
    /// Of each client.
    pub(crate) licenses: u32,
    pub(crate) kills: u32,
    /// Of PostgreSQL.
    pub(crate) stops: u32,
    pub(crate) gone: Duration,
    /// Races for seats.
    pub(crate) rounds: u32,
    /// Machines of a race.
    pub(crate) racers: u32,
    /// Writes that are watched for their sync.
    pub(crate) watched: u32,
}

impl Options {
    pub(crate) fn plan(self) -> anyhow::Result<Plan> {
        let server = match self.server {
            Some(path) => path,
            None => std::env::current_exe()?.with_file_name("licentia"),
        };
        anyhow::ensure!(server.exists(), "there is no server at {}: build it first", server.display());
        let short = self.short;
        let size = |full: u32, tenth: u32| if short { tenth } else { full };
        Ok(Plan {
            parts: if self.only.is_empty() { Part::value_variants().to_vec() } else { self.only },
            databases: self.databases,
            server: server.canonicalize()?,
            keep: self.keep,
            clients: 50,
            licenses: size(10, 1),
            kills: size(300, 30),
            stops: size(20, 2),
            gone: Duration::from_secs(size(60, 6).into()),
            rounds: size(20, 2),
            racers: 1_000,
            watched: size(1_000, 200),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }
}
