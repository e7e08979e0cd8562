//! Queries on activations.

use std::collections::HashMap;

use licentia_entity::activation;
use licentia_types::activations::ActivationStatus;
use licentia_types::ids::{ActivationId, CustomerId, LicenseId};
use licentia_types::pages::PageResponse;
use licentia_types::text::{Fingerprint, Instance, Reference};
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{Expr, Func, LockType, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use super::lapse;
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::licenses;
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
        Scope::Groups(groups) => {
            all.filter(activation::Column::LicenseId.in_subquery(licenses::store::ids_within(&groups)))
        }
        Scope::Customer(id) => all.filter(of_customer(id)),
        Scope::License(id) => all.filter(activation::Column::LicenseId.eq(id)),
        Scope::Activation(id) => all.filter(activation::Column::Id.eq(id)),
        Scope::Nothing => all.filter(Expr::value(false)),
    }
}

/// Machines of a customer's licences: of those that were somebody else's before, the ones that work on.
fn of_customer(id: CustomerId) -> Condition {
    use activation::Column;
    let own = |column| Expr::col((activation::Entity, column));
    let since = licenses::store::had_its_owner(own(Column::LicenseId), own(Column::UpdatedAt));
    Condition::all()
        .add(Column::LicenseId.in_subquery(licenses::store::ids_of(id)))
        .add(Condition::any().add(Column::Status.eq(ActivationStatus::Active)).add(since))
}

pub(crate) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    filter: &ActivationFilter,
    query: &PageQuery,
    now: Timestamp,
) -> Result<PageResponse<activation::Model>, PageError> {
    use activation::Column::{Fingerprint, Hostname, Id, LicenseId, Status, UserRef};
    let mut found = select(scope).filter(search(query.q.as_deref(), &[Hostname, Fingerprint, UserRef]));
    if let Some(license) = filter.license_id {
        found = found.filter(LicenseId.eq(license));
    }
    if let Some(status) = filter.status {
        // As they are shown: what has lapsed by now may not be written down.
        found = match status {
            ActivationStatus::Active => found.filter(Status.eq(status)).filter(lapse::ended(now).not()),
            ActivationStatus::Lapsed => {
                found.filter(Condition::any().add(Status.eq(status)).add(lapse::ended(now)))
            }
            ActivationStatus::Deactivated | ActivationStatus::Revoked => found.filter(Status.eq(status)),
        };
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

/// Those of the scope for which `condition` holds, newest first, at most so many.
pub(crate) async fn matching(
    db: &impl ConnectionTrait,
    scope: Scope,
    condition: SimpleExpr,
    most: u64,
) -> Result<Vec<activation::Model>, DbErr> {
    select(scope).filter(condition).order_by_desc(activation::Column::Id).limit(most).all(db).await
}

/// The one machine with this fingerprint and instance.
pub(crate) async fn find_instance(
    db: &impl ConnectionTrait,
    scope: Scope,
    fingerprint: &Fingerprint,
    instance: Option<&Instance>,
) -> Result<Option<activation::Model>, DbErr> {
    let same = match instance {
        None => activation::Column::Instance.is_null(),
        Some(instance) => activation::Column::Instance.eq(instance.clone()),
    };
    select(scope).filter(activation::Column::Fingerprint.eq(fingerprint.clone())).filter(same).one(db).await
}

/// Whether a fingerprint is blocked: any machine with it was revoked, and was not unblocked.
pub(crate) async fn is_blocked(
    db: &impl ConnectionTrait,
    scope: Scope,
    fingerprint: &Fingerprint,
) -> Result<bool, DbErr> {
    let revoked = select(scope)
        .filter(activation::Column::Fingerprint.eq(fingerprint.clone()))
        .filter(activation::Column::Status.eq(ActivationStatus::Revoked))
        .select_only()
        .column(activation::Column::Id);
    Ok(revoked.into_tuple::<ActivationId>().one(db).await?.is_some())
}

/// The machine that is meant by a fingerprint alone: the one without instance; where there is none, an
/// active one of those that share the fingerprint, last seen first.
pub(crate) async fn find_machine(
    db: &impl ConnectionTrait,
    scope: Scope,
    fingerprint: &Fingerprint,
) -> Result<Option<activation::Model>, DbErr> {
    use activation::Column;
    let active = Expr::expr(Column::Status.eq(ActivationStatus::Active));
    select(scope)
        .filter(Column::Fingerprint.eq(fingerprint.clone()))
        .order_by_desc(Expr::expr(Column::Instance.is_null()))
        .order_by_desc(active)
        .order_by_desc(Column::LastContactAt)
        .one(db)
        .await
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

/// Machines that hold seats of a licence, the last seen first; so many of whom at most is told.
pub(super) async fn holding(
    db: &impl ConnectionTrait,
    scope: Scope,
    license: LicenseId,
) -> Result<Vec<activation::Model>, DbErr> {
    select(scope)
        .filter(activation::Column::LicenseId.eq(license))
        .filter(activation::Column::HoldsSeat.eq(true))
        .order_by_desc(activation::Column::LastContactAt)
        .limit(LAST_SEEN)
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
        .filter(Condition::any().add(activation::Column::SeatFreesAt.lte(now)).add(lapse::ended(now)))
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
