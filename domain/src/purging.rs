//! Forgetting what has been kept for long enough. The audit log is kept for good.

use licentia_entity::{
    account_request, activation_claim, event, kept_outcome, password_request, reactivation, seat_release,
    session, system_event,
};
use licentia_types::time::{Seconds, Timestamp};
use licentia_types::usage::Day;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, TryGetable, Value,
};

use crate::activations::reactivations;
use crate::context::Context;
use crate::database::Lane;
use crate::failure::Failure;
use crate::jobs::Left;
use crate::{accounts, assemblies, mail, once, usage};

/// Rows of one transaction: so few that nobody waits for it.
const BATCH: u64 = 500;
/// Manifests of one transaction: each has up to 256 rows.
const MANIFESTS: u64 = 10;
/// Transactions of one turn: however much is old, the other jobs get theirs.
const MOST_BATCHES: usize = 40;
/// Releases of seats count for thirty days; a licence that is used drops its own.
const SEAT_RELEASES: Seconds = Seconds::constant(31 * 86_400);
/// Claims live for minutes; so long after they were made it can be seen who was let in.
const ACTIVATION_CLAIMS: Seconds = Seconds::constant(30 * 86_400);

/// Whoever forgot his password, or asked for a code, waits for minutes.
const REQUESTS: Seconds = Seconds::constant(86_400);

/// How long is kept what does not stay for good.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Events for mail and webhooks.
    pub events: Seconds,
    /// Warnings and errors of the server itself.
    pub system_events: Seconds,
    /// Usage, by whole days.
    pub usage: Seconds,
    /// Letters that were sent or given up.
    pub mails: Seconds,
}

/// Deletes what is older than it has to be.
pub(crate) async fn purge(ctx: &Context, now: Timestamp) -> Result<Left, Failure> {
    let Retention { events, system_events, usage, mails } = ctx.settings.retention;
    let mut purge = Purge { ctx, now, left: MOST_BATCHES };
    purge.table::<event::Entity, i64>(event::Column::Id, event::Column::At, events).await?;
    purge
        .table::<system_event::Entity, uuid::Uuid>(
            system_event::Column::Id,
            system_event::Column::At,
            system_events,
        )
        .await?;
    purge
        .table::<seat_release::Entity, i64>(
            seat_release::Column::Id,
            seat_release::Column::ReleasedAt,
            SEAT_RELEASES,
        )
        .await?;
    purge.usage(usage).await?;
    purge
        .table::<activation_claim::Entity, uuid::Uuid>(
            activation_claim::Column::Id,
            activation_claim::Column::RequestedAt,
            ACTIVATION_CLAIMS,
        )
        .await?;
    purge
        .table::<reactivation::Entity, i64>(
            reactivation::Column::Id,
            reactivation::Column::At,
            reactivations::PERIOD,
        )
        .await?;
    // Those that go on are younger.
    purge
        .table::<session::Entity, uuid::Uuid>(
            session::Column::Id,
            session::Column::CreatedAt,
            ctx.settings.sessions.lifetime,
        )
        .await?;
    purge
        .table::<kept_outcome::Entity, uuid::Uuid>(
            kept_outcome::Column::Id,
            kept_outcome::Column::KeptAt,
            once::KEPT,
        )
        .await?;
    purge.codes().await?;
    purge.registrations().await?;
    purge.mails(mails).await?;
    // Those that nobody looked at: mail was switched off.
    purge
        .table::<password_request::Entity, uuid::Uuid>(
            password_request::Column::Id,
            password_request::Column::RequestedAt,
            REQUESTS,
        )
        .await?;
    purge
        .table::<account_request::Entity, uuid::Uuid>(
            account_request::Column::Id,
            account_request::Column::RequestedAt,
            REQUESTS,
        )
        .await?;
    purge.manifests().await?;
    Ok(if purge.left == 0 { Left::More } else { Left::Nothing })
}

struct Purge<'a> {
    ctx: &'a Context,
    now: Timestamp,
    /// How many transactions it may still take.
    left: usize,
}

