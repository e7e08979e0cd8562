//! Queries that tiers and features have in common: both are ordered entries of a product's
//! catalogue. The catalogue belongs to no customer, so there is no scope here.

use std::collections::HashMap;

use licentia_types::ids::ProductId;
use licentia_types::pages::PageResponse;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{CaseStatement, Expr};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, Value};
use uuid::Uuid;

use crate::database::WriteTx;
use crate::pages::{PageError, PageQuery, page, search};

/// A table of catalogue entries.
pub(crate) trait Entry: EntityTrait<Model: Send + Sync> {
    /// Its key.
    const ID: Self::Column;
    /// Whose catalogue.
    const PRODUCT: Self::Column;
    /// What programs call it.
    const KEY: Self::Column;
    /// What people call it.
    const NAME: Self::Column;
    /// Its place in lists.
    const SORT_ORDER: Self::Column;
    /// Since when it is not offered any more.
    const ARCHIVED_AT: Self::Column;
    /// When it was last edited.
    const UPDATED_AT: Self::Column;
    /// How often it was edited.
    const VERSION: Self::Column;

    /// Its id and its product.
    fn identity(row: &Self::Model) -> (Uuid, ProductId);
}

macro_rules! entry {
    ($table:ident) => {
        impl Entry for licentia_entity::$table::Entity {
            const ID: Self::Column = licentia_entity::$table::Column::Id;
            const PRODUCT: Self::Column = licentia_entity::$table::Column::ProductId;
            const KEY: Self::Column = licentia_entity::$table::Column::Key;
            const NAME: Self::Column = licentia_entity::$table::Column::Name;
            const SORT_ORDER: Self::Column = licentia_entity::$table::Column::SortOrder;
            const ARCHIVED_AT: Self::Column = licentia_entity::$table::Column::ArchivedAt;
            const UPDATED_AT: Self::Column = licentia_entity::$table::Column::UpdatedAt;
            const VERSION: Self::Column = licentia_entity::$table::Column::Version;

            fn identity(row: &Self::Model) -> (Uuid, ProductId) {
                (row.id.uuid(), row.product_id)
            }
        }
    };
}

entry!(feature);
entry!(tier);

/// A page of what is not archived.
pub(crate) async fn list<E: Entry>(
    db: &impl ConnectionTrait,
    product: Option<ProductId>,
    query: &PageQuery,
) -> Result<PageResponse<E::Model>, PageError> {
    let mut found =
        E::find().filter(E::ARCHIVED_AT.is_null()).filter(search(query.q.as_deref(), &[E::KEY, E::NAME]));
    if let Some(product) = product {
        found = found.filter(E::PRODUCT.eq(product));
    }
    page(db, found, E::ID, |row: &E::Model| E::identity(row).0, query).await
}

/// All that a product has, archived ones too, in sort order.
pub(crate) async fn of_product<E: Entry>(
    db: &impl ConnectionTrait,
    product: ProductId,
) -> Result<Vec<E::Model>, DbErr> {
    E::find().filter(E::PRODUCT.eq(product)).order_by_asc(E::SORT_ORDER).order_by_asc(E::ID).all(db).await
}

/// What these products have, each in sort order.
pub(crate) async fn by_product<E: Entry>(
    db: &impl ConnectionTrait,
    products: &[ProductId],
) -> Result<HashMap<ProductId, Vec<E::Model>>, DbErr> {
    let of_these = E::find().filter(E::PRODUCT.is_in(products.iter().copied()));
    let rows = of_these.order_by_asc(E::SORT_ORDER).order_by_asc(E::ID).all(db).await?;
    let mut by_product: HashMap<ProductId, Vec<E::Model>> = HashMap::new();
    for row in rows {
        by_product.entry(E::identity(&row).1).or_default().push(row);
    }
    Ok(by_product)
}

/// Puts them in this order: one statement for the whole list.
pub(crate) async fn set_order<E: Entry>(
    tx: &WriteTx,
    ids: &[impl Into<Value> + Copy],
    now: Timestamp,
) -> Result<(), DbErr> {
    if ids.is_empty() {
        return Ok(());
    }
    let place = ids
        .iter()
        .zip(1_i32..)
        .fold(CaseStatement::new(), |case, (id, place)| case.case(E::ID.eq(*id), place));
    E::update_many()
        .col_expr(E::SORT_ORDER, place.finally(0).into())
        .col_expr(E::UPDATED_AT, now.into())
        .col_expr(E::VERSION, Expr::col(E::VERSION).add(1))
        .filter(E::ID.is_in(ids.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}
