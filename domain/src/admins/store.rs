//! Queries on admins.

use licentia_entity::admin::{Column, Entity, Model};
use licentia_entity::admin_group;
use licentia_types::admins::AdminOrigin;
use licentia_types::ids::AdminId;
use licentia_types::pages::PageResponse;
use licentia_types::roles::Role;
use licentia_types::text::RoleName;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{Expr, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
};

use crate::database::WriteTx;
use crate::groups::bounds::inside;
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::Scope;

/// A principal with groups knows of those who act within some of them, and nowhere else.
fn select(scope: Scope) -> Select<Entity> {
    let within = match scope {
        Scope::Everything => return Entity::find(),
        Scope::Groups(groups) => groups,
        Scope::Customer(_) | Scope::License(_) | Scope::Activation(_) | Scope::Nothing => {
            return Entity::find().filter(Expr::value(false));
        }
    };
    let links = (admin_group::Column::AdminId, admin_group::Column::GroupId);
    Entity::find().filter(inside::<admin_group::Entity>(&within, links, (Column::Id, Column::Bounded)))
}

/// Their ids, for queries on what is theirs.
pub(crate) fn ids(scope: Scope) -> SelectStatement {
    select(scope).select_only().column(Column::Id).into_query()
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    query: &PageQuery,
) -> Result<PageResponse<Model>, PageError> {
    let found = select(scope).filter(search(query.q.as_deref(), &[Column::Name, Column::Email]));
    page(db, found, Column::Id, |admin: &Model| admin.id.uuid(), query).await
}

pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_desc(Column::Id).all(db).await
}

pub(super) async fn find_within(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: AdminId,
) -> Result<Option<Model>, DbErr> {
    select(scope).filter(Column::Id.eq(id)).one(db).await
}

pub(super) async fn find_within_locked(
    tx: &WriteTx,
    scope: Scope,
    id: AdminId,
) -> Result<Option<Model>, DbErr> {
    select(scope).filter(Column::Id.eq(id)).lock_exclusive().one(tx).await
}

/// Whether anybody has this role.
pub(crate) async fn any_with(db: &impl ConnectionTrait, role: &RoleName) -> Result<bool, DbErr> {
    Ok(Entity::find().filter(Column::Role.eq(role.clone())).limit(1).count(db).await? > 0)
}

/// Whoever he is: by his own credentials.
pub(crate) async fn find(db: &impl ConnectionTrait, id: AdminId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

pub(crate) async fn find_locked(tx: &WriteTx, id: AdminId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock_exclusive().one(tx).await
}

/// By the address as it is compared.
pub(crate) async fn find_by_email(db: &impl ConnectionTrait, folded: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::EmailFolded.eq(folded)).one(db).await
}

/// The same, held until the transaction ends.
pub(crate) async fn find_by_email_locked(tx: &WriteTx, folded: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::EmailFolded.eq(folded)).lock_exclusive().one(tx).await
}

/// One of those who have any of these addresses.
pub(crate) async fn find_any(
    db: &impl ConnectionTrait,
    folded: Vec<String>,
) -> Result<Option<AdminId>, DbErr> {
    let found = Entity::find().select_only().column(Column::Id).filter(Column::EmailFolded.is_in(folded));
    found.into_tuple().one(db).await
}

/// Whether there is anybody who needs no directory.
pub(super) async fn has_any_local(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let local = Entity::find().filter(Column::Origin.eq(AdminOrigin::Local));
    Ok(local.limit(1).count(db).await? > 0)
}

/// Everybody who may do everything and can sign in whether or not a directory answers, held until the transaction ends.
pub(super) async fn super_admins_locked(tx: &WriteTx) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Role.eq(Role::SuperAdmin.as_str()))
        .filter(Column::DisabledAt.is_null())
        .filter(Column::PasswordHash.is_not_null())
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(tx)
        .await
}

/// Signing in is no edit: the version stays.
pub(crate) async fn mark_login(tx: &WriteTx, id: AdminId, at: Timestamp) -> Result<(), DbErr> {
    Entity::update_many().col_expr(Column::LastLoginAt, at.into()).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}
