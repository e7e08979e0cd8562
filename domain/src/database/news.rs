//! What a transaction changes of that which instances keep in memory: counted here when it ends, and
//! told to the other instances with its commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr};

use crate::randomness::{Randomness, SystemRandomness};

/// Where PostgreSQL's instances hear of each other.
pub(super) const CHANNEL: &str = "licentia_changes";

/// Who has to hear of a change at once. Whoever does not finds it when he looks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This instance: such changes come in numbers, and notifying makes commits wait for each other.
    Here,
    /// Every instance.
    Everywhere,
}

/// How often something has changed, as far as this instance heard.
#[derive(Debug)]
pub(super) struct Marks {
    count: AtomicU64,
    /// Tells our own notifications from those of others; none: we hear our own ones, too.
    instance: Option<String>,
}

impl Default for Marks {
    fn default() -> Self {
        let mut name = [0; 8];
        let named = SystemRandomness::new().fill(&mut name).is_ok();
        Self { count: AtomicU64::new(0), instance: named.then(|| hex::encode(name)) }
    }
}

impl Marks {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    pub(super) fn raise(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether a notification that says this is our own.
    pub(super) fn is_own(&self, payload: &str) -> bool {
        self.instance.as_deref() == Some(payload)
    }
}

/// The changes of one transaction. However it ends, the marks are raised when it has: also when the
/// outcome of its commit is not known.
#[derive(Debug)]
pub(super) struct News {
    marks: Arc<Marks>,
    here: AtomicBool,
    everywhere: AtomicBool,
}

impl News {
    pub(super) fn none_yet(marks: &Arc<Marks>) -> Self {
        Self { marks: Arc::clone(marks), here: AtomicBool::new(false), everywhere: AtomicBool::new(false) }
    }

    pub(super) fn add(&self, reach: Reach) {
        self.here.store(true, Ordering::SeqCst);
        if reach == Reach::Everywhere {
            self.everywhere.store(true, Ordering::SeqCst);
        }
    }

    /// The last statement before the commit, with which it is told.
    pub(super) async fn tell(&self, transaction: &DatabaseTransaction) -> Result<(), DbErr> {
        let others = transaction.get_database_backend() == DbBackend::Postgres;
        if others && self.everywhere.load(Ordering::SeqCst) {
            let instance = self.marks.instance.as_deref().unwrap_or_default();
            transaction.execute_unprepared(&format!("NOTIFY {CHANNEL}, '{instance}'")).await?;
        }
        Ok(())
    }
}

impl Drop for News {
    fn drop(&mut self) {
        if self.here.load(Ordering::SeqCst) {
            self.marks.raise();
        }
    }
}
