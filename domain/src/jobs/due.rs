//! When a job is due, and when it is free to be taken: as conditions on its row, and as rules on a
//! row that was read.
//!
//! A time that is further ahead than this program ever writes comes from a clock that was wrong, or
//! from somebody who would stop the job: it is not waited for.

use licentia_entity::job::{self, Column};
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::{ColumnTrait, Condition};

use super::Job;
use super::turn::LEASE;

/// By so much the clocks of two instances may differ.
const SKEW: Seconds = Seconds::constant(30);

/// The latest time at which a job that has run may be due.
fn latest_due(job: Job, now: Timestamp) -> Timestamp {
    now + job.every().max(job.retry()) + SKEW
}

fn latest_lease(now: Timestamp) -> Timestamp {
    now + LEASE + SKEW
}

pub(super) fn due(job: Job, now: Timestamp) -> Condition {
    Condition::any().add(Column::DueAt.lte(now)).add(Column::DueAt.gt(latest_due(job, now)))
}

pub(super) fn is_due(job: Job, row: &job::Model, now: Timestamp) -> bool {
    row.due_at <= now || row.due_at > latest_due(job, now)
}

/// No instance is at it.
pub(super) fn free(now: Timestamp) -> Condition {
    Condition::any()
        .add(Column::LeasedUntil.is_null())
        .add(Column::LeasedUntil.lte(now))
        .add(Column::LeasedUntil.gt(latest_lease(now)))
}

pub(super) fn is_free(row: &job::Model, now: Timestamp) -> bool {
    row.leased_until.is_none_or(|until| until <= now || until > latest_lease(now))
}
