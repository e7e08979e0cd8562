//! `licentia migrate`

use super::{CommandError, output};
use crate::config::Config;
use crate::opening;

/// Applies every pending migration.
pub(super) async fn migrate(config: Config) -> Result<(), CommandError> {
    let database = opening::connect(&config).await?;
    opening::migrate(&database).await?;
    database.close().await.map_err(CommandError::failed("the database was not closed cleanly"))?;
    output::print("The database is up to date.\n")
}
