//! Queries on tiers. The catalogue belongs to no customer, so there is no scope here.

use std::collections::HashMap;

use licentia_entity::tier;
use licentia_types::ids::{ProductId, TierId};
use licentia_types::pages::PageResponse;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{CaseStatement, Expr};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder};

use crate::database::WriteTx;
use crate::pages::{PageError, PageQuery, page, search};

pub(crate) async fn list(
    db: &impl ConnectionTrait,
    product: Option<ProductId>,
    query: &PageQuery,
) -> Result<PageResponse<tier::Model>, PageError> {
    let mut found = tier::Entity::find()
        .filter(tier::Column::ArchivedAt.is_null())
        .filter(search(query.q.as_deref(), &[tier::Column::Key, tier::Column::Name]));
    if let Some(product) = product {
        found = found.filter(tier::Column::ProductId.eq(product));
    }
    page(db, found, tier::Column::Id, |tier: &tier::Model| tier.id.uuid(), query).await
}

pub(crate) async fn find(db: &impl ConnectionTrait, id: TierId) -> Result<Option<tier::Model>, DbErr> {
    tier::Entity::find_by_id(id).one(db).await
}

pub(crate) async fn of_product(
    db: &impl ConnectionTrait,
    product: ProductId,
) -> Result<Vec<tier::Model>, DbErr> {
    tier::Entity::find()
        .filter(tier::Column::ProductId.eq(product))
        .order_by_asc(tier::Column::SortOrder)
        .order_by_asc(tier::Column::Id)
        .all(db)
        .await
}

/// One statement for the whole list.
pub(crate) async fn set_order(tx: &WriteTx, ids: &[TierId], now: Timestamp) -> Result<(), DbErr> {
    if ids.is_empty() {
        return Ok(());
    }
    let place = ids
        .iter()
        .zip(1_i32..)
        .fold(CaseStatement::new(), |case, (id, place)| case.case(tier::Column::Id.eq(*id), place));
    tier::Entity::update_many()
        .col_expr(tier::Column::SortOrder, place.finally(0).into())
        .col_expr(tier::Column::UpdatedAt, now.into())
        .col_expr(tier::Column::Version, Expr::col(tier::Column::Version).add(1))
        .filter(tier::Column::Id.is_in(ids.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}

/// What these products have, each in sort order.
pub(crate) async fn by_product(
    db: &impl ConnectionTrait,
    products: &[ProductId],
) -> Result<HashMap<ProductId, Vec<tier::Model>>, DbErr> {
    let rows = tier::Entity::find()
        .filter(tier::Column::ProductId.is_in(products.iter().copied()))
        .order_by_asc(tier::Column::SortOrder)
        .order_by_asc(tier::Column::Id)
        .all(db)
        .await?;
    let mut by_product: HashMap<ProductId, Vec<tier::Model>> = HashMap::new();
    for row in rows {
        by_product.entry(row.product_id).or_default().push(row);
    }
    Ok(by_product)
}
