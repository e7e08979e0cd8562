//! Licences by the group that they are in, and by their owner.

use licentia_entity::{license, ownership};
use licentia_types::ids::{CustomerId, GroupId, LicenseId};
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{Expr, LockType, OnConflict, SelectStatement, SimpleExpr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
};

use crate::database::WriteTx;
use crate::scope::Groups;

/// In one of these groups.
pub(super) fn within(groups: &Groups) -> SimpleExpr {
    license::Column::GroupId.is_in(groups.ids().iter().copied())
}

/// The ids of the licences in these groups, for queries on what is theirs.
pub(crate) fn ids_within(groups: &Groups) -> SelectStatement {
    license::Entity::find().select_only().column(license::Column::Id).filter(within(groups)).into_query()
}

/// The ids of a customer's licences, for queries on what is theirs.
pub(crate) fn ids_of(customer: CustomerId) -> SelectStatement {
    let own = license::Column::CustomerId.eq(customer);
    license::Entity::find().select_only().column(license::Column::Id).filter(own).into_query()
}

/// Whether the licence that `license` names had its present owner at `at` already: what was somebody else's then is not
/// shown to him.
pub(crate) fn had_its_owner(license: SimpleExpr, at: SimpleExpr) -> SimpleExpr {
    let later = ownership::Entity::find()
        .select_only()
        .column(ownership::Column::LicenseId)
        .filter(Expr::col((ownership::Entity, ownership::Column::LicenseId)).eq(license))
        .filter(Expr::col((ownership::Entity, ownership::Column::Since)).gt(at));
    Expr::exists(later.into_query()).not()
}

/// From now on the licence is somebody else's.
pub(crate) async fn changes_hands(tx: &WriteTx, license: LicenseId, now: Timestamp) -> Result<(), DbErr> {
    let row = ownership::Model { license_id: license, since: now };
    ownership::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(
            OnConflict::column(ownership::Column::LicenseId)
                .update_column(ownership::Column::Since)
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Whether the licence that `license` names is in one of these groups, and came there before `at`: what was done to it
/// elsewhere is not told here. One look by its id.
pub(crate) fn is_within_since(groups: &Groups, license: SimpleExpr, at: SimpleExpr) -> SimpleExpr {
    let own = |column| Expr::col((license::Entity, column));
    let before = Condition::any()
        .add(own(license::Column::GroupSince).is_null())
        .add(own(license::Column::GroupSince).lt(at));
    let found = license::Entity::find()
        .select_only()
        .column(license::Column::Id)
        .filter(own(license::Column::Id).eq(license))
        .filter(within(groups))
        .filter(before);
    Expr::exists(found.into_query())
}

/// Puts all licences of a customer into its group, in the order of their ids.
pub(crate) async fn regroup(
    tx: &WriteTx,
    customer: CustomerId,
    group: Option<GroupId>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let owned = license::Column::CustomerId.eq(customer);
    let ids: Vec<LicenseId> = license::Entity::find()
        .select_only()
        .column(license::Column::Id)
        .filter(owned.clone())
        .order_by_asc(license::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple()
        .all(tx)
        .await?;
    if ids.is_empty() {
        return Ok(());
    }
    license::Entity::update_many()
        .col_expr(license::Column::GroupId, group.into())
        .col_expr(license::Column::GroupSince, now.into())
        .filter(owned)
        .exec(tx)
        .await?;
    Ok(())
}
