//! One effect for one name, however often it is asked for.
//!
//! Whoever signed in may give a request a name. An operation that knows of it ([`begin`], [`commit`]) leaves its outcome
//! under that name, in the transaction of its effect: there are both, or neither. For a day the same request is given the
//! outcome again ([`answered`]); what was refused, or changed nothing, leaves nothing.

use std::sync::Arc;

use licentia_crypto::digests::Parts;
use licentia_types::time::{Seconds, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::actors::{Actor, Caller};
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;

pub(crate) use error::IN_FLIGHT;
pub use error::OnceError;
pub(crate) use in_flight::InFlight;
use in_flight::Permit;
pub use name::OnceKey;
use name::{Name, Request};

mod error;
mod in_flight;
mod name;
mod store;

/// For how long an outcome is kept.
pub(crate) const KEPT: Seconds = Seconds::constant(86_400);

/// What somebody asks for once. While it lives, nobody else on this instance asks for it.
pub struct Once {
    name: Name,
    request: Request,
    /// Outcomes that were kept until then are not given any more.
    ended: Timestamp,
    outcome: Option<Zeroizing<Vec<u8>>>,
    _permit: Permit,
}

/// What is asked, in pieces as they come: the same when it is asked again.
#[derive(Clone, Debug)]
pub struct Asked {
    route: String,
    parts: Parts,
}

impl Asked {
    /// By way of `route` (method and path), with this query; the body follows.
    #[must_use]
    pub fn begin(route: String, query: &str) -> Self {
        let mut parts = Parts::begin();
        parts.take(route.as_bytes());
        parts = parts.next();
        parts.take(query.as_bytes());
        Self { route, parts: parts.next() }
    }

    /// The next piece of the body.
    pub fn take(&mut self, piece: &[u8]) {
        self.parts.take(piece);
    }
}

impl std::fmt::Debug for Once {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl Once {
    /// Whether it was done before, so that its outcome is only given again.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.outcome.is_some()
    }
}

/// Claims `key` for what `actor` asks; his keys say nothing to others, and those of one route nothing to another.
///
/// # Errors
/// When it belongs to another request, or the same one is being served.
pub async fn claim(
    ctx: &Context,
    actor: &Actor,
    key: &OnceKey,
    asked: Asked,
) -> Result<Arc<Once>, OnceError> {
    let name = Name::of(ctx, actor, &asked.route, key);
    let request = Request::of(ctx, asked.parts);
    // Before it is looked at what was kept: nobody keeps anything under this name from here on.
    let permit = ctx.in_flight.enter(&name).ok_or(OnceError::InFlight)?;
    let ended = ctx.moment().now - KEPT;
    let kept = store::find(&ctx.db, &name, ended).await?;
    if kept.as_ref().is_some_and(|kept| kept.request != request.0) {
        return Err(OnceError::OtherRequest);
    }
    let outcome = kept.map(|kept| store::open(ctx, &kept)).transpose()?;
    Ok(Arc::new(Once { name, request, ended, outcome, _permit: permit }))
}

/// The outcome of what was done before, for an operation to give again.
pub(crate) fn answered<T: DeserializeOwned>(caller: &Caller) -> Result<Option<T>, Failure> {
    let outcome = caller.once.as_ref().and_then(|once| once.outcome.as_ref());
    let read =
        |json: &Zeroizing<Vec<u8>>| serde_json::from_slice(json).map_err(|_| Failure::Corrupt("outcome"));
    outcome.map(read).transpose()
}

/// Begins the one transaction of an operation. What the caller asks for once is done by nobody else, on no instance,
/// until it ends.
pub(crate) async fn begin(ctx: &Context, caller: &Caller) -> Result<WriteTx, Failure> {
    let tx = ctx.db.write(Lane::Ordinary).await?;
    if let Some(once) = &caller.once {
        // Kept since the claim: by another instance, which had the lock before.
        if !store::lock(&tx, &once.name).await? || store::find(&tx, &once.name, once.ended).await?.is_some() {
            return Err(Failure::Repeated);
        }
    }
    Ok(tx)
}

/// Commits the one transaction of an operation, and with it, for a caller who asks once, its outcome.
pub(crate) async fn commit<T: Serialize + ?Sized>(
    ctx: &Context,
    moment: &Moment<'_>,
    caller: &Caller,
    tx: WriteTx,
    outcome: &T,
) -> Result<(), Failure> {
    if let Some(once) = &caller.once {
        let json = serde_json::to_vec(outcome).map_err(|_| Failure::Corrupt("outcome"))?;
        store::keep(ctx, moment, &tx, once, &Zeroizing::new(json)).await?;
    }
    Ok(tx.commit().await?)
}
