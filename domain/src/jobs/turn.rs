//! An instance's turn at a job: a lease, and the mark up to which everything is done.

use licentia_entity::job::{self, Column};
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, UpdateMany};

use super::{Job, due};
use crate::context::Context;
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;

/// How long an instance may be silent before another one takes its job over.
pub(super) const LEASE: Seconds = Seconds::constant(120);

/// What a turn left of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// All is done.
    Nothing,
    /// So much is left that the other jobs go first.
    More,
}

/// The right to run a job for a while.
pub(crate) struct Turn {
    job: Job,
    holder: String,
    /// Up to when everything was done when this turn began.
    pub(crate) since: Timestamp,
    /// When it began.
    pub(crate) now: Timestamp,
}

impl Turn {
    /// None when another instance is at it, or its row does not fulfil `condition`.
    pub(super) async fn take(ctx: &Context, job: Job, condition: Condition) -> Result<Option<Self>, Failure> {
        let moment = ctx.moment();
        let now = moment.now;
        let holder = hex::encode(moment.random::<16>()?);
        let tx = ctx.db.write(Lane::Ordinary).await?;
        let fresh = job::ActiveModel {
            name: Set(job.name().to_owned()),
            due_at: Set(now),
            done_until: Set(now),
            holder: Set(None),
            leased_until: Set(None),
        };
        job::Entity::insert(fresh)
            .on_conflict(OnConflict::column(Column::Name).do_nothing().to_owned())
            .exec_without_returning(&tx)
            .await?;
        let taken = job::Entity::update_many()
            .col_expr(Column::Holder, holder.clone().into())
            .col_expr(Column::LeasedUntil, (now + LEASE).into())
            .filter(Column::Name.eq(job.name()))
            .filter(due::free(now))
            .filter(condition)
            .exec(&tx)
            .await?
            .rows_affected;
        let row = job::Entity::find_by_id(job.name().to_owned()).one(&tx).await?;
        tx.commit().await?;
        let since = row.ok_or(Failure::Corrupt("job"))?.done_until;
        Ok((taken == 1).then_some(Self { job, holder, since, now }))
    }

    /// Goes on holding the lease, as a part of `tx`; to be called first in it. False when another
    /// instance has taken the job over: then nothing of `tx` may be committed. Until `tx` ends
    /// nobody can.
    pub(crate) async fn keep(&self, ctx: &Context, tx: &WriteTx) -> Result<bool, Failure> {
        let until = ctx.moment().now + LEASE;
        let kept = self.row().col_expr(Column::LeasedUntil, until.into()).exec(tx).await?;
        Ok(kept.rows_affected == 1)
    }

    /// The same, and what was due until `until` is done by `tx`.
    pub(crate) async fn reach(&self, ctx: &Context, tx: &WriteTx, until: Timestamp) -> Result<bool, Failure> {
        let reached = self.row().col_expr(Column::DoneUntil, until.into()).exec(tx).await?;
        Ok(reached.rows_affected == 1 && self.keep(ctx, tx).await?)
    }

    /// All is done. The mark never goes back, whatever the clock does.
    pub(super) async fn done(self, ctx: &Context) -> Result<(), Failure> {
        let done = self
            .row()
            .col_expr(Column::DueAt, (self.now + self.job.every()).into())
            .col_expr(Column::DoneUntil, self.now.max(self.since).into());
        Self::end(ctx, done).await
    }

    /// There is more to do: it stays due, and its mark where it is.
    pub(super) async fn pause(self, ctx: &Context) -> Result<(), Failure> {
        let paused = self.row().col_expr(Column::DueAt, self.now.into());
        Self::end(ctx, paused).await
    }

    /// It failed: whoever comes first may try again soon.
    pub(super) async fn failed(self, ctx: &Context) -> Result<(), Failure> {
        let failed = self.row().col_expr(Column::DueAt, (self.now + self.job.retry()).into());
        Self::end(ctx, failed).await
    }

    async fn end(ctx: &Context, update: UpdateMany<job::Entity>) -> Result<(), Failure> {
        let tx = ctx.db.write(Lane::Ordinary).await?;
        update
            .col_expr(Column::Holder, Option::<String>::None.into())
            .col_expr(Column::LeasedUntil, Option::<Timestamp>::None.into())
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The job's row, as long as this turn holds it.
    fn row(&self) -> UpdateMany<job::Entity> {
        job::Entity::update_many()
            .filter(Column::Name.eq(self.job.name()))
            .filter(Column::Holder.eq(self.holder.as_str()))
    }
}
