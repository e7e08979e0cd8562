//! Queries on features. The catalogue belongs to no customer, so there is no scope here.

use std::collections::HashMap;

use licentia_entity::feature;
use licentia_types::ids::{FeatureId, ProductId};
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
) -> Result<PageResponse<feature::Model>, PageError> {
    let mut found = feature::Entity::find()
        .filter(feature::Column::ArchivedAt.is_null())
        .filter(search(query.q.as_deref(), &[feature::Column::Key, feature::Column::Name]));
    if let Some(product) = product {
        found = found.filter(feature::Column::ProductId.eq(product));
    }
    page(db, found, feature::Column::Id, |feature: &feature::Model| feature.id.uuid(), query).await
}

pub(crate) async fn find(db: &impl ConnectionTrait, id: FeatureId) -> Result<Option<feature::Model>, DbErr> {
    feature::Entity::find_by_id(id).one(db).await
}

pub(crate) async fn of_product(
    db: &impl ConnectionTrait,
    product: ProductId,
) -> Result<Vec<feature::Model>, DbErr> {
    feature::Entity::find()
        .filter(feature::Column::ProductId.eq(product))
        .order_by_asc(feature::Column::SortOrder)
        .order_by_asc(feature::Column::Id)
        .all(db)
        .await
}

/// One statement for the whole list.
pub(crate) async fn set_order(tx: &WriteTx, ids: &[FeatureId], now: Timestamp) -> Result<(), DbErr> {
    if ids.is_empty() {
        return Ok(());
    }
    let place = ids
        .iter()
        .zip(1_i32..)
        .fold(CaseStatement::new(), |case, (id, place)| case.case(feature::Column::Id.eq(*id), place));
    feature::Entity::update_many()
        .col_expr(feature::Column::SortOrder, place.finally(0).into())
        .col_expr(feature::Column::UpdatedAt, now.into())
        .col_expr(feature::Column::Version, Expr::col(feature::Column::Version).add(1))
        .filter(feature::Column::Id.is_in(ids.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}

/// What these products have, each in sort order.
pub(crate) async fn by_product(
    db: &impl ConnectionTrait,
    products: &[ProductId],
) -> Result<HashMap<ProductId, Vec<feature::Model>>, DbErr> {
    let rows = feature::Entity::find()
        .filter(feature::Column::ProductId.is_in(products.iter().copied()))
        .order_by_asc(feature::Column::SortOrder)
        .order_by_asc(feature::Column::Id)
        .all(db)
        .await?;
    let mut by_product: HashMap<ProductId, Vec<feature::Model>> = HashMap::new();
    for row in rows {
        by_product.entry(row.product_id).or_default().push(row);
    }
    Ok(by_product)
}
