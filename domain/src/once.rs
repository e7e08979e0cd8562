//! One effect for one name, however often it is asked for.
//!
//! Whoever signed in may give a request a name. An operation that knows of it ([`begin`], [`commit`]) leaves its outcome
//! under that name, in the transaction of its effect: there are both, or neither. For a day the same request is given the
//! outcome again ([`answered`]); what was refused, or changed nothing, leaves nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// Whole, or as far as its body has come.
    request: Mutex<Parts>,
    /// Outcomes that were kept until then are not given any more.
    ended: Timestamp,
    kept: Option<Kept>,
    _permit: Permit,
}

/// What was done before.
struct Kept {
    request: Request,
    outcome: Zeroizing<Vec<u8>>,
}

/// What is asked, in pieces as they come: the same when it is asked again.
#[derive(Clone, Debug)]
pub struct Asked {
    route: String,
    parts: Parts,
    /// Whether the operation itself takes the body, later.
    coming: bool,
}

impl Asked {
    /// By way of `route` (method and path), with this query; the body follows.
    #[must_use]
    pub fn begin(route: String, query: &str) -> Self {
        let mut parts = Parts::begin();
        parts.take(route.as_bytes());
        parts = parts.next();
        parts.take(query.as_bytes());
        Self { route, parts: parts.next(), coming: false }
    }

    /// The same where the body is so large that the operation takes it as it comes.
    #[must_use]
    pub fn coming(self) -> Self {
        Self { coming: true, ..self }
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
        self.kept.is_some()
    }

    /// The next piece of a body that the operation takes as it comes.
    pub(crate) fn take(&self, piece: &[u8]) {
        self.parts().take(piece);
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request, when all of it has come.
    fn request(&self, ctx: &Context) -> Request {
        Request::of(ctx, self.parts().clone())
    }

    fn expect_same(&self, ctx: &Context) -> Result<(), OnceError> {
        let same = self.kept.as_ref().is_none_or(|kept| kept.request == self.request(ctx));
        if same { Ok(()) } else { Err(OnceError::OtherRequest) }
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
    // Before it is looked at what was kept: nobody keeps anything under this name from here on.
    let permit = ctx.in_flight.enter(&name).ok_or(OnceError::InFlight)?;
    let ended = ctx.moment().now - KEPT;
    let kept = store::find(&ctx.db, &name, ended).await?;
    let kept = kept.map(|kept| store::open(ctx, kept)).transpose()?;
    let once = Once { name, request: Mutex::new(asked.parts), ended, kept, _permit: permit };
    if !asked.coming {
        once.expect_same(ctx)?;
    }
    Ok(Arc::new(once))
}

/// The outcome of what was done before, for an operation to give again.
pub(crate) fn answered<T: DeserializeOwned>(caller: &Caller) -> Result<Option<T>, Failure> {
    let kept = caller.once.as_ref().and_then(|once| once.kept.as_ref());
    let read = |kept: &Kept| serde_json::from_slice(&kept.outcome).map_err(|_| Failure::Corrupt("outcome"));
    kept.map(read).transpose()
}

/// The same for an operation that took the body as it came, when all of it has.
pub(crate) fn answered_whole<T: DeserializeOwned>(
    ctx: &Context,
    caller: &Caller,
) -> Result<Option<T>, OnceError> {
    if let Some(once) = &caller.once {
        once.expect_same(ctx)?;
    }
    Ok(answered(caller)?)
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
