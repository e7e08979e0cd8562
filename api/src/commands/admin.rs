//! `licentia admin`: admins and API keys, from the machine that holds the database.

mod people;

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::{Args, Subcommand};
use licentia_domain::actors::Caller;
use licentia_domain::api_keys::{self, CreateApiKey, Origin};
use licentia_domain::context::Context;
use licentia_types::api_keys::ApiKeyResponse;
use licentia_types::ids::{ApiKeyId, GroupId};
use licentia_types::ip_ranges::IpRange;
use licentia_types::permissions::{Permission, names};
use licentia_types::text::Name;
use licentia_types::time::Seconds;
use secrecy::ExposeSecret;

use super::{CommandError, output, outside};
use crate::application;
use crate::config::Config;
use crate::opening;

const SECONDS_OF_A_DAY: i64 = 86_400;

#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Make an admin, who signs in with a password
    Create(people::Create),
    /// List all admins
    List,
    /// Take an admin's password and sessions away, and print a token by which he sets another one
    ResetPassword(people::ResetPassword),
    /// Make an API key and print it, this once
    CreateKey(CreateKey),
    /// List all API keys, without their secrets
    ListKeys,
    /// End an API key at once
    RevokeKey {
        /// The id of the key, as `licentia admin list-keys` shows it: `key_…`
        id: ApiKeyId,
    },
}

#[derive(Debug, Args)]
pub(super) struct CreateKey {
    /// What it is for, for people
    #[arg(long)]
    name: Name,
    /// What it may do; may be given several times. Without it: everything
    #[arg(long = "permission", value_name = "PERMISSION", value_delimiter = ',', help = permission_help())]
    permissions: Vec<Permission>,
    /// Ends after so many days; without it never
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=3650))]
    expires_days: Option<u16>,
    /// From where it may be used: an address, or a range such as 192.0.2.0/24; may be given several times. Without it:
    /// from everywhere
    #[arg(long = "ip-range", value_name = "RANGE", value_delimiter = ',')]
    ip_ranges: Vec<IpRange>,
    /// Within which group it acts: `grp_…`; may be given several times. Without it: bounded by none
    #[arg(long = "group", value_name = "GROUP", value_delimiter = ',')]
    groups: Vec<GroupId>,
}

fn permission_help() -> String {
    let all = names(Permission::ALL);
    format!("What it may do, of {all}; may be given several times. Without it: everything")
}

/// Runs one of the commands.
pub(super) async fn run(config: Config, command: Admin) -> Result<(), CommandError> {
    let ctx = opening::open_for_command(&config, outside()).await?;
    match command {
        Admin::Create(options) => people::create(&ctx, &place(&config, &ctx), options).await,
        Admin::List => people::list(&ctx).await,
        Admin::ResetPassword(options) => people::reset_password(&ctx, &place(&config, &ctx), options).await,
        Admin::CreateKey(options) => create(&ctx, options).await,
        Admin::ListKeys => list(&ctx).await,
        Admin::RevokeKey { id } => revoke(&ctx, id).await,
    }
}

/// Where whoever administers finds the API.
fn place(config: &Config, ctx: &Context) -> String {
    let has_tls = config.server.tls_certificate_file.is_some();
    application::admin_url(config.server.admin_bind, has_tls, ctx)
}

async fn create(ctx: &Context, options: CreateKey) -> Result<(), CommandError> {
    let permissions = match options.permissions.as_slice() {
        [] => Permission::ALL,
        some => some,
    };
    let life =
        options.expires_days.map(|days| Seconds::try_from(i64::from(days) * SECONDS_OF_A_DAY)).transpose();
    let life = life.map_err(CommandError::failed("the key would live too long"))?;
    let command = CreateApiKey {
        name: options.name,
        permissions: permissions.iter().copied().collect(),
        origin: Origin::Operator,
        expires_at: life.map(|life| ctx.moment().now + life),
        ip_ranges: options.ip_ranges.into_iter().collect(),
        groups: Some(options.groups.into_iter().collect()).filter(|groups: &BTreeSet<_>| !groups.is_empty()),
    };
    let made = api_keys::create(ctx, &Caller::operator(), command).await;
    let (id, secret) = made.map_err(CommandError::failed("the API key was not made"))?;
    output::print(&format!("{id}\n{}\n", secret.expose_secret()))
}

async fn list(ctx: &Context) -> Result<(), CommandError> {
    let keys = api_keys::list_all(ctx).await.map_err(CommandError::failed("the API keys cannot be read"))?;
    let mut text = String::new();
    for key in keys {
        let _ = writeln!(
            text,
            "{}  {}  {}  {}{}",
            key.id,
            state(&key),
            permissions(&key),
            groups(&key),
            key.name
        );
    }
    output::print(&text)
}

fn state(key: &ApiKeyResponse) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) => format!("until {at}"),
        (None, None) => "for ever".to_owned(),
    }
}

fn permissions(key: &ApiKeyResponse) -> String {
    let names: Vec<&str> = key.permissions.iter().map(|permission| permission.as_str()).collect();
    names.join(",")
}

/// Those of a key that has any.
fn groups(key: &ApiKeyResponse) -> String {
    let Some(groups) = &key.groups else { return String::new() };
    let names: Vec<String> = groups.iter().map(ToString::to_string).collect();
    format!("within {}  ", names.join(","))
}

async fn revoke(ctx: &Context, id: ApiKeyId) -> Result<(), CommandError> {
    let revoked = api_keys::revoke(ctx, &Caller::operator(), id).await;
    revoked.map_err(CommandError::failed("the API key was not revoked"))?;
    output::print(&format!("{id} is revoked.\n"))
}
