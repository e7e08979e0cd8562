//! Queries on places.

use std::collections::HashMap;

use licentia_entity::{activation, license, status_place};
use licentia_types::activations::ActivationStatus;
use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, RelationDef, Select,
};

use super::places::ListNumber;
use super::rules::Standing;
use crate::activations;
use crate::database::WriteTx;
use crate::failure::Failure;

/// The place of a machine that comes for the first time.
const NONE: i64 = 0;

type Row = (i64, Option<Timestamp>, ActivationStatus, Option<Timestamp>, license::Status, Option<Timestamp>);

fn select() -> Select<status_place::Entity> {
    let of_machine: RelationDef = status_place::Entity::belongs_to(activation::Entity)
        .from(status_place::Column::ActivationId)
        .to(activation::Column::Id)
        .into();
    let of_license: RelationDef = activation::Entity::belongs_to(license::Entity)
        .from(activation::Column::LicenseId)
        .to(license::Column::Id)
        .into();
    status_place::Entity::find()
        .select_only()
        .column(status_place::Column::Serial)
        .column(status_place::Column::InvalidFrom)
        .column_as(activation::Column::Status, "machine_status")
        .column_as(activation::Column::GraceUntil, "machine_grace")
        .column_as(license::Column::Status, "license_status")
        .column_as(license::Column::GraceUntil, "license_grace")
        .join(JoinType::InnerJoin, of_machine)
        .join(JoinType::InnerJoin, of_license)
}

fn standing((serial, invalid_from, machine, machine_grace, license, license_grace): Row) -> (i64, Standing) {
    (serial, Standing { invalid_from, machine, machine_grace, license, license_grace })
}

/// The places of a list that are not simply valid for good.
pub(super) async fn standings(
    db: &impl ConnectionTrait,
    list: ListNumber,
) -> Result<Vec<(i64, Standing)>, DbErr> {
    let (first, beyond) = list.serials();
    let remarkable = Condition::any()
        .add(status_place::Column::InvalidFrom.is_not_null())
        .add(activation::Column::Status.ne(ActivationStatus::Active))
        .add(license::Column::Status.ne(license::Status::Active));
    let rows: Vec<Row> = select()
        .filter(status_place::Column::Serial.gte(first))
        .filter(status_place::Column::Serial.lt(beyond))
        .filter(remarkable)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(standing).collect())
}

/// What is known of one place.
pub(super) async fn one(db: &impl ConnectionTrait, serial: i64) -> Result<Option<Standing>, DbErr> {
    let row = select().filter(status_place::Column::Serial.eq(serial)).into_tuple::<Row>().one(db).await?;
    Ok(row.map(|row| standing(row).1))
}

/// Whether any place of the list was handed out.
pub(super) async fn is_handed_out(db: &impl ConnectionTrait, list: ListNumber) -> Result<bool, DbErr> {
    let newest: Option<i64> = status_place::Entity::find()
        .select_only()
        .column(status_place::Column::Serial)
        .order_by_desc(status_place::Column::Serial)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    let (first, _) = list.serials();
    Ok(newest.is_some_and(|newest| first <= newest))
}

/// Gives a machine that comes, for the first time or back, a place that nobody had before. What it
/// had is invalid from `now`.
pub(crate) async fn take_place(
    tx: &WriteTx,
    machine: &mut activation::Model,
    now: Timestamp,
) -> Result<(), Failure> {
    if machine.status_serial != NONE {
        end_places(tx, &[machine.id], Condition::all(), now).await?;
    }
    let place = status_place::ActiveModel { activation_id: Set(machine.id), ..Default::default() };
    machine.status_serial = status_place::Entity::insert(place).exec(tx).await?.last_insert_id;
    machine.former_status_serial = None;
    Ok(())
}

/// Gives machines that never had one their first place.
pub(crate) async fn take_first_places(
    tx: &WriteTx,
    machines: &mut [&mut activation::Model],
) -> Result<(), Failure> {
    let place = |machine: &&mut activation::Model| status_place::ActiveModel {
        activation_id: Set(machine.id),
        ..Default::default()
    };
    let rows: Vec<_> = machines.iter().map(place).collect();
    let places = status_place::Entity::insert_many(rows).exec_with_returning(tx).await?;
    let serials: HashMap<_, _> =
        places.into_iter().map(|place| (place.activation_id, place.serial)).collect();
    for machine in machines {
        machine.status_serial = *serials.get(&machine.id).ok_or(Failure::Corrupt("place"))?;
    }
    Ok(())
}

