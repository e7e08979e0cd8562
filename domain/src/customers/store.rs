//! Queries on customers.

use std::collections::HashSet;

use licentia_entity::customer;
use licentia_types::ids::{CustomerId, GroupId};
use licentia_types::pages::PageResponse;
use licentia_types::text::Reference;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
};

use crate::database::WriteTx;
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::{Groups, Scope};

fn select(scope: Scope) -> Select<customer::Entity> {
    match scope {
        Scope::Everything => customer::Entity::find(),
        Scope::Groups(groups) => {
            customer::Entity::find().filter(customer::Column::GroupId.is_in(groups.ids().iter().copied()))
        }
        Scope::Customer(id) => customer::Entity::find().filter(customer::Column::Id.eq(id)),
        // A machine knows a licence, never the people behind it.
        Scope::License(_) | Scope::Activation(_) | Scope::Nothing => {
            customer::Entity::find().filter(Expr::value(false))
        }
    }
}

/// Which customers a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct CustomerFilter {
    /// In this group.
    pub group_id: Option<GroupId>,
}

pub(crate) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    filter: CustomerFilter,
    query: &PageQuery,
) -> Result<PageResponse<customer::Model>, PageError> {
    use customer::Column::{Email, ExternalId, GroupId, Name, Organization};
    let found = select(scope)
        .filter(search(query.q.as_deref(), &[Name, Organization, Email, ExternalId]))
        .apply_if(filter.group_id, |select, group| select.filter(GroupId.eq(group)));
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

/// Those of these customers that are there, in the groups in which they stay until the transaction ends.
pub(crate) async fn hold_all(
    tx: &WriteTx,
    scope: Scope,
    ids: impl IntoIterator<Item = CustomerId>,
) -> Result<Vec<customer::Model>, DbErr> {
    select(scope).filter(customer::Column::Id.is_in(ids)).lock_shared().all(tx).await
}

/// Those that are known by these external ids, which are unique over all groups; they stay in theirs until the
/// transaction ends.
pub(crate) async fn hold_by_external_ids(
    tx: &WriteTx,
    external_ids: impl IntoIterator<Item = Reference>,
) -> Result<Vec<customer::Model>, DbErr> {
    customer::Entity::find()
        .filter(customer::Column::ExternalId.is_in(external_ids))
        .lock_shared()
        .all(tx)
        .await
}

/// Which of these external ids are those of customers outside these groups.
pub(crate) async fn taken_outside(
    db: &impl ConnectionTrait,
    groups: &Groups,
    external_ids: impl IntoIterator<Item = Reference>,
) -> Result<HashSet<Reference>, DbErr> {
    let inside = customer::Column::GroupId.is_in(groups.ids().iter().copied());
    let outside = Condition::any().add(customer::Column::GroupId.is_null()).add(inside.not());
    let taken: Vec<Reference> = customer::Entity::find()
        .filter(customer::Column::ExternalId.is_in(external_ids))
        .filter(outside)
        .select_only()
        .column(customer::Column::ExternalId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(taken.into_iter().collect())
}
