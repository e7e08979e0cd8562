//! `licentia keys`: signing keys, from the machine that holds the database.

use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use licentia_domain::actors::Caller;
use licentia_domain::context::Context;
use licentia_domain::signing_keys::{self, ImportKey};
use licentia_types::signing_keys::{
    KeyPurpose, Kid, RevokeSigningKeyRequest, SigningKeyResponse, SigningKeyState,
};
use licentia_types::text::Note;
use secrecy::SecretString;

use super::{CommandError, output, outside};
use crate::config::Config;
use crate::opening;

/// More than any PEM file holds, in bytes.
const LARGEST_FILE: u64 = 256 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// List all signing keys with their states and dates
    List,
    /// Let the pending key take over from the one that signs
    ///
    /// At once when every verifier has had the time to fetch it, else as soon as that is so. A running server follows
    /// by itself.
    Rotate(OfPurpose),
    /// Bring an RSA private key as the next one to sign
    ///
    /// It is published at once and waits: `licentia keys rotate` lets it take over, as soon as every verifier knows it.
    /// The key that waited before is retired unused.
    Import {
        /// PEM: PKCS#8 or PKCS#1, 2048 to 4096 bits, without a passphrase; `-` reads the standard input
        file: PathBuf,
        #[command(flatten)]
        of: OfPurpose,
    },
    /// Revoke a key that leaked: what it signed is refused from now on
    ///
    /// When it is the one that signs, the pending one does so at once. Machines get a new token at their next heartbeat.
    Revoke {
        /// The id of the key, as `licentia keys list` shows it
        #[arg(allow_hyphen_values = true)]
        kid: Kid,
        /// Why, for people
        #[arg(long, value_name = "TEXT")]
        reason: Option<Note>,
    },
}

#[derive(Debug, Args)]
pub(super) struct OfPurpose {
    /// What the key signs: token, document or session
    #[arg(long, value_name = "PURPOSE", default_value_t = KeyPurpose::Token)]
    purpose: KeyPurpose,
}

/// Runs one of the commands.
pub(super) async fn run(config: Config, command: Keys) -> Result<(), CommandError> {
    let open = || opening::open_for_command(&config, outside());
    match command {
        Keys::List => list(&open().await?).await,
        Keys::Rotate(of) => rotate(&open().await?, of.purpose).await,
        Keys::Import { file, of } => {
            // Before anything is opened, and perhaps made.
            let pem = read(&file).map_err(CommandError::failed("the key cannot be read"))?;
            import(&open().await?, of.purpose, pem).await
        }
        Keys::Revoke { kid, reason } => revoke(&open().await?, kid, reason).await,
    }
}

async fn list(ctx: &Context) -> Result<(), CommandError> {
    let keys =
        signing_keys::list(ctx).await.map_err(CommandError::failed("the signing keys cannot be read"))?;
    let mut text = String::new();
    for key in keys.items {
        let imported = if key.imported { "  imported" } else { "" };
        let _ = writeln!(
            text,
            "{}  {:<8}  {:<8}  {} bits  {}{imported}",
            key.kid,
            key.purpose,
            key.state,
            key.bits,
            dates(&key)
        );
    }
    output::print(&text)
}

/// The dates that matter in the key's state.
fn dates(key: &SigningKeyResponse) -> String {
    let told = [
        ("published", Some(key.published_at)),
        ("active from", key.active_from),
        ("retiring from", key.retiring_from),
        ("signs until", key.signs_until.filter(|_| key.state != SigningKeyState::Pending)),
        ("retired", key.retired_at),
        ("revoked", key.revoked_at),
    ];
    let told: Vec<String> =
        told.iter().filter_map(|(what, at)| at.map(|at| format!("{what} {at}"))).collect();
    told.join(", ")
}

async fn rotate(ctx: &Context, purpose: KeyPurpose) -> Result<(), CommandError> {
    let next = signing_keys::rotate(ctx, &Caller::operator(), purpose).await;
    let next = next.map_err(CommandError::failed("the keys were not rotated"))?;
    let when = match (next.state, next.active_from) {
        (SigningKeyState::Pending, Some(from)) => format!("signs from {from} on"),
        _ => "signs from now on".to_owned(),
    };
    output::print(&format!("{} {when}.\n", next.kid))
}

async fn import(ctx: &Context, purpose: KeyPurpose, pem: SecretString) -> Result<(), CommandError> {
    let imported = signing_keys::import(ctx, &Caller::operator(), ImportKey { purpose, pem }).await;
    let imported = imported.map_err(CommandError::failed("the key was not imported"))?;
    output::print(&format!("{} is published, and waits for the next rotation.\n", imported.kid))
}

async fn revoke(ctx: &Context, kid: Kid, reason: Option<Note>) -> Result<(), CommandError> {
    let request = RevokeSigningKeyRequest { reason };
    let revoked = signing_keys::revoke(ctx, &Caller::operator(), &kid, request).await;
    revoked.map_err(CommandError::failed("the key was not revoked"))?;
    output::print(&format!("{kid} is revoked.\n"))
}

/// A file, or the standard input for `-`.
fn read(file: &Path) -> std::io::Result<SecretString> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(LARGEST_FILE).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(file)?.take(LARGEST_FILE).read_to_string(&mut text)?;
    }
    Ok(text.into())
}