/// Ends the places of the tokens that machines had before one was signed afresh for somebody else
/// to deliver: they are given a newer one now. Costs nothing where there was none. A place that a licence
/// file names as well ends with the file.
pub(crate) async fn end_former_places(
    tx: &WriteTx,
    machines: impl IntoIterator<Item = &mut activation::Model>,
    now: Timestamp,
) -> Result<(), Failure> {
    let replaced = |machine: &mut activation::Model| {
        if activations::has_file(machine, now) {
            return None;
        }
        machine.former_status_serial.take().map(|_| (machine.id, machine.status_serial))
    };
    let (machines, present): (Vec<_>, Vec<_>) = machines.into_iter().filter_map(replaced).unzip();
    if machines.is_empty() {
        return Ok(());
    }
    end_places(tx, &machines, Condition::all().add(status_place::Column::Serial.is_not_in(present)), now)
        .await?;
    activation::Entity::update_many()
        .col_expr(activation::Column::FormerStatusSerial, Option::<i64>::None.into())
        .filter(activation::Column::Id.is_in(machines))
        .exec(tx)
        .await?;
    Ok(())
}

async fn end_places(
    tx: &WriteTx,
    machines: &[ActivationId],
    which: Condition,
    now: Timestamp,
) -> Result<(), DbErr> {
    let open = Condition::any()
        .add(status_place::Column::InvalidFrom.is_null())
        .add(status_place::Column::InvalidFrom.gt(now));
    status_place::Entity::update_many()
        .col_expr(status_place::Column::InvalidFrom, now.into())
        .filter(status_place::Column::ActivationId.is_in(machines.iter().copied()))
        .filter(open)
        .filter(which)
        .exec(tx)
        .await?;
    Ok(())
}

/// Gives each of these machines of a licence a new place. The present one ends with the token that
/// it was signed for, or with a licence file that names it. The machines' rows are held by the caller, and their tokens' ends are those of the
/// former tokens still.
pub(crate) async fn replace_places(
    tx: &WriteTx,
    license: LicenseId,
    machines: &[ActivationId],
) -> Result<(), DbErr> {
    let same_machine = || -> SimpleExpr {
        Expr::col((status_place::Entity, status_place::Column::ActivationId))
            .equals((activation::Entity, activation::Column::Id))
    };
    let token_end = Query::select()
        .expr(
            Expr::case(
                Expr::col(activation::Column::OfflineUntil).gt(Expr::col(activation::Column::TokenExp)),
                Expr::col(activation::Column::OfflineUntil),
            )
            .finally(Expr::col(activation::Column::TokenExp)),
        )
        .from(activation::Entity)
        .and_where(same_machine())
        .to_owned();
    let present = activation::Entity::find()
        .select_only()
        .column(activation::Column::StatusSerial)
        .filter(activation::Column::LicenseId.eq(license))
        .filter(activation::Column::Id.is_in(machines.iter().copied()))
        .into_query();
    status_place::Entity::update_many()
        .col_expr(status_place::Column::InvalidFrom, SimpleExpr::SubQuery(None, Box::new(token_end.into())))
        .filter(status_place::Column::Serial.in_subquery(present))
        .exec(tx)
        .await?;
    let places =
        machines.iter().map(|id| status_place::ActiveModel { activation_id: Set(*id), ..Default::default() });
    status_place::Entity::insert_many(places).exec_without_returning(tx).await?;
    let newest = Query::select()
        .expr(status_place::Column::Serial.max())
        .from(status_place::Entity)
        .and_where(same_machine())
        .to_owned();
    activation::Entity::update_many()
        .col_expr(activation::Column::FormerStatusSerial, Expr::col(activation::Column::StatusSerial))
        .col_expr(activation::Column::StatusSerial, SimpleExpr::SubQuery(None, Box::new(newest.into())))
        .filter(activation::Column::LicenseId.eq(license))
        .filter(activation::Column::Id.is_in(machines.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}
