//! Queries on API keys. They belong to no customer: whoever may see one may see all.

use licentia_entity::api_key::{Column, Entity, Model, Origin};
use licentia_types::ids::ApiKeyId;
use licentia_types::pages::PageResponse;
use licentia_types::time::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::database::WriteTx;
use crate::pages::{PageError, PageQuery, page, search};

pub(super) async fn list(
    db: &impl ConnectionTrait,
    query: &PageQuery,
) -> Result<PageResponse<Model>, PageError> {
    let found = Entity::find().filter(search(query.q.as_deref(), &[Column::Name]));
    page(db, found, Column::Id, |key: &Model| key.id.uuid(), query).await
}

pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_desc(Column::Id).all(db).await
}

pub(super) async fn has_any(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(Entity::find().limit(1).count(db).await? > 0)
}

pub(super) async fn find(db: &impl ConnectionTrait, id: ApiKeyId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

pub(super) async fn find_locked(tx: &WriteTx, id: ApiKeyId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock_exclusive().one(tx).await
}

/// The key whose secret, or former secret, has this digest.
pub(super) async fn find_by_digest(db: &impl ConnectionTrait, digest: &[u8]) -> Result<Option<Model>, DbErr> {
    let either = Condition::any().add(Column::SecretDigest.eq(digest)).add(Column::FormerDigest.eq(digest));
    Entity::find().filter(either).one(db).await
}

/// The same, and holds it until the transaction ends.
pub(super) async fn find_by_digest_locked(tx: &WriteTx, digest: &[u8]) -> Result<Option<Model>, DbErr> {
    let either = Condition::any().add(Column::SecretDigest.eq(digest)).add(Column::FormerDigest.eq(digest));
    Entity::find().filter(either).lock_exclusive().one(tx).await
}

/// Every key of an origin that was not ended.
pub(super) async fn standing_locked(tx: &WriteTx, origin: Origin) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Origin.eq(origin))
        .filter(Column::RevokedAt.is_null())
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(tx)
        .await
}

/// A use is no edit: the version stays.
pub(super) async fn mark_used(tx: &WriteTx, id: ApiKeyId, at: Timestamp) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, at.into())
        .filter(Column::Id.eq(id))
        .filter(Condition::any().add(Column::LastUsedAt.is_null()).add(Column::LastUsedAt.lt(at)))
        .exec(tx)
        .await?;
    Ok(())
}
