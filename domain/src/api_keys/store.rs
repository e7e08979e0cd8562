//! Queries on API keys. They belong to no customer; a principal with groups sees those that act within some of them,
//! and nowhere else.

use std::collections::{BTreeSet, HashMap};

use licentia_entity::api_key::{Column, Entity, Model, Origin};
use licentia_entity::api_key_group;
use licentia_types::ids::{ApiKeyId, GroupId};
use licentia_types::pages::PageResponse;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
};

use crate::database::WriteTx;
use crate::groups::bounds::{inside, linked};
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::Scope;

fn select(scope: Scope) -> Select<Entity> {
    let within = match scope {
        Scope::Everything => return Entity::find(),
        Scope::Groups(groups) => groups,
        Scope::Customer(_) | Scope::License(_) | Scope::Activation(_) | Scope::Nothing => {
            return Entity::find().filter(Expr::value(false));
        }
    };
    let links = (api_key_group::Column::ApiKeyId, api_key_group::Column::GroupId);
    Entity::find().filter(inside::<api_key_group::Entity>(&within, links, (Column::Id, Column::Bounded)))
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    query: &PageQuery,
) -> Result<PageResponse<Model>, PageError> {
    let found = select(scope).filter(search(query.q.as_deref(), &[Column::Name]));
    page(db, found, Column::Id, |key: &Model| key.id.uuid(), query).await
}

pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_desc(Column::Id).all(db).await
}

pub(super) async fn has_any(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(Entity::find().limit(1).count(db).await? > 0)
}

pub(super) async fn find(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: ApiKeyId,
) -> Result<Option<Model>, DbErr> {
    select(scope).filter(Column::Id.eq(id)).one(db).await
}

pub(super) async fn find_locked(tx: &WriteTx, scope: Scope, id: ApiKeyId) -> Result<Option<Model>, DbErr> {
    select(scope).filter(Column::Id.eq(id)).lock_exclusive().one(tx).await
}

/// The groups of a key; none: it is bounded by none, and nothing is asked.
pub(super) async fn groups_of(
    db: &impl ConnectionTrait,
    key: &Model,
) -> Result<Option<BTreeSet<GroupId>>, DbErr> {
    Ok(groups_of_all(db, std::slice::from_ref(key)).await?.remove(&key.id))
}

/// The groups of those that have any.
pub(super) async fn groups_of_all(
    db: &impl ConnectionTrait,
    keys: &[Model],
) -> Result<HashMap<ApiKeyId, BTreeSet<GroupId>>, DbErr> {
    let links = (api_key_group::Column::ApiKeyId, api_key_group::Column::GroupId);
    let bounded = keys.iter().filter(|key| key.bounded).map(|key| key.id).collect();
    linked::<api_key_group::Entity, _>(db, links, bounded).await
}

/// Bounds a key by these groups, and by no others.
pub(super) async fn bind(
    tx: &WriteTx,
    id: ApiKeyId,
    groups: impl Iterator<Item = GroupId>,
) -> Result<(), DbErr> {
    use sea_orm::ActiveValue::Set;
    api_key_group::Entity::delete_many().filter(api_key_group::Column::ApiKeyId.eq(id)).exec(tx).await?;
    let row = |group: GroupId| api_key_group::ActiveModel { api_key_id: Set(id), group_id: Set(group) };
    let rows: Vec<_> = groups.map(row).collect();
    if !rows.is_empty() {
        api_key_group::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Keys that were revoked are no reason to keep a group.
pub(crate) async fn forget_group(tx: &WriteTx, group: GroupId) -> Result<(), DbErr> {
    let revoked = Entity::find().select_only().column(Column::Id).filter(Column::RevokedAt.is_not_null());
    api_key_group::Entity::delete_many()
        .filter(api_key_group::Column::GroupId.eq(group))
        .filter(api_key_group::Column::ApiKeyId.in_subquery(revoked.into_query()))
        .exec(tx)
        .await?;
    Ok(())
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
