//! `licentia serve`

use std::collections::BTreeSet;

use clap::Args;
use licentia_domain::actors::Caller;
use licentia_domain::admins;
use licentia_domain::api_keys::{self, CreateApiKey, Origin};
use licentia_domain::clock_mark::{self, Standing};
use licentia_domain::context::Context;
use licentia_domain::demo;
use licentia_types::permissions::Permission;
use licentia_types::text::Name;
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};

use super::demo::refuse_in_production;
use super::{CommandError, output, outside, shell};
use crate::api_key_file::ApiKeyFile;
use crate::application::{Application, Migrations, StopHandle, Tls};
use crate::config::{Config, Environment};
use crate::logging;

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Fill the database with demo data, and print lines to try; never in production
    #[arg(long)]
    demo: bool,
    /// Do not apply migrations: refuse to start while any is pending
    #[arg(long)]
    no_migrate: bool,
}

/// Serves until SIGTERM or SIGINT.
pub(super) async fn serve(config: Config, options: Serve) -> Result<(), CommandError> {
    logging::init(&config.log).map_err(CommandError::failed("logging cannot be set up"))?;
    if options.demo {
        refuse_in_production(&config, "`licentia serve --demo`")?;
    }
    let environment = config.environment;
    let migrations = if options.no_migrate { Migrations::Expect } else { Migrations::Apply };
    let application = Application::build_with(config, outside(), migrations).await?;
    let ctx = application.context();
    if environment == Environment::Development {
        believe_a_late_clock(&ctx).await?;
    }
    let place = application.admin_url();
    let greeting = if options.demo {
        demo_greeting(&ctx).await?
    } else {
        first_key(&ctx, environment, &place).await? + &invitation(&ctx, &place).await?
    };
    stop_on_signal(application.stop_handle())?;
    read_again_on_signal(application.api_key_file(), application.tls())?;
    tell_of(&application, &ctx);
    // A secret that cannot be shown would be lost; where there is none, nobody needs the standard output.
    if !greeting.is_empty() {
        output::print(&greeting)?;
    }
    drop(ctx);
    Box::pin(application.run()).await.map_err(CommandError::failed("the server failed"))
}

/// Whoever tries things out comes back after a weekend: that nobody was there is no reason to doubt the clock. Production
/// asks somebody, since a clock that leapt would end licences and keys before their time.
async fn believe_a_late_clock(ctx: &Context) -> Result<(), CommandError> {
    let failed = "the clock cannot be compared";
    let standing = clock_mark::look(ctx).await.map_err(CommandError::failed(failed))?;
    if let Standing::Ahead(seconds) = standing {
        tracing::info!(seconds, "nobody was here for a while");
        clock_mark::confirm(ctx, &Caller::operator()).await.map_err(CommandError::failed(failed))?;
    }
    Ok(())
}

fn tell_of(application: &Application, ctx: &Context) {
    let admin_address = application.admin_address().map(tracing::field::display);
    tracing::info!(
        address = %application.address(),
        admin_address,
        tls = application.tls().is_some(),
        issuer = ctx.settings.issuer,
        "listening"
    );
}

async fn demo_greeting(ctx: &Context) -> Result<String, CommandError> {
    let demo = demo::fill(ctx).await.map_err(CommandError::failed("the demo data was not made"))?;
    Ok(shell::walk(&demo))
}

/// The first start in development makes a key that may do everything, and shows it this once.
async fn first_key(ctx: &Context, environment: Environment, place: &str) -> Result<String, CommandError> {
    let failed = "the first API key was not made";
    let has_any = api_keys::has_any(ctx).await.map_err(CommandError::failed(failed))?;
    if has_any || environment == Environment::Production {
        return Ok(String::new());
    }
    let command = CreateApiKey {
        name: "First start".parse::<Name>().map_err(CommandError::failed(failed))?,
        permissions: Permission::ALL.iter().copied().collect(),
        origin: Origin::FirstStart,
        expires_at: None,
        ip_ranges: BTreeSet::new(),
        groups: None,
    };
    let made = api_keys::create(ctx, &Caller::operator(), command).await;
    let (_, secret) = made.map_err(CommandError::failed(failed))?;
    Ok(format!(
        "\n  Admin API key  {}\n  API, to try    {}/docs/\n\nThe key is shown this once; `licentia admin create-key` makes others.\n\n",
        secret.expose_secret(),
        place
    ))
}

/// While there is no admin, each start makes a token by which the first one is made, and shows it this once.
async fn invitation(ctx: &Context, place: &str) -> Result<String, CommandError> {
    let offered = admins::offer(ctx).await;
    let Some(token) = offered.map_err(CommandError::failed("the setup token was not made"))? else {
        return Ok(String::new());
    };
    Ok(format!(
        r#"
There is no admin yet. Whoever has this token makes the first one, once, within a day:

curl -sS '{place}/api/v1/setup' -H 'Content-Type: application/json' -d '{{"token":"{token}","email":"you@example.com","name":"You","password":"12 characters or more that nobody guesses"}}'; echo

"#,
        token = token.expose_secret(),
    ))
}

/// SIGTERM and SIGINT let running requests end.
fn stop_on_signal(stop: StopHandle) -> Result<(), CommandError> {
    let failed = "signals cannot be received";
    let mut terminate = signal(SignalKind::terminate()).map_err(CommandError::failed(failed))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CommandError::failed(failed))?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stop.stop().await;
    });
    Ok(())
}

/// SIGHUP reads the declared API key and the certificate again.
fn read_again_on_signal(file: ApiKeyFile, tls: Option<Tls>) -> Result<(), CommandError> {
    let failed = "signals cannot be received";
    let mut hang_up = signal(SignalKind::hangup()).map_err(CommandError::failed(failed))?;
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            file.declare_again().await;
            if let Some(tls) = &tls {
                tls.reload();
            }
        }
    });
    Ok(())
}
