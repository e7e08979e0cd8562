//! Queries on activations.

use std::collections::HashMap;

use licentia_entity::{activation, status_place};
use licentia_types::activations::ActivationStatus;
use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::pages::PageResponse;
use licentia_types::text::{Fingerprint, Reference};
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, Func, LockType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::database::WriteTx;
use crate::failure::Failure;
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::Scope;

/// Most machines of which a full licence tells when they were last seen.
const LAST_SEEN: u64 = 50;

/// Which activations a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ActivationFilter {
    /// Of this licence.
    pub license_id: Option<LicenseId>,
    /// Of this status.
    pub status: Option<ActivationStatus>,
}

fn select(scope: Scope) -> Select<activation::Entity> {
    let all = activation::Entity::find();
    match scope {
        Scope::Everything => all,
        Scope::License(id) => all.filter(activation::Column::LicenseId.eq(id)),
        Scope::Activation(id) => all.filter(activation::Column::Id.eq(id)),
        Scope::Nothing => all.filter(Expr::value(false)),
    }
}

pub(crate) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    filter: &ActivationFilter,
    query: &PageQuery,
) -> Result<PageResponse<activation::Model>, PageError> {
    use activation::Column::{Fingerprint, Hostname, Id, LicenseId, Status, UserRef};
    let mut found = select(scope).filter(search(query.q.as_deref(), &[Hostname, Fingerprint, UserRef]));
    if let Some(license) = filter.license_id {
        found = found.filter(LicenseId.eq(license));
    }
    if let Some(status) = filter.status {
        found = found.filter(Status.eq(status));
    }
    page(db, found, Id, |activation: &activation::Model| activation.id.uuid(), query).await
}

pub(crate) async fn find(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: ActivationId,
) -> Result<Option<activation::Model>, DbErr> {
    select(scope).filter(activation::Column::Id.eq(id)).one(db).await
}

pub(crate) async fn find_machine(
    db: &impl ConnectionTrait,
    scope: Scope,
    fingerprint: &Fingerprint,
) -> Result<Option<activation::Model>, DbErr> {
    select(scope).filter(activation::Column::Fingerprint.eq(fingerprint.clone())).one(db).await
}

/// Holds the machine's row until the transaction ends. Taken after the licence's row, and before
/// anything else that heartbeats write, or two calls would wait for each other.
pub(crate) async fn hold(tx: &WriteTx, id: ActivationId) -> Result<Option<activation::Model>, DbErr> {
    activation::Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(tx).await
}

/// Whether any machine of the scope is active.
pub(crate) async fn any_active(db: &impl ConnectionTrait, scope: Scope) -> Result<bool, DbErr> {
    let active = select(scope).filter(activation::Column::Status.eq(ActivationStatus::Active));
    Ok(active
        .select_only()
        .column(activation::Column::Id)
        .into_tuple::<ActivationId>()
        .one(db)
        .await?
        .is_some())
}

/// Who else holds seats of the machine's licence, by user or tenant.
pub(crate) struct Distinct {
    /// Different references.
    pub(crate) named: u32,
    /// Machines without one.
    pub(crate) unnamed: u32,
    /// Whether the machine's own reference is among them.
    pub(crate) known: bool,
}

pub(crate) async fn distinct(
    tx: &WriteTx,
    machine: &activation::Model,
    column: activation::Column,
    own: Option<&Reference>,
) -> Result<Distinct, Failure> {
    let others = || {
        activation::Entity::find()
            .filter(activation::Column::LicenseId.eq(machine.license_id))
            .filter(activation::Column::HoldsSeat.eq(true))
            .filter(activation::Column::Id.ne(machine.id))
    };
    let counts: Option<(i64, i64)> = others()
        .select_only()
        .column_as(Expr::expr(Func::count_distinct(Expr::col(column))), "named")
        .column_as(Expr::expr(Func::count(Expr::value(1))).sub(Func::count(Expr::col(column))), "unnamed")
        .into_tuple()
        .one(tx)
        .await?;
    let (named, unnamed) = counts.unwrap_or_default();
    let known = match own {
        None => false,
        Some(own) => {
            let same = others().filter(column.eq(own.clone())).select_only().column(activation::Column::Id);
            same.into_tuple::<ActivationId>().one(tx).await?.is_some()
        }
    };
    let count = |number: i64| u32::try_from(number).map_err(|_| Failure::Corrupt("number of seats"));
    Ok(Distinct { named: count(named)?, unnamed: count(unnamed)?, known })
}

/// When the machines that hold seats last called, latest first.
pub(crate) async fn last_seen(db: &impl ConnectionTrait, scope: Scope) -> Result<Vec<Timestamp>, DbErr> {
    select(scope)
        .select_only()
        .column(activation::Column::LastContactAt)
        .filter(activation::Column::HoldsSeat.eq(true))
        .order_by_desc(activation::Column::LastContactAt)
        .limit(LAST_SEEN)
        .into_tuple()
        .all(db)
        .await
}

/// Seats whose time has come, and which the next activation will free: they do not count any more.
pub(crate) async fn seats_due(
    db: &impl ConnectionTrait,
    licenses: &[LicenseId],
    now: Timestamp,
) -> Result<HashMap<LicenseId, u32>, Failure> {
    let rows: Vec<(LicenseId, i64)> = activation::Entity::find()
        .select_only()
        .column(activation::Column::LicenseId)
        .column_as(Expr::expr(Func::count(Expr::col(activation::Column::Id))), "due")
        .filter(activation::Column::LicenseId.is_in(licenses.iter().copied()))
        .filter(activation::Column::HoldsSeat.eq(true))
        .filter(activation::Column::SeatFreesAt.lte(now))
        .group_by(activation::Column::LicenseId)
        .into_tuple()
        .all(db)
        .await?;
    rows.into_iter()
        .map(|(license, due)| {
            Ok((license, u32::try_from(due).map_err(|_| Failure::Corrupt("number of seats"))?))
        })
        .collect()
}

/// A place in the status lists that nobody had before.
pub(crate) async fn next_status_place(tx: &WriteTx, activation: ActivationId) -> Result<i64, Failure> {
    let place = status_place::ActiveModel { activation_id: Set(activation), ..Default::default() };
    Ok(status_place::Entity::insert(place).exec(tx).await?.last_insert_id)
}
