//! Usage: how often licences were validated and with which outcome, and what machines report to have used, added up
//! by UTC day.
//!
//! Validations are counted in memory, off the request's path, and written every quarter of a second, before they are
//! read, and when the server stops: a crash loses less than a second of them. They are never counted twice: where a
//! commit was not confirmed, its counts are taken for lost, and told so. What a heartbeat reports is written in the
//! transaction that rotates the machine's nonce: it counts once, and a crash loses nothing of it.
//!
//! Names are bounded: actions are the declared entitlements of the licence's product, versions are as many as a
//! licence may have on a day ([`store::MOST_VERSIONS`]); whatever is beyond counts as [`OTHER`].

use std::sync::Arc;

use licentia_types::ids::LicenseId;
use licentia_types::usage::Day;
use uuid::Uuid;

use crate::context::Context;
use crate::database::{Database, Lane, is_answered};
use crate::failure::Failure;

pub(crate) use buffer::{Counted, Usage};
pub use export::{Export, export};
pub use listing::list;
pub use query::{UsageFilter, UsageQuery};
pub(crate) use store::{Count, add, any_before, forget_before, merged};

mod buffer;
mod export;
mod listing;
mod query;
mod store;

/// The action of a validation that names none. No key of a feature begins so.
pub(crate) const VALIDATE: &str = "_validate";
/// Any action that is no declared entitlement; any version that is one too many.
pub(crate) const OTHER: &str = "other";
/// The outcome of what a heartbeat reports.
pub(crate) const REPORTED: &str = "REPORTED";
/// Stands for the licence where none was known.
const NOBODY: LicenseId = LicenseId::new(Uuid::nil());

/// Writes what was counted here. It is not given up half-way: whoever stops waiting for it does not stop it. What
/// was surely not written is kept, to be tried again.
///
/// # Errors
/// When the database fails.
pub async fn flush(ctx: &Context) -> Result<(), Failure> {
    let writing = tokio::spawn(write(ctx.db.aside(), Arc::clone(&ctx.usage)));
    writing.await.map_err(|_| Failure::Cancelled)?
}

/// How much was lost that nobody was told of yet: too many different things were counted while the database did not
/// take them, or a commit was not confirmed.
pub fn lost(ctx: &Context) -> u64 {
    ctx.usage.lost()
}

/// Somebody was told of so much that was lost.
pub fn told(ctx: &Context, lost: u64) {
    ctx.usage.told(lost);
}

/// How much waits here to be written.
pub fn unwritten(ctx: &Context) -> i64 {
    ctx.usage.sum()
}

/// Whoever reads waits for what is under way. Each piece is a transaction of its own.
async fn write(db: Database, usage: Arc<Usage>) -> Result<(), Failure> {
    let _turn = usage.turn().await;
    let mut counts = usage.take();
    while !counts.is_empty() {
        let some = counts.split_off(counts.len().saturating_sub(store::ROWS));
        match write_some(&db, &some).await {
            Ok(()) => {}
            Err(NotWritten::Surely(failure)) => {
                usage.put_back(counts.into_iter().chain(some));
                return Err(failure);
            }
            Err(NotWritten::Perhaps(failure)) => {
                usage.lose(&some);
                usage.put_back(counts.into_iter());
                return Err(failure);
            }
        }
    }
    Ok(())
}

/// What is known of counts whose transaction failed.
enum NotWritten {
    Surely(Failure),
    Perhaps(Failure),
}

/// Before what is ordinary, as heartbeats: a busy database does not make a crash cost more.
async fn write_some(db: &Database, counts: &[Count]) -> Result<(), NotWritten> {
    let surely = |error| NotWritten::Surely(Failure::Database(error));
    let tx = db.write(Lane::Heartbeat).await.map_err(surely)?;
    add(&tx, counts).await.map_err(surely)?;
    tx.commit().await.map_err(|error| {
        let answered = is_answered(&error);
        let failure = Failure::Database(error);
        if answered { NotWritten::Surely(failure) } else { NotWritten::Perhaps(failure) }
    })
}

/// What a machine reported in a heartbeat.
pub(crate) fn reported<'a>(
    day: Day,
    license: LicenseId,
    product_version: Option<&'a str>,
    counts: &'a licentia_types::usage::UsageCounts,
) -> impl Iterator<Item = Count> + 'a {
    counts.iter().map(move |(name, times)| Count {
        day,
        license,
        product_version: product_version.unwrap_or_default().to_owned(),
        action: name.as_str().to_owned(),
        outcome: REPORTED,
        times,
    })
}