impl Purge<'_> {
    /// Ids rise with time, so the oldest rows have the lowest: a table that holds nothing old costs
    /// a look at one batch. Rows that say they are of the future, from when a clock was wrong, tell
    /// nothing of those behind them.
    async fn table<E, Id>(&mut self, id: E::Column, at: E::Column, keep: Seconds) -> Result<(), Failure>
    where
        E: EntityTrait,
        Id: TryGetable + Into<Value> + Copy + Send + Sync,
    {
        let before = self.now - keep;
        let mut after: Option<Id> = None;
        while self.left > 0 {
            let rows: Vec<(Id, Timestamp)> = E::find()
                .select_only()
                .columns([id, at])
                .apply_if(after, |select, after| select.filter(id.gt(after)))
                .order_by_asc(id)
                .limit(BATCH)
                .into_tuple()
                .all(&self.ctx.db)
                .await?;
            after = rows.last().map(|(id, _)| *id);
            let old: Vec<Id> = rows.iter().filter(|(_, at)| *at < before).map(|(id, _)| *id).collect();
            let odd = rows.iter().any(|(_, at)| *at > self.now);
            if old.is_empty() && !odd {
                return Ok(());
            }
            if !old.is_empty() {
                let tx = self.ctx.db.write(Lane::Ordinary).await?;
                E::delete_many().filter(id.is_in(old)).exec(&tx).await?;
                tx.commit().await?;
                self.left -= 1;
            }
        }
        Ok(())
    }

    /// Codes that were sent, with what was guessed then. There is one for each address at most.
    async fn codes(&mut self) -> Result<(), Failure> {
        let before = accounts::forget_asked_before(self.now);
        if !accounts::store::any_code_before(&self.ctx.db, before).await? {
            return Ok(());
        }
        let tx = self.ctx.db.write(Lane::Ordinary).await?;
        accounts::store::forget_codes_before(&tx, before).await?;
        tx.commit().await?;
        self.left = self.left.saturating_sub(1);
        Ok(())
    }

    /// Who registered and did not confirm it in time.
    async fn registrations(&mut self) -> Result<(), Failure> {
        if self.left == 0 || !accounts::store::any_registration_over(&self.ctx.db, self.now).await? {
            return Ok(());
        }
        let tx = self.ctx.db.write(Lane::Ordinary).await?;
        accounts::store::forget_registrations_over(&tx, self.now).await?;
        tx.commit().await?;
        self.left -= 1;
        Ok(())
    }

    /// Letters that are done with.
    async fn mails(&mut self, keep: Seconds) -> Result<(), Failure> {
        while self.left > 0 {
            let old = mail::store::done_before(&self.ctx.db, self.now - keep, BATCH).await?;
            if old.is_empty() {
                return Ok(());
            }
            let tx = self.ctx.db.write(Lane::Ordinary).await?;
            mail::store::forget(&tx, old).await?;
            tx.commit().await?;
            self.left -= 1;
        }
        Ok(())
    }

    /// Manifests that no machine names any more.
    async fn manifests(&mut self) -> Result<(), Failure> {
        let mut after = Vec::new();
        while self.left > 0 {
            let digests = assemblies::unnamed(&self.ctx.db, &after, MANIFESTS).await?;
            let Some(last) = digests.last() else { return Ok(()) };
            after.clone_from(last);
            let tx = self.ctx.db.write(Lane::Ordinary).await?;
            assemblies::forget_unnamed(&tx, digests).await?;
            tx.commit().await?;
            self.left -= 1;
        }
        Ok(())
    }

    /// Days that ended longer ago than they are kept, in portions of their key's order.
    async fn usage(&mut self, keep: Seconds) -> Result<(), Failure> {
        let before = Day::of(self.now - keep);
        while self.left > 0 && usage::any_before(&self.ctx.db, before).await? {
            let tx = self.ctx.db.write(Lane::Ordinary).await?;
            usage::forget_before(&tx, before, BATCH).await?;
            tx.commit().await?;
            self.left -= 1;
        }
        Ok(())
    }
}
