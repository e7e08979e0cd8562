//! Queries on customers.

use licentia_entity::customer;
use licentia_types::ids::CustomerId;
use licentia_types::pages::PageResponse;
use licentia_types::text::Reference;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::database::WriteTx;
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::Scope;

fn select(scope: Scope) -> Select<customer::Entity> {
    match scope {
        Scope::Everything => customer::Entity::find(),
        // A machine knows a licence, never the people behind it.
        Scope::License(_) | Scope::Activation(_) | Scope::Nothing => {
            customer::Entity::find().filter(Expr::value(false))
        }
    }
}

pub(crate) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    query: &PageQuery,
) -> Result<PageResponse<customer::Model>, PageError> {
    use customer::Column::{Email, ExternalId, Name, Organization};
    let found = select(scope).filter(search(query.q.as_deref(), &[Name, Organization, Email, ExternalId]));
    page(db, found, customer::Column::Id, |customer: &customer::Model| customer.id.uuid(), query).await
}

pub(crate) async fn find(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: CustomerId,
) -> Result<Option<customer::Model>, DbErr> {
    select(scope).filter(customer::Column::Id.eq(id)).one(db).await
}

/// Those of the scope for which `condition` holds, newest first, at most so many.
pub(crate) async fn matching(
    db: &impl ConnectionTrait,
    scope: Scope,
    condition: SimpleExpr,
    most: u64,
) -> Result<Vec<customer::Model>, DbErr> {
    select(scope).filter(condition).order_by_desc(customer::Column::Id).limit(most).all(db).await
}

pub(crate) async fn find_locked(
    tx: &WriteTx,
    scope: Scope,
    id: CustomerId,
) -> Result<Option<customer::Model>, DbErr> {
    select(scope).filter(customer::Column::Id.eq(id)).lock_exclusive().one(tx).await
}

/// Those of these customers that are there.
pub(crate) async fn find_all(
    db: &impl ConnectionTrait,
    scope: Scope,
    ids: impl IntoIterator<Item = CustomerId>,
) -> Result<Vec<customer::Model>, DbErr> {
    select(scope).filter(customer::Column::Id.is_in(ids)).all(db).await
}

/// Those that are known by these external ids.
pub(crate) async fn find_by_external_ids(
    db: &impl ConnectionTrait,
    scope: Scope,
    external_ids: impl IntoIterator<Item = Reference>,
) -> Result<Vec<customer::Model>, DbErr> {
    select(scope).filter(customer::Column::ExternalId.is_in(external_ids)).all(db).await
}
