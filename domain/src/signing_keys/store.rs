//! The queries of signing keys.

use licentia_entity::signing_key::{Column, Entity, Model, Purpose};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::database::WriteTx;

/// Every key there ever was, the newest first.
pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_desc(Column::PublishedAt).order_by_asc(Column::Kid).all(db).await
}

/// The keys of a purpose.
pub(super) async fn of(db: &impl ConnectionTrait, purpose: Purpose) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Purpose.eq(purpose)).all(db).await
}

/// The keys that are believed, retired ones too, in an order that their states do not change.
pub(super) async fn believed(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::RevokedAt.is_null()).order_by_asc(Column::Kid).all(db).await
}

/// A key by its name.
pub(super) async fn find(db: &impl ConnectionTrait, kid: &str) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(kid.to_owned()).one(db).await
}

/// The keys of a purpose, which nobody else changes until the transaction ends. They are read
/// after they were locked: whoever waited here sees the keys that were made meanwhile, and asks for
/// the time afterwards, so that no change is dated before it could be seen.
pub(super) async fn hold(tx: &WriteTx, purpose: Purpose) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Purpose.eq(purpose))
        .order_by_asc(Column::Kid)
        .lock_exclusive()
        .all(tx)
        .await?;
    of(tx, purpose).await
}

/// Keys that are not to be believed any more, for whoever tells others.
///
/// # Errors
/// When the database fails.
pub async fn revoked_kids(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Kid)
        .filter(Column::RevokedAt.is_not_null())
        .filter(Column::Purpose.ne(Purpose::Session))
        .order_by_asc(Column::Kid)
        .into_tuple()
        .all(db)
        .await
}
