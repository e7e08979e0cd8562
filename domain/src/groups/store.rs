//! Queries on groups.

use std::collections::BTreeSet;

use licentia_entity::access_group::{Column, Entity, Model};
use licentia_types::ids::GroupId;
use licentia_types::pages::PageResponse;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, Select};

use crate::database::WriteTx;
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::Scope;

fn select(scope: Scope) -> Select<Entity> {
    match scope {
        Scope::Everything => Entity::find(),
        Scope::Groups(groups) => Entity::find().filter(Column::Id.is_in(groups.ids().iter().copied())),
        Scope::Customer(_) | Scope::License(_) | Scope::Activation(_) | Scope::Nothing => {
            Entity::find().filter(Expr::value(false))
        }
    }
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    query: &PageQuery,
) -> Result<PageResponse<Model>, PageError> {
    let found = select(scope).filter(search(query.q.as_deref(), &[Column::Name, Column::Description]));
    page(db, found, Column::Id, |group: &Model| group.id.uuid(), query).await
}

pub(super) async fn find(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: GroupId,
) -> Result<Option<Model>, DbErr> {
    select(scope).filter(Column::Id.eq(id)).one(db).await
}

pub(super) async fn find_locked(tx: &WriteTx, scope: Scope, id: GroupId) -> Result<Option<Model>, DbErr> {
    select(scope).filter(Column::Id.eq(id)).lock_exclusive().one(tx).await
}

/// Those of these groups that are there, and stay until the transaction ends.
pub(super) async fn hold(tx: &WriteTx, wanted: BTreeSet<GroupId>) -> Result<BTreeSet<GroupId>, DbErr> {
    let found: Vec<GroupId> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(wanted))
        .lock(LockType::KeyShare)
        .into_tuple()
        .all(tx)
        .await?;
    Ok(found.into_iter().collect())
}
