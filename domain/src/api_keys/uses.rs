//! When keys were used, in memory until it is written: a request waits for no write of its own key.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use licentia_types::ids::ApiKeyId;
use licentia_types::time::{Seconds, Timestamp};

use super::store;
use crate::context::Context;
use crate::database::Lane;
use crate::failure::Failure;

/// How often the audit log is told that a key was used from elsewhere.
const TELLING: Seconds = Seconds::constant(60);

/// What this instance saw of keys. Only those that exist are in it, so that nobody fills it with guesses.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Uses that were not written yet.
    used: HashMap<ApiKeyId, Timestamp>,
    /// When the log was told last that the key came from elsewhere.
    told: HashMap<ApiKeyId, Timestamp>,
}

impl Uses {
    /// A key was used.
    pub(super) fn used(&self, id: ApiKeyId, now: Timestamp) {
        self.lock().used.insert(id, now);
    }

    /// The last use that was not written yet.
    pub(super) fn last(&self, id: ApiKeyId) -> Option<Timestamp> {
        self.lock().used.get(&id).copied()
    }

    /// Whether it is time to tell that the key came from elsewhere; remembers that it was.
    pub(super) fn is_news(&self, id: ApiKeyId, now: Timestamp) -> bool {
        let mut seen = self.lock();
        let told = seen.told.get(&id).is_some_and(|at| *at <= now && now < *at + TELLING);
        if !told {
            seen.told.insert(id, now);
        }
        !told
    }

    /// Uses to write, in the order of the keys: two instances never wait for each other.
    fn waiting(&self) -> Vec<(ApiKeyId, Timestamp)> {
        let mut waiting: Vec<_> = self.lock().used.iter().map(|(id, at)| (*id, *at)).collect();
        waiting.sort_unstable();
        waiting
    }

    /// These are written; what was used since still waits.
    fn forget(&self, written: &[(ApiKeyId, Timestamp)]) {
        let mut seen = self.lock();
        for (id, at) in written {
            if seen.used.get(id) == Some(at) {
                seen.used.remove(id);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes down when keys were used last.
///
/// # Errors
/// When the database fails; it is tried again with the next call.
pub async fn write_uses(ctx: &Context) -> Result<(), Failure> {
    let waiting = ctx.api_key_uses.waiting();
    if waiting.is_empty() {
        return Ok(());
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    for (id, at) in &waiting {
        store::mark_used(&tx, *id, *at).await?;
    }
    tx.commit().await?;
    ctx.api_key_uses.forget(&waiting);
    Ok(())
}
