//! Queries on activation claims.

use licentia_entity::activation_claim::{Column, Decision, Entity, Model};
use licentia_types::activation_claims::ActivationClaimStatus;
use licentia_types::ids::{ActivationClaimId, ActivationId, LicenseId};
use licentia_types::pages::PageResponse;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::database::WriteTx;
use crate::licenses;
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::Scope;

/// Which claims a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ActivationClaimFilter {
    /// Of this licence.
    pub license_id: Option<LicenseId>,
    /// Of this status.
    pub status: Option<ActivationClaimStatus>,
}

fn select(scope: Scope) -> Select<Entity> {
    match scope {
        Scope::Everything => Entity::find(),
        Scope::Groups(groups) => {
            Entity::find().filter(Column::LicenseId.in_subquery(licenses::store::ids_within(&groups)))
        }
        Scope::Customer(id) => {
            let own = |column| Expr::col((Entity, column));
            let since = licenses::store::had_its_owner(own(Column::LicenseId), own(Column::RequestedAt));
            Entity::find().filter(Column::LicenseId.in_subquery(licenses::store::ids_of(id))).filter(since)
        }
        Scope::License(id) => Entity::find().filter(Column::LicenseId.eq(id)),
        Scope::Activation(id) => Entity::find().filter(Column::ActivationId.eq(id)),
        Scope::Nothing => Entity::find().filter(Expr::value(false)),
    }
}

/// Those that [`status`](super::rules::status) says are of `status` at `now`.
fn of_status(status: ActivationClaimStatus, now: Timestamp) -> Condition {
    let open = || Condition::all().add(Column::ActivatedAt.is_null());
    match status {
        ActivationClaimStatus::Pending => {
            open().add(Column::Decision.eq(Decision::Pending)).add(Column::ExpiresAt.gt(now))
        }
        ActivationClaimStatus::Approved => {
            open().add(Column::Decision.eq(Decision::Approved)).add(Column::ExpiresAt.gt(now))
        }
        ActivationClaimStatus::Expired => {
            open().add(Column::Decision.ne(Decision::Rejected)).add(Column::ExpiresAt.lte(now))
        }
        ActivationClaimStatus::Activated => Condition::all().add(Column::ActivatedAt.is_not_null()),
        ActivationClaimStatus::Rejected => Condition::all().add(Column::Decision.eq(Decision::Rejected)),
    }
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    filter: &ActivationClaimFilter,
    query: &PageQuery,
    now: Timestamp,
) -> Result<PageResponse<Model>, PageError> {
    let columns = [Column::Hostname, Column::Fingerprint, Column::UserRef];
    let mut found = select(scope).filter(search(query.q.as_deref(), &columns));
    if let Some(license) = filter.license_id {
        found = found.filter(Column::LicenseId.eq(license));
    }
    if let Some(status) = filter.status {
        found = found.filter(of_status(status, now));
    }
    page(db, found, Column::Id, |claim: &Model| claim.id.uuid(), query).await
}

pub(super) async fn find(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: ActivationClaimId,
) -> Result<Option<Model>, DbErr> {
    select(scope).filter(Column::Id.eq(id)).one(db).await
}

/// Claims of a licence that wait at `now`, the oldest first. They change under the licence's lock only.
pub(super) async fn waiting(tx: &WriteTx, license: LicenseId, now: Timestamp) -> Result<Vec<Model>, DbErr> {
    select(Scope::License(license))
        .filter(of_status(ActivationClaimStatus::Pending, now))
        .order_by_asc(Column::Id)
        .all(tx)
        .await
}

/// Claims of a licence with which machines may come in yet, or could once they are approved.
pub(super) async fn open(tx: &WriteTx, license: LicenseId, now: Timestamp) -> Result<Vec<Model>, DbErr> {
    let pending = of_status(ActivationClaimStatus::Pending, now);
    let approved = of_status(ActivationClaimStatus::Approved, now);
    let open = Condition::any().add(pending).add(approved);
    select(Scope::License(license)).filter(open).order_by_asc(Column::Id).all(tx).await
}

pub(super) async fn insert(tx: &WriteTx, claim: Model) -> Result<(), DbErr> {
    Entity::insert(claim.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes down whose secrets the claim knows.
pub(super) async fn keep_secrets(tx: &WriteTx, claim: &Model) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::SecretDigests, claim.secret_digests.clone().into())
        .filter(Column::Id.eq(claim.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Writes one decision on all of these claims down.
pub(super) async fn decide(
    tx: &WriteTx,
    claims: &[Model],
    decision: Decision,
    now: Timestamp,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Decision, decision.into())
        .col_expr(Column::DecidedAt, now.into())
        .filter(Column::Id.is_in(claims.iter().map(|claim| claim.id)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Whether the claim is worth nothing, as it is now that its licence is held.
pub(crate) async fn is_rejected(tx: &WriteTx, id: ActivationClaimId) -> Result<bool, DbErr> {
    let rejected = Entity::find_by_id(id).filter(Column::Decision.eq(Decision::Rejected));
    let rejected = rejected.select_only().column(Column::Id).into_tuple::<ActivationClaimId>();
    Ok(rejected.one(tx).await?.is_some())
}

/// Notes that the machine came in; false when it had before.
pub(super) async fn take_up(
    tx: &WriteTx,
    id: ActivationClaimId,
    machine: ActivationId,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let taken_up = Entity::update_many()
        .col_expr(Column::ActivationId, machine.into())
        .col_expr(Column::ActivatedAt, now.into())
        .filter(Column::Id.eq(id))
        .filter(Column::ActivatedAt.is_null())
        .exec(tx)
        .await?;
    Ok(taken_up.rows_affected == 1)
}
