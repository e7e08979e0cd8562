//! Groups within which admins act.

use std::collections::{BTreeSet, HashMap};

use licentia_entity::admin::Model;
use licentia_entity::admin_group::{ActiveModel, Column, Entity};
use licentia_types::ids::{AdminId, GroupId};
use licentia_types::roles::Role;
use licentia_types::text::RoleName;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::AdminError;
use crate::actors::Caller;
use crate::database::WriteTx;
use crate::groups::BoundsError;
use crate::groups::bounds::{self, linked};

/// Whoever may do everything does it everywhere.
pub(super) fn expect_fitting(role: &RoleName, groups: Option<&BTreeSet<GroupId>>) -> Result<(), AdminError> {
    let contradicts = role.as_str() == Role::SuperAdmin.as_str() && groups.is_some();
    if contradicts { Err(AdminError::SuperAdminBounded) } else { Ok(()) }
}

/// The groups of an admin; none: he is bounded by none, and nothing is asked.
pub(crate) async fn groups_of(
    db: &impl ConnectionTrait,
    admin: &Model,
) -> Result<Option<BTreeSet<GroupId>>, DbErr> {
    Ok(groups_of_all(db, std::slice::from_ref(admin)).await?.remove(&admin.id))
}

/// The groups of those that have any.
pub(super) async fn groups_of_all(
    db: &impl ConnectionTrait,
    admins: &[Model],
) -> Result<HashMap<AdminId, BTreeSet<GroupId>>, DbErr> {
    let bounded = admins.iter().filter(|admin| admin.bounded).map(|admin| admin.id).collect();
    linked::<Entity, _>(db, (Column::AdminId, Column::GroupId), bounded).await
}

/// Bounds an admin who is written by groups that the caller may name; none: by none.
pub(super) async fn bind(
    tx: &WriteTx,
    caller: &Caller,
    admin: AdminId,
    groups: Option<&BTreeSet<GroupId>>,
) -> Result<(), AdminError> {
    if !bounds::are_known(tx, &caller.actor, groups).await? {
        return Err(BoundsError::Unknown.into());
    }
    Entity::delete_many().filter(Column::AdminId.eq(admin)).exec(tx).await?;
    let row = |group: &GroupId| ActiveModel { admin_id: Set(admin), group_id: Set(*group) };
    let rows: Vec<_> = groups.into_iter().flatten().map(row).collect();
    if !rows.is_empty() {
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}
