//! Token Status Lists: whether a token that has not ended yet is still to be believed, for those
//! who ask us nothing else.
//!
//! Every machine has a place, kept across its heartbeats, in a list of 131,072 entries of two bits.
//! A token that is signed afresh for somebody else to deliver, and a machine that comes back, take
//! a new place; the former one turns invalid. Places are never given to another machine.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use licentia_entity::activation;
use licentia_types::problems::ProblemCode;
use licentia_types::status_lists::{
    STATUS_LIST_AUDIENCE, STATUS_LIST_TYP, Status, StatusList, StatusListClaims, StatusReference, StatusValue,
};
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::ConnectionTrait;

use crate::changes;
use crate::context::{Context, compute};
use crate::failure::{Failure, failed_from};
use crate::refusal::Refusal;
use crate::signed_lists::{self, SignedList};

use entries::Entries;
use rules::Standing;

pub use places::ListNumber;
pub(crate) use places::Shuffle;
pub(crate) use store::{end_former_places, replace_places, take_first_places, take_place};

mod entries;
mod places;
mod rules;
mod store;

/// How soon what raises no generation (a machine that gave its seat back, a lapsed lease) is seen.
pub const FRESH: Seconds = Seconds::constant(15);

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum StatusListError {
    /// No place of it was handed out yet.
    #[error("there is no such status list")]
    NotFound,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

failed_from!(StatusListError);

impl Refusal for StatusListError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::Failed(failure) => failure.code(),
        }
    }
}

/// A list as it was signed last.
#[derive(Debug)]
pub(crate) struct Kept {
    list: Arc<SignedList>,
    kid: String,
    /// Digest of the entries.
    digest: Vec<u8>,
    generation: i64,
    /// When the entries were last compared with the database.
    seen_at: Timestamp,
    signed_at: Timestamp,
    /// When the next entry turns by itself.
    turns_at: Option<Timestamp>,
}

/// The `status` claim of the token whose place this is.
#[must_use]
pub fn status(ctx: &Context, serial: i64) -> Status {
    let list = ListNumber::of_serial(serial);
    let idx = shuffle(ctx, list).idx(serial);
    Status { status_list: StatusReference { idx, uri: uri(ctx, list) } }
}

/// The order of a list, from memory where it is known.
fn shuffle(ctx: &Context, list: ListNumber) -> Arc<Shuffle> {
    if let Some(shuffle) = ctx.caches.shuffles.get(&list) {
        return shuffle;
    }
    let shuffle = Arc::new(Shuffle::of(&ctx.secrets.places, list));
    ctx.caches.shuffles.insert(list, Arc::clone(&shuffle));
    shuffle
}

/// What the lists say now of a place that a token names; none when nobody has it.
pub(crate) async fn value(
    ctx: &Context,
    db: &impl ConnectionTrait,
    reference: &StatusReference,
    now: Timestamp,
) -> Result<Option<StatusValue>, Failure> {
    let prefix = uri_prefix(ctx);
    let list = reference.uri.strip_prefix(&prefix).and_then(|list| list.parse::<ListNumber>().ok());
    let Some(serial) = list.and_then(|list| shuffle(ctx, list).serial(reference.idx)) else {
        return Ok(None);
    };
    let standing = store::one(db, serial).await?;
    Ok(standing.map(|standing| standing.value(now)))
}

/// A signed list, as of now: of the present generation of revocations, turned where an instant has
/// passed at which an entry turns, and never older than its time.
///
/// # Errors
/// When no place of it was handed out yet.
pub async fn get(ctx: &Context, list: ListNumber) -> Result<Arc<SignedList>, StatusListError> {
    let now = ctx.moment().now;
    let generation = changes::generation(ctx, now).await;
    let slot = match ctx.lists.known(list.get()) {
        Some(slot) => slot,
        None if store::is_handed_out(&ctx.db, list).await? => ctx.lists.of(list.get()),
        None => return Err(StatusListError::NotFound),
    };
    let mut kept = slot.lock().await;
    let made = match generation {
        Ok(generation) => {
            let fresh = |kept: &&Kept| kept.is_fresh(generation, now, ctx.settings.list_ttl);
            if let Some(kept) = kept.as_ref().filter(fresh) {
                return Ok(Arc::clone(&kept.list));
            }
            make(ctx, list, generation, now, kept.as_ref()).await
        }
        Err(failure) => Err(failure),
    };
    match made {
        Ok(made) => Ok(Arc::clone(&kept.insert(made).list)),
        Err(failure) => {
            let good = kept.as_ref().filter(|kept| signed_lists::is_good(kept.signed_at, now));
            Ok(good.map(|kept| Arc::clone(&kept.list)).ok_or(failure)?)
        }
    }
}

