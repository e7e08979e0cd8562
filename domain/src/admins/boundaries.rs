//! Groups within which admins act.

use std::collections::{BTreeSet, HashMap};

use licentia_entity::admin::Model;
use licentia_entity::admin_group::{ActiveModel, Column, Entity};
use licentia_types::change::Change;
use licentia_types::ids::{AdminId, GroupId};
use licentia_types::roles::Role;
use licentia_types::text::RoleName;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::AdminError;
use crate::actors::{Actor, Caller};
use crate::database::WriteTx;
use crate::groups::Placing;

/// The groups of a new admin: those that are named, or those of whoever makes him.
pub(super) fn of_new(
    actor: &Actor,
    named: Option<BTreeSet<GroupId>>,
) -> Result<Option<BTreeSet<GroupId>>, AdminError> {
    match named {
        Some(named) if named.is_empty() => Err(AdminError::NoGroups),
        Some(named) => Ok(Some(named)),
        None => Ok(actor.groups().map(|own| own.ids().clone())),
    }
}

/// The groups of an admin who is edited.
pub(super) fn of_edited(
    actor: &Actor,
    before: Option<BTreeSet<GroupId>>,
    change: Change<BTreeSet<GroupId>>,
) -> Result<Option<BTreeSet<GroupId>>, AdminError> {
    match change {
        Change::Keep => Ok(before),
        Change::Clear if actor.is_unbounded() => Ok(None),
        Change::Clear => Err(AdminError::Unbounded),
        Change::Set(named) if named.is_empty() => Err(AdminError::NoGroups),
        Change::Set(named) => Ok(Some(named)),
    }
}

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
    if !admin.bounded {
        return Ok(None);
    }
    let mut all = groups_of_all(db, std::slice::from_ref(admin)).await?;
    Ok(Some(all.remove(&admin.id).unwrap_or_default()))
}

/// The groups of those that have any.
pub(super) async fn groups_of_all(
    db: &impl ConnectionTrait,
    admins: &[Model],
) -> Result<HashMap<AdminId, BTreeSet<GroupId>>, DbErr> {
    let bounded: Vec<AdminId> = admins.iter().filter(|admin| admin.bounded).map(|admin| admin.id).collect();
    let mut groups: HashMap<AdminId, BTreeSet<GroupId>> = HashMap::new();
    if bounded.is_empty() {
        return Ok(groups);
    }
    for row in Entity::find().filter(Column::AdminId.is_in(bounded)).all(db).await? {
        groups.entry(row.admin_id).or_default().insert(row.group_id);
    }
    Ok(groups)
}

/// Bounds an admin who is written by groups that the caller may name; none: by none.
pub(super) async fn bind(
    tx: &WriteTx,
    caller: &Caller,
    admin: AdminId,
    groups: Option<&BTreeSet<GroupId>>,
) -> Result<(), AdminError> {
    let all = groups.into_iter().flatten().copied();
    let placing = Placing::of(tx, &caller.actor, all.clone()).await?;
    if all.clone().any(|group| placing.place(Some(group)).is_err()) {
        return Err(AdminError::GroupUnknown);
    }
    Entity::delete_many().filter(Column::AdminId.eq(admin)).exec(tx).await?;
    let rows: Vec<_> = all.map(|group| ActiveModel { admin_id: Set(admin), group_id: Set(group) }).collect();
    if !rows.is_empty() {
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}
