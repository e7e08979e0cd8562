//! Notices before a licence expires, and when it has: once for each licence and expiry.
//!
//! Each run tells of what came due since the mark of the last one, and moves the mark in the same
//! transaction. So nothing is told twice, whichever instance runs, and nothing is left out when
//! none ran for days. A renewal moves the expiry, which is then crossed again.

use licentia_entity::license::{self, Column, Status};
use licentia_types::ids::LicenseId;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use serde_json::json;

use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::events::{self, Event, Kind};
use crate::failure::Failure;
use crate::jobs::Turn;

/// About so many notices of each kind are written in one transaction.
const BATCH: u64 = 500;
const DAY: u32 = 86_400;

/// A notice: so many days before the expiry.
#[derive(Clone, Copy, Debug)]
struct Notice {
    days: u32,
    kind: Kind,
}

const NOTICES: [Notice; 3] = [
    Notice { days: 30, kind: Kind::LicenseExpiring },
    Notice { days: 7, kind: Kind::LicenseExpiring },
    Notice { days: 0, kind: Kind::LicenseExpired },
];

impl Notice {
    const fn ahead(self) -> Seconds {
        Seconds::constant(self.days * DAY)
    }

    /// Active licences whose notice is due after `since` and not after `until`, and that had longer
    /// to go when they were made and when their time began, which may be at the first activation:
    /// of thirty days nobody says that thirty are left. Not covered is a renewal from now: that it
    /// was renewed does not show in the licence, so when it is for just thirty or seven days, that
    /// many are told to be left.
    fn due(self, since: Timestamp, until: Timestamp) -> Condition {
        let ahead = self.ahead();
        let due_at = || Expr::col(Column::ExpiresAt).sub(ahead.get().saturating_mul(1_000_000));
        Condition::all()
            .add(Column::Status.eq(Status::Active))
            .add(Column::ExpiresAt.gt(since + ahead))
            .add(Column::ExpiresAt.lte(until + ahead))
            .add(Expr::col(Column::CreatedAt).lt(due_at()))
            .add(Expr::col(Column::StartsAt).lt(due_at()))
    }
}

/// Tells of everything that came due since the last run.
pub(crate) async fn tell(ctx: &Context, turn: &Turn) -> Result<(), Failure> {
    let moment = ctx.moment();
    let mut since = turn.since;
    while since < turn.now {
        let until = next_stop(ctx, since, turn.now).await?;
        let tx = ctx.db.write(Lane::Ordinary).await?;
        if !turn.reach(ctx, &tx, until).await? {
            return Ok(());
        }
        for notice in NOTICES {
            write(&tx, &moment, notice, since, until).await?;
        }
        tx.commit().await?;
        since = until;
    }
    Ok(())
}

/// An instant up to which there is about one batch of notices. Those of one instant are not divided.
async fn next_stop(ctx: &Context, since: Timestamp, now: Timestamp) -> Result<Timestamp, Failure> {
    let mut stop = now;
    for notice in NOTICES {
        let last: Option<Timestamp> = license::Entity::find()
            .select_only()
            .column(Column::ExpiresAt)
            .filter(notice.due(since, stop))
            .order_by_asc(Column::ExpiresAt)
            .offset(BATCH - 1)
            .limit(1)
            .into_tuple()
            .one(&ctx.db)
            .await?;
        stop = last.map_or(stop, |expiry| Ord::min(stop, expiry - notice.ahead()));
    }
    Ok(stop)
}

async fn write(
    tx: &WriteTx,
    moment: &Moment<'_>,
    notice: Notice,
    since: Timestamp,
    until: Timestamp,
) -> Result<(), Failure> {
    let mut after: Option<LicenseId> = None;
    loop {
        let due = license::Entity::find()
            .filter(notice.due(since, until))
            .apply_if(after, |select, after| select.filter(Column::Id.gt(after)))
            .order_by_asc(Column::Id)
            .limit(BATCH)
            .all(tx)
            .await?;
        let Some(last) = due.last() else { return Ok(()) };
        after = Some(last.id);
        let notices = due.iter().map(|license| event(notice, license)).collect();
        events::record_all(tx, moment, notices).await?;
    }
}

fn event(notice: Notice, license: &license::Model) -> Event {
    let data = json!({"daysLeft": notice.days, "expiresAt": license.expires_at, "trial": license.trial});
    Event::new(notice.kind, &license.id, data).of_license(license)
}
