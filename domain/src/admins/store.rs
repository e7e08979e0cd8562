//! Queries on admins.

use licentia_entity::admin::{Column, Entity, Model};
use licentia_types::ids::AdminId;
use licentia_types::pages::PageResponse;
use licentia_types::roles::Role;
use licentia_types::time::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::database::WriteTx;
use crate::pages::{PageError, PageQuery, page, search};

pub(super) async fn list(
    db: &impl ConnectionTrait,
    query: &PageQuery,
) -> Result<PageResponse<Model>, PageError> {
    let found = Entity::find().filter(search(query.q.as_deref(), &[Column::Name, Column::Email]));
    page(db, found, Column::Id, |admin: &Model| admin.id.uuid(), query).await
}

pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_desc(Column::Id).all(db).await
}

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

pub(super) async fn has_any(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(Entity::find().limit(1).count(db).await? > 0)
}

/// Everybody who may do everything and can sign in, held until the transaction ends.
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
