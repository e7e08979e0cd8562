//! Lists for everybody, signed once and served many times.
//!
//! What did not change is answered from memory: how often what is revoked has changed is known there
//! ([`crate::changes`]). Whoever asks for a list while it is made waits for that one. While the database
//! is gone, what was signed last is served for as long as it says that it is good.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use licentia_types::time::{Seconds, Timestamp};
use serde::Serialize;

use crate::context::{Context, compute};
use crate::failure::Failure;
use crate::signing_keys::SigningKey;

/// How long a signed list is to be believed where nothing newer can be fetched.
const LIFE: Seconds = Seconds::constant(86_400);
/// Most status lists that are kept; a list has 131,072 places.
const MOST: usize = 64;

/// A list as it leaves.
#[derive(Debug)]
pub struct SignedList {
    text: Bytes,
    etag: String,
}

impl SignedList {
    /// The compact JWS.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The same, shared: an answer needs no copy.
    #[must_use]
    pub fn shared(&self) -> Bytes {
        self.text.clone()
    }

    /// A strong entity tag (RFC 9110 §8.8.3), in its quotes.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }
}

/// The life of a list that is signed at `now`: `iat` and `exp`.
pub(crate) fn life(ctx: &Context, now: Timestamp) -> (i64, i64) {
    ((now - ctx.settings.backdate).seconds(), (now + LIFE).seconds())
}

/// Whether a list that was signed at `at` is still good for somebody who fetches it at `now`.
pub(crate) fn is_good(at: Timestamp, now: Timestamp) -> bool {
    is_recent(at, now, LIFE)
}

/// Whether `at` was no longer ago than `within`. A clock that was set back makes nothing fresh.
pub(crate) fn is_recent(at: Timestamp, now: Timestamp, within: Seconds) -> bool {
    now < at + within && at < now + within
}

/// The key that signs lists, read anew: it may have been revoked on another instance a moment ago.
pub(crate) async fn present_key(ctx: &Context, now: Timestamp) -> Result<Arc<SigningKey>, Failure> {
    ctx.keys.refresh(ctx, now).await;
    ctx.document_key(now).await
}

/// Signs a list, off the threads that serve: it may be long. Never inside a transaction.
pub(crate) async fn sign(
    ctx: &Context,
    key: Arc<SigningKey>,
    typ: &'static str,
    claims: impl Serialize + Send + 'static,
    now: Timestamp,
) -> Result<Arc<SignedList>, Failure> {
    key.reserve(&ctx.db, now + LIFE).await?;
    let signed = compute(move || {
        let text = key.sign_document(typ, &claims)?;
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes())));
        Ok::<_, Failure>(SignedList { text: text.into(), etag })
    });
    Ok(Arc::new(signed.await??))
}

/// What is kept of one list; locked while it is made, so that it is made once.
pub(crate) type Slot<T> = Arc<tokio::sync::Mutex<Option<T>>>;

/// The lists that were asked for lately.
#[derive(Debug, Default)]
pub(crate) struct SignedLists {
    pub(crate) revocations: Slot<crate::revocations::Kept>,
    statuses: Mutex<Statuses>,
}

#[derive(Debug, Default)]
struct Statuses {
    uses: u64,
    slots: HashMap<i64, (u64, Slot<crate::status_lists::Kept>)>,
}

impl SignedLists {
    /// The slot of a status list that was asked for before.
    pub(crate) fn known(&self, list: i64) -> Option<Slot<crate::status_lists::Kept>> {
        let mut statuses = self.statuses();
        statuses.uses += 1;
        let present = statuses.uses;
        let (used, slot) = statuses.slots.get_mut(&list)?;
        *used = present;
        Some(Arc::clone(slot))
    }

    /// The slot of a status list that exists; the one that nobody asked for longest makes room.
    pub(crate) fn of(&self, list: i64) -> Slot<crate::status_lists::Kept> {
        let mut statuses = self.statuses();
        statuses.uses += 1;
        let uses = statuses.uses;
        if statuses.slots.len() >= MOST && !statuses.slots.contains_key(&list) {
            let oldest = statuses.slots.iter().min_by_key(|(_, (used, _))| *used).map(|(list, _)| *list);
            oldest.and_then(|oldest| statuses.slots.remove(&oldest));
        }
        let (_, slot) = statuses.slots.entry(list).or_insert_with(|| (uses, Slot::default()));
        Arc::clone(slot)
    }

    fn statuses(&self) -> MutexGuard<'_, Statuses> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_lists_are_kept_than_there_is_room_for() {
        let lists = SignedLists::default();
        let first = lists.of(0);
        for list in 1..64 {
            lists.of(list);
        }
        assert!(Arc::ptr_eq(&first, &lists.known(0).unwrap()), "asked for again, it is the newest");
        lists.of(64);
        assert!(lists.known(1).is_none(), "the one that nobody asked for longest went");
        assert!(Arc::ptr_eq(&first, &lists.of(0)));
        assert_eq!(lists.statuses().slots.len(), MOST);
    }
}
