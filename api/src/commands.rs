//! The commands of the binary `licentia`.

mod admin;
mod audit;
mod clock;
mod config_check;
mod demo;
mod healthcheck;
mod keys;
mod migrate;
mod openapi;
mod output;
mod serve;
mod shell;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use licentia_domain::clock::SystemClock;
use licentia_domain::context::Outside;
use licentia_domain::randomness::SystemRandomness;

use crate::config::{self, Config, ConfigError};
use crate::opening::OpenError;

/// What an error of the command line or of the configuration ends with, and a check that could not
/// be made.
const MISUSED: u8 = 2;

const LONG_ABOUT: &str = "Licentia, a software-licensing server.\n\n\
    It is configured by a file and by LICENTIA__SECTION__KEY variables; without any it runs in \
    development, on SQLite in the working directory. `licentia config check` shows every key.";
const CONFIG_HELP: &str =
    "The configuration file; otherwise that of LICENTIA_CONFIG, or licentia.toml if there is one";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "licentia", version, propagate_version = true, arg_required_else_help = true)]
#[command(about = "Licentia, a software-licensing server.", long_about = LONG_ABOUT)]
struct Cli {
    #[arg(long, global = true, value_name = "FILE", help = CONFIG_HELP)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Bring the database up to date, and end
    Migrate,
    /// Fill the configured database with demo data; never in production
    Demo(demo::Demo),
    /// Make, list and reset admins; make, list and revoke API keys
    #[command(subcommand)]
    Admin(admin::Admin),
    /// List, rotate, import and revoke signing keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Check the audit log, and print its checkpoints
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Compare the clock with the time that was seen last, and confirm it
    #[command(subcommand)]
    Clock(clock::Clock),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the OpenAPI document
    Openapi,
    /// Ask the running server whether it is ready: exit code 0 when it is, 1 when not
    Healthcheck,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the configuration as it is in effect, secrets masked, and all that stops a start with it
    Check,
}

/// Why a command ended without having done what it should.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the server does not start with this configuration: see above")]
    Unfit,
    #[error("{0} is for development only; this configuration says production")]
    NotInProduction(&'static str),
    #[error("the server is not ready: {0}")]
    NotReady(String),
    #[error("the audit log is not whole: {0} findings")]
    NotWhole(u64),
    #[error(transparent)]
    NotChecked(Box<CommandError>),
    #[error("there is no checkpoint yet: the server signs one every hour")]
    NoCheckpoint,
    #[error("{what}")]
    Failed { what: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
}

impl CommandError {
    /// For [`Result::map_err`].
    fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        what: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed { what, source: source.into() }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Unfit | Self::Open(OpenError::Refused(_)) | Self::NotChecked(_) => {
                MISUSED.into()
            }
            Self::Open(_)
            | Self::NotInProduction(_)
            | Self::NotReady(_)
            | Self::NotWhole(_)
            | Self::NoCheckpoint
            | Self::Failed { .. } => ExitCode::FAILURE,
        }
    }
}

/// Runs the command that the arguments name: the whole of `main`.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(shown) => {
            // Help and version are no errors, but end here too.
            let code = u8::try_from(shown.exit_code()).unwrap_or(MISUSED);
            return if shown.print().is_ok() { code.into() } else { ExitCode::FAILURE };
        }
    };
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            error.exit_code()
        }
    }
}

fn execute(cli: Cli) -> Result<(), CommandError> {
    if let Command::Openapi = cli.command {
        return openapi::print();
    }
    let config = Config::load(cli.config.as_deref(), config::process_environment())?;
    match cli.command {
        Command::Serve(options) => wait(serve::serve(config, options)),
        Command::Migrate => wait(migrate::migrate(config)),
        Command::Demo(options) => wait(demo::fill(config, options)),
        Command::Admin(command) => wait(admin::run(config, command)),
        Command::Keys(command) => wait(keys::run(config, command)),
        Command::Audit(command) => wait(audit::run(config, command)),
        Command::Clock(command) => wait(clock::run(config, command)),
        Command::Config(ConfigCommand::Check) => config_check::check(&config),
        Command::Openapi => openapi::print(),
        Command::Healthcheck => healthcheck::ask(&config.server),
    }
}

fn wait(work: impl Future<Output = Result<(), CommandError>>) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(CommandError::failed("threads cannot be started"))?.block_on(work)
}

/// The world outside, as it is.
fn outside() -> Outside {
    Outside {
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness::new()),
        multi_buffer: None,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
