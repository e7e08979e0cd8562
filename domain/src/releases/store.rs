//! Queries on releases.

use std::collections::BTreeSet;

use licentia_entity::release;
use licentia_types::ids::ProductId;
use licentia_types::pages::PageResponse;
use licentia_types::text::ProductVersion;
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, Func, OnConflict, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, Order, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};

use crate::database::WriteTx;
use crate::pages::{Cursor, PageError, PageQuery, search};

pub(super) async fn find(
    db: &impl ConnectionTrait,
    product: ProductId,
    version: &ProductVersion,
) -> Result<Option<release::Model>, DbErr> {
    release::Entity::find_by_id((product, version.clone())).one(db).await
}

/// One statement, so that of two machines that come at once one is the first.
pub(super) async fn insert_seen(
    tx: &WriteTx,
    seen: BTreeSet<(ProductId, &ProductVersion)>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let row = |(product, version): (ProductId, &ProductVersion)| release::ActiveModel {
        product_id: Set(product),
        version: Set(version.clone()),
        first_seen_at: Set(Some(now)),
        released_at: Set(None),
    };
    release::Entity::insert_many(seen.into_iter().map(row))
        .on_conflict(key().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Whether it was not declared before. A version that was only seen is declared in its place.
pub(super) async fn declare(
    tx: &WriteTx,
    product: ProductId,
    version: &ProductVersion,
    released_at: Timestamp,
) -> Result<bool, DbErr> {
    let row = release::ActiveModel {
        product_id: Set(product),
        version: Set(version.clone()),
        first_seen_at: Set(None),
        released_at: Set(Some(released_at)),
    };
    let undeclared = Expr::col((release::Entity, release::Column::ReleasedAt)).is_null();
    let only_seen = key().update_column(release::Column::ReleasedAt).action_and_where(undeclared).to_owned();
    let written = release::Entity::insert(row).on_conflict(only_seen).exec_without_returning(tx).await?;
    Ok(written == 1)
}

fn key() -> OnConflict {
    OnConflict::columns([release::Column::ProductId, release::Column::Version])
}

/// By date, and among versions of one instant by version.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    product: ProductId,
    query: &PageQuery,
) -> Result<PageResponse<release::Model>, PageError> {
    query.expect_searchable()?;
    let (limit, order) = (query.limit()?, query.order()?);
    let after: Option<Cursor<(Timestamp, ProductVersion)>> = query.cursor_of()?;
    let found = release::Entity::find()
        .filter(release::Column::ProductId.eq(product))
        .filter(search(query.q.as_deref(), &[release::Column::Version]));
    let total = if after.is_none() { Some(found.clone().count(db).await?) } else { None };
    let rest = match after {
        None => found,
        Some(Cursor((at, version))) => found.filter(beyond(&order, at, version)),
    };
    let rest = rest.order_by(date(), order.clone()).order_by(release::Column::Version, order);
    let mut items = rest.limit(limit + 1).all(db).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > shown;
    items.truncate(shown);
    let last = items.last().filter(|_| more);
    let next_cursor =
        last.and_then(|last| Some(Cursor((last.released_at.or(last.first_seen_at)?, &last.version)).text()));
    Ok(PageResponse { items, next_cursor, total })
}

fn date() -> SimpleExpr {
    Func::coalesce([Expr::col(release::Column::ReleasedAt), Expr::col(release::Column::FirstSeenAt)]).into()
}

fn beyond(order: &Order, at: Timestamp, version: ProductVersion) -> Condition {
    let same = Condition::all().add(date().eq(at));
    match order {
        Order::Asc => Condition::any().add(date().gt(at)).add(same.add(release::Column::Version.gt(version))),
        _ => Condition::any().add(date().lt(at)).add(same.add(release::Column::Version.lt(version))),
    }
}
