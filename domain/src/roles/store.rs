//! Queries on the roles that were made here. They are for everybody: they name no customer and no group.

use licentia_entity::custom_role::{Column, Entity, Model};
use licentia_types::text::RoleName;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryOrder, QuerySelect};

use crate::database::WriteTx;

pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_asc(Column::Name).all(db).await
}

pub(super) async fn find(db: &impl ConnectionTrait, name: &RoleName) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(name.clone()).one(db).await
}

pub(super) async fn find_shared(tx: &WriteTx, name: &RoleName) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(name.clone()).lock_shared().one(tx).await
}

pub(super) async fn find_locked(tx: &WriteTx, name: &RoleName) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(name.clone()).lock_exclusive().one(tx).await
}
