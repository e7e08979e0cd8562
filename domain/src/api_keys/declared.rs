//! The super key that a file declares: what stands there opens everything, and nothing that stood there before.

use licentia_entity::api_key::{self, Origin, Permissions};
use licentia_types::permissions::Permission;
use licentia_types::text::Name;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{ApiKeyError, CreateApiKey, PREFIX, changes, digest, store, write};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Constraint, Lane, WriteTx, violates};
use crate::failure::{Failure, failed_from};

/// Of two instances that start together, both find it missing.
const DECLARED_TWICE: Constraint =
    Constraint { name: "api_key_secret_digest", columns: "api_key.secret_digest" };
/// Symbols after the prefix; ours have 52.
const SHORTEST: usize = 32;
const LONGEST: usize = 256;

/// Why a declared key was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DeclareError {
    /// Anybody might guess it, or no header carries it.
    #[error(
        "the declared API key must be {PREFIX} and {SHORTEST} to {LONGEST} letters, digits, - or _; \
         `printf 'lsk_%s\\n' \"$(openssl rand -hex 32)\"` makes one"
    )]
    Form,
    /// It is the secret of a key that was made otherwise.
    #[error("the declared API key is the secret of another key: declare one of its own")]
    Taken,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(DeclareError);

/// Makes this the one declared key; none: there is none any more. Saying the same again changes nothing.
///
/// # Errors
/// When it is no key; the former one has ended all the same.
pub async fn declare(ctx: &Context, secret: Option<&SecretString>) -> Result<(), DeclareError> {
    match declare_once(ctx, secret).await {
        Err(DeclareError::Failed(Failure::Database(error))) if violates(&error, DECLARED_TWICE) => {
            declare_once(ctx, secret).await
        }
        declared => declared,
    }
}

async fn declare_once(ctx: &Context, secret: Option<&SecretString>) -> Result<(), DeclareError> {
    let good = secret.filter(|secret| is_key(secret.expose_secret()));
    let digest = good.map(|secret| digest(ctx, secret.expose_secret()));
    let (moment, caller) = (ctx.moment(), Caller::operator());
    let tx = ctx.db.write(Lane::Ordinary).await?;
    for former in store::standing_locked(&tx, Origin::File).await? {
        if Some(&former.secret_digest) != digest.as_ref() {
            changes::end(&tx, &moment, &caller, former).await?;
        }
    }
    let taken = match digest {
        Some(digest) => admit(&tx, &moment, &caller, digest).await?,
        None => true,
    };
    tx.commit().await?;
    match (secret.is_some() && good.is_none(), taken) {
        (true, _) => Err(DeclareError::Form),
        (false, false) => Err(DeclareError::Taken),
        (false, true) => Ok(()),
    }
}

fn is_key(secret: &str) -> bool {
    secret.strip_prefix(PREFIX).is_some_and(|rest| {
        let symbol = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (SHORTEST..=LONGEST).contains(&rest.len()) && rest.bytes().all(symbol)
    })
}

/// Lets the key in, new or again; false when the secret is another key's.
async fn admit(tx: &WriteTx, moment: &Moment<'_>, caller: &Caller, digest: Vec<u8>) -> Result<bool, Failure> {
    let all = || Permission::ALL.iter().copied().collect();
    match store::find_by_digest_locked(tx, &digest).await? {
        Some(known) if known.origin != Origin::File => Ok(false),
        Some(known) => {
            let key = api_key::Model { revoked_at: None, permissions: Permissions(all()), ..known.clone() };
            if key != known {
                changes::write(tx, moment, caller, key, ("api_key.declared", json!({}))).await?;
            }
            Ok(true)
        }
        None => {
            let command = CreateApiKey {
                name: name()?,
                permissions: all(),
                origin: Origin::File,
                expires_at: None,
                ip_ranges: std::collections::BTreeSet::new(),
                groups: None,
            };
            write(tx, moment, caller, command, digest).await.map_err(ours)?;
            Ok(true)
        }
    }
}

/// It names neither a role nor a group that there might not be.
fn ours(error: ApiKeyError) -> Failure {
    match error {
        ApiKeyError::Failed(failure) => failure,
        _ => Failure::Corrupt("declared key"),
    }
}

fn name() -> Result<Name, Failure> {
    "admin.api_key_file".parse().map_err(|_| Failure::Corrupt("name of the declared key"))
}
