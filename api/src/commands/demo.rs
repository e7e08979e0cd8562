//! `licentia demo`

use clap::Args;
use licentia_domain::demo;
use secrecy::ExposeSecret;
use serde_json::json;

use super::{CommandError, output, outside, shell};
use crate::config::{Config, Environment};
use crate::opening;

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Print one JSON object: issuer, product, licenseKey, customerId, adminApiKey
    #[arg(long)]
    json: bool,
}

/// Fills the configured database; run again, it makes a new admin key and withdraws the former one.
pub(super) async fn fill(config: Config, options: Demo) -> Result<(), CommandError> {
    refuse_in_production(&config, "`licentia demo`")?;
    let ctx = opening::open_for_command(&config, outside()).await?;
    let demo = demo::fill(&ctx).await.map_err(CommandError::failed("the demo data was not made"))?;
    if !options.json {
        return output::print(&shell::walk(&demo));
    }
    let object = json!({
        "issuer": demo.issuer,
        "product": demo.product,
        "licenseKey": demo.license_key,
        "customerId": demo.customer_id,
        "adminApiKey": demo.admin_api_key.expose_secret(),
    });
    output::print(&format!("{object}\n"))
}

/// Demo data has a key that everybody may have seen.
pub(super) fn refuse_in_production(config: &Config, what: &'static str) -> Result<(), CommandError> {
    match config.environment {
        Environment::Development => Ok(()),
        Environment::Production => Err(CommandError::NotInProduction(what)),
    }
}
