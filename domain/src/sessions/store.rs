//! Queries on sessions.

use licentia_entity::session::{Column, Entity, Model};
use licentia_entity::{admin, customer_account};
use licentia_types::ids::{AdminId, SessionId};
use licentia_types::pages::PageResponse;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use crate::actors::Person;
use crate::admins;
use crate::database::WriteTx;
use crate::pages::{PageError, PageQuery, page};
use crate::scope::Scope;

/// Those of admins that go on.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    admin: Option<AdminId>,
    (now, idle): (Timestamp, Seconds),
    query: &PageQuery,
) -> Result<PageResponse<Model>, PageError> {
    let found = Entity::find()
        .filter(Column::AdminId.in_subquery(admins::store::ids(scope)))
        .filter(Column::EndsAt.gt(now))
        .filter(Column::RefreshedAt.gt(now - idle))
        .apply_if(admin, |select, admin| select.filter(Column::AdminId.eq(admin)));
    page(db, found, Column::Id, |session: &Model| session.id.uuid(), query).await
}

pub(super) async fn find_with_admin(
    db: &impl ConnectionTrait,
    id: SessionId,
) -> Result<Option<(Model, admin::Model)>, DbErr> {
    let found = Entity::find_by_id(id).find_also_related(admin::Entity).one(db).await?;
    Ok(found.and_then(|(session, admin)| Some((session, admin?))))
}

/// Any session, with the account of its customer.
pub(super) async fn find_with_account(
    db: &impl ConnectionTrait,
    id: SessionId,
) -> Result<Option<(Model, customer_account::Model)>, DbErr> {
    let found = Entity::find_by_id(id).find_also_related(customer_account::Entity).one(db).await?;
    Ok(found.and_then(|(session, account)| Some((session, account?))))
}

pub(super) async fn find_locked(tx: &WriteTx, id: SessionId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock_exclusive().one(tx).await
}

/// The session goes on with the next cookie.
pub(super) async fn renew(tx: &WriteTx, session: &Model) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Generation, session.generation.into())
        .col_expr(Column::RefreshedAt, session.refreshed_at.into())
        .filter(Column::Id.eq(session.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Ends a session; false when it was over.
pub(super) async fn delete(tx: &WriteTx, id: SessionId) -> Result<bool, DbErr> {
    Ok(Entity::delete_by_id(id).exec(tx).await?.rows_affected == 1)
}

/// Ends somebody's sessions, but maybe one.
pub(crate) async fn delete_of(tx: &WriteTx, person: Person, but: Option<SessionId>) -> Result<(), DbErr> {
    let delete = match person {
        Person::Admin(id) => Entity::delete_many().filter(Column::AdminId.eq(id)),
        Person::Customer(id) => Entity::delete_many().filter(Column::CustomerId.eq(id)),
    };
    let delete = match but {
        Some(session) => delete.filter(Column::Id.ne(session)),
        None => delete,
    };
    delete.exec(tx).await?;
    Ok(())
}