/// Whether the token that names this place was replaced: its machine has another place by now, and
/// the former one has ended.
pub(crate) async fn is_replaced(
    ctx: &Context,
    machine: &activation::Model,
    claim: &Status,
    now: Timestamp,
) -> Result<bool, Failure> {
    if *claim == status(ctx, machine.status_serial) {
        return Ok(false);
    }
    Ok(value(ctx, &ctx.db, &claim.status_list, now).await? == Some(StatusValue::Invalid))
}

impl Kept {
    fn is_fresh(&self, generation: i64, now: Timestamp, ttl: Seconds) -> bool {
        self.generation >= generation
            && signed_lists::is_recent(self.seen_at, now, FRESH)
            && signed_lists::is_recent(self.signed_at, now, ttl)
            && self.turns_at.is_none_or(|at| now < at)
    }
}

/// What a list says, computed off the threads that serve: it has many entries.
struct Contents {
    entries: Entries,
    digest: Vec<u8>,
    turns_at: Option<Timestamp>,
}

impl Contents {
    fn of(standings: &[(i64, Standing)], shuffle: &Shuffle, now: Timestamp) -> Self {
        let mut entries = Entries::default();
        for (serial, standing) in standings {
            entries.set(shuffle.idx(*serial), standing.value(now));
        }
        let digest = digest(&SHA256, entries.bytes()).as_ref().to_vec();
        let turns_at = standings.iter().filter_map(|(_, standing)| standing.turns_at(now)).min();
        Self { entries, digest, turns_at }
    }
}

/// Reads the entries, and signs them unless they are signed already as they are.
async fn make(
    ctx: &Context,
    list: ListNumber,
    generation: i64,
    now: Timestamp,
    former: Option<&Kept>,
) -> Result<Kept, Failure> {
    let standings = store::standings(&ctx.db, list).await?;
    let key = signed_lists::present_key(ctx, now).await?;
    let shuffle = shuffle(ctx, list);
    let Contents { entries, digest, turns_at } =
        compute(move || Contents::of(&standings, &shuffle, now)).await?;
    let same = former.filter(|former| {
        former.digest == digest
            && former.kid == key.kid()
            && signed_lists::is_recent(former.signed_at, now, ctx.settings.list_ttl)
    });
    if let Some(Kept { list, kid, signed_at, .. }) = same {
        let (list, kid) = (Arc::clone(list), kid.clone());
        return Ok(Kept { list, kid, digest, generation, seen_at: now, signed_at: *signed_at, turns_at });
    }
    let packed = compute(move || entries.packed()).await??;
    let (iat, exp) = signed_lists::life(ctx, now);
    let claims = StatusListClaims {
        iss: ctx.settings.issuer.clone(),
        aud: STATUS_LIST_AUDIENCE.to_owned(),
        sub: uri(ctx, list),
        iat,
        exp,
        ttl: ctx.settings.list_ttl.get(),
        status_list: StatusList { bits: entries::BITS, lst: packed },
    };
    let kid = key.kid().to_owned();
    let signed = signed_lists::sign(ctx, key, STATUS_LIST_TYP, claims, now).await?;
    Ok(Kept { list: signed, kid, digest, generation, seen_at: now, signed_at: now, turns_at })
}

fn uri(ctx: &Context, list: ListNumber) -> String {
    format!("{}{list}", uri_prefix(ctx))
}

fn uri_prefix(ctx: &Context) -> String {
    format!("{}/status-lists/", ctx.settings.issuer)
}
