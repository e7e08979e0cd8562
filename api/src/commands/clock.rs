//! `licentia clock`: whether the clock of this machine is believed.

use clap::Subcommand;
use licentia_domain::actors::Caller;
use licentia_domain::clock_mark;

use super::{CommandError, output, outside};
use crate::config::Config;
use crate::opening;

#[derive(Debug, Subcommand)]
pub(super) enum Clock {
    /// Tell whether the clock of this machine fits the latest time that any instance has seen
    Show,
    /// Take the clock of this machine for right
    ///
    /// After it was set, a backup was restored, or the server was off for a day and more. Running servers whose clocks
    /// agree are ready again, and go on with their jobs within seconds.
    Confirm,
}

/// Runs one of the commands.
pub(super) async fn run(config: Config, command: Clock) -> Result<(), CommandError> {
    let ctx = opening::open_for_command(&config, outside()).await?;
    match command {
        Clock::Show => {
            let standing = clock_mark::look(&ctx).await;
            let standing = standing.map_err(CommandError::failed("the clock cannot be compared"))?;
            output::print(&format!("{}: {standing}.\n", ctx.moment().now))
        }
        Clock::Confirm => {
            let now = clock_mark::confirm(&ctx, &Caller::operator()).await;
            let now = now.map_err(CommandError::failed("the clock was not confirmed"))?;
            output::print(&format!("The time is {now}.\n"))
        }
    }
}
