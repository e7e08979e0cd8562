//! Reading what is new, again and again, and missing nothing.
//!
//! Ids of events are given when they are written, and are seen when their transaction is committed: a
//! lower id may be seen later. So whatever was written after an id that was the last one a minute ago
//! is read again, and what was seen then is passed over.

use std::collections::{HashSet, VecDeque};

use licentia_types::time::{Seconds, Timestamp};

use super::store::{self, PAGE, Written};
use crate::database::Database;
use crate::failure::Failure;

/// How long after its event was written a change may be committed. PostgreSQL ends a transaction in
/// which nothing happens for half as long.
const OVERLAP: Seconds = Seconds::constant(60);
/// How far apart the places are that are kept of the way.
const STEP: Seconds = Seconds::constant(1);
/// Most changes that are read to catch up: beyond them it is quicker to begin anew.
const MOST: usize = 50_000;

/// How far the events were read.
#[derive(Debug, Default)]
pub(super) struct Feed {
    /// The last id at an instant; the first one is old enough, or nothing was before it.
    way: VecDeque<(Timestamp, i64)>,
    /// Ids after the first of the way that were seen.
    seen: HashSet<i64>,
    last: i64,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// Of revocations.
    pub(super) generation: i64,
    /// What was not seen before.
    pub(super) fresh: Vec<Written>,
}

impl Feed {
    /// Where to begin: at the last changes, as many as are read at once. Gives the instant of the one
    /// before them; none: there are no others.
    pub(super) async fn begin(db: &Database) -> Result<(Self, Option<Timestamp>), Failure> {
        let place = store::before_the_last(db, MOST).await?;
        let last = place.map_or(0, |(id, _)| id);
        let way = VecDeque::from([(Timestamp::from_micros(i64::MIN), last)]);
        Ok((Self { way, seen: HashSet::new(), last }, place.map(|(_, at)| at)))
    }

    /// Reads what is new at `now`.
    ///
    /// # Errors
    /// When the database fails, and when it has to be read from its beginning: so much is new, or it
    /// is another database than it was.
    pub(super) async fn read(&mut self, db: &Database, now: Timestamp) -> Result<Found, Failure> {
        let mut after = self.way.front().map_or(0, |(_, id)| *id);
        let mut fresh = Vec::new();
        loop {
            let page = store::after(db, after).await?;
            if page.newest < self.last || fresh.len() > 2 * MOST {
                return Err(Failure::Contended);
            }
            let is_last = page.written.len() < PAGE;
            after = page.written.last().map_or(after, |written| written.id);
            fresh.extend(page.written.into_iter().filter(|written| self.seen.insert(written.id)));
            if is_last {
                self.move_on(&fresh, now);
                return Ok(Found { generation: page.generation, fresh });
            }
        }
    }

    /// The way's first place becomes the last one that is old enough.
    fn move_on(&mut self, fresh: &[Written], now: Timestamp) {
        let settled = now - OVERLAP;
        let is_first_time = self.way.len() == 1;
        if is_first_time && let Some(old) = fresh.iter().rev().find(|written| written.at <= settled) {
            // Nothing was seen before: its own time has to say how old it is.
            self.way.push_back((settled, old.id));
        }
        self.last = fresh.iter().map(|written| written.id).fold(self.last, i64::max);
        if self.way.back().is_none_or(|(at, _)| *at + STEP <= now) {
            self.way.push_back((now, self.last));
        }
        while self.way.get(1).is_some_and(|(at, _)| *at <= settled) {
            self.way.pop_front();
        }
        if let Some((_, first)) = self.way.front().copied() {
            self.seen.retain(|id| *id > first);
        }
    }
}
