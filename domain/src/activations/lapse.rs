//! Leases that ended: a floating machine that was silent for too long loses its seat.
//!
//! Whoever holds the licence's row may find them first: the job, an activation that needs a seat,
//! or another machine that wants to come back. A lapse costs no release: the lease was the promise.

use licentia_entity::{activation, license};
use licentia_types::activations::ActivationStatus;
use licentia_types::ids::LicenseId;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

use super::seats::change_seats;
use super::{Told, tell};
use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx};
use crate::events::Kind;
use crate::failure::Failure;
use crate::licenses;
use crate::scope::Scope;

/// Most machines that one transaction lapses.
const MACHINES: u64 = 100;
/// Most licences that are looked up at once.
const LICENSES: u64 = 100;

/// Which machines have lapsed by `now`, though nobody wrote it down yet.
pub(super) fn ended(now: Timestamp) -> Condition {
    Condition::all()
        .add(Expr::col(activation::Column::Floating))
        .add(activation::Column::Status.eq(ActivationStatus::Active))
        .add(activation::Column::LeaseUntil.lte(now))
}

/// Lapses every floating machine whose lease has ended, licence by licence.
pub(crate) async fn lapse_floating(ctx: &Context) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let found = licenses_with_lapses(ctx, after, ctx.moment().now).await?;
        let Some(last) = found.last().copied() else { return Ok(()) };
        for id in found {
            while lapse_some_of(ctx, id).await? == MACHINES {}
        }
        after = Some(last);
    }
}

async fn licenses_with_lapses(
    ctx: &Context,
    after: Option<LicenseId>,
    now: Timestamp,
) -> Result<Vec<LicenseId>, DbErr> {
    let mut found = activation::Entity::find().filter(ended(now));
    if let Some(after) = after {
        found = found.filter(activation::Column::LicenseId.gt(after));
    }
    found
        .select_only()
        .column(activation::Column::LicenseId)
        .distinct()
        .order_by_asc(activation::Column::LicenseId)
        .limit(LICENSES)
        .into_tuple()
        .all(&ctx.db)
        .await
}

/// Tells how many lapsed.
async fn lapse_some_of(ctx: &Context, id: LicenseId) -> Result<u64, Failure> {
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let license = licenses::store::find_locked(&tx, Scope::License(id), id).await?;
    let lapsed = lapse(&tx, &moment, &mut license.ok_or(Failure::Corrupt("licence"))?).await?;
    tx.commit().await?;
    Ok(lapsed)
}

/// Lapses machines of a licence whose row is held, and frees their seats. Tells how many lapsed.
pub(super) async fn lapse(
    tx: &WriteTx,
    moment: &Moment<'_>,
    license: &mut license::Model,
) -> Result<u64, Failure> {
    let due = activation::Entity::find()
        .filter(activation::Column::LicenseId.eq(license.id))
        .filter(ended(moment.now))
        .order_by_asc(activation::Column::Id)
        .limit(MACHINES)
        .lock(LockType::NoKeyUpdate)
        .all(tx)
        .await?;
    if due.is_empty() {
        return Ok(0);
    }
    activation::Entity::update_many()
        .col_expr(activation::Column::Status, ActivationStatus::Lapsed.into())
        .col_expr(activation::Column::HoldsSeat, Expr::value(false))
        .col_expr(activation::Column::FreeEnvironment, Expr::value(None::<String>))
        .col_expr(activation::Column::UpdatedAt, moment.now.into())
        .col_expr(activation::Column::Version, Expr::col(activation::Column::Version).add(1))
        .filter(activation::Column::Id.is_in(due.iter().map(|machine| machine.id)))
        .exec(tx)
        .await?;
    let seats = due.iter().filter(|machine| machine.holds_seat).count();
    let seats = i32::try_from(seats).map_err(|_| Failure::Corrupt("number of seats"))?;
    change_seats(tx, license, -seats).await?;
    for machine in &due {
        record(tx, moment, license, machine).await?;
    }
    u64::try_from(due.len()).map_err(|_| Failure::Corrupt("number of seats"))
}

async fn record(
    tx: &WriteTx,
    moment: &Moment<'_>,
    license: &license::Model,
    machine: &activation::Model,
) -> Result<(), Failure> {
    let detail = json!({"leaseUntil": machine.lease_until, "freeEnvironment": machine.free_environment});
    let told = Told { kind: Kind::ActivationLapsed, machine: machine.id, license, detail };
    tell(tx, moment, &Caller::system(), told).await
}
