//! Queries on products.

use licentia_entity::product;
use licentia_types::ids::ProductId;
use licentia_types::pages::PageResponse;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::ProductName;
use crate::database::WriteTx;
use crate::failure::Failure;
use crate::pages::{PageError, PageQuery, page, search};

/// Which products a caller sees. The catalogue belongs to no customer, so this is its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visible {
    /// Those that are on sale.
    Active,
    /// Archived ones too.
    All,
}

fn select(visible: Visible) -> Select<product::Entity> {
    match visible {
        Visible::Active => product::Entity::find().filter(product::Column::ArchivedAt.is_null()),
        Visible::All => product::Entity::find(),
    }
}

pub(crate) async fn list(
    db: &impl ConnectionTrait,
    visible: Visible,
    query: &PageQuery,
) -> Result<PageResponse<product::Model>, PageError> {
    let found =
        select(visible).filter(search(query.q.as_deref(), &[product::Column::Slug, product::Column::Name]));
    page(db, found, product::Column::Id, |product: &product::Model| product.id.uuid(), query).await
}

pub(crate) async fn all_by_name(
    db: &impl ConnectionTrait,
    visible: Visible,
) -> Result<Vec<product::Model>, DbErr> {
    select(visible).order_by_asc(product::Column::Name).order_by_asc(product::Column::Id).all(db).await
}

pub(crate) async fn find(
    db: &impl ConnectionTrait,
    visible: Visible,
    name: &ProductName,
) -> Result<Option<product::Model>, DbErr> {
    let named = match name {
        ProductName::Id(id) => product::Column::Id.eq(*id),
        ProductName::Slug(slug) => product::Column::Slug.eq(slug.clone()),
    };
    select(visible).filter(named).one(db).await
}

/// Holds the product's row, and with it its whole catalogue, until the transaction ends.
pub(crate) async fn find_locked(tx: &WriteTx, id: ProductId) -> Result<Option<product::Model>, DbErr> {
    product::Entity::find_by_id(id).lock_exclusive().one(tx).await
}

/// After an edit of a tier or feature: whatever was resolved before is out of date.
pub(crate) async fn raise_catalogue_revision(tx: &WriteTx, id: ProductId) -> Result<(), DbErr> {
    product::Entity::update_many()
        .col_expr(product::Column::CatalogueRevision, Expr::col(product::Column::CatalogueRevision).add(1))
        .filter(product::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// After a change of the defaults that every catalogue falls back on.
pub(crate) async fn raise_every_catalogue_revision(tx: &WriteTx) -> Result<(), DbErr> {
    product::Entity::update_many()
        .col_expr(product::Column::CatalogueRevision, Expr::col(product::Column::CatalogueRevision).add(1))
        .exec(tx)
        .await?;
    Ok(())
}

/// Holds the product's catalogue as it is: no edit of it is committed before the transaction ends.
pub(crate) async fn find_unchanging(tx: &WriteTx, id: ProductId) -> Result<Option<product::Model>, DbErr> {
    product::Entity::find_by_id(id).lock_shared().one(tx).await
}

/// The same for several products, one after the other in the order of their ids.
pub(crate) async fn find_all_unchanging(
    tx: &WriteTx,
    ids: impl IntoIterator<Item = ProductId>,
) -> Result<Vec<product::Model>, DbErr> {
    let these = product::Entity::find().filter(product::Column::Id.is_in(ids));
    these.order_by_asc(product::Column::Id).lock_shared().all(tx).await
}

/// Those of these products that are there.
pub(crate) async fn find_all(
    db: &impl ConnectionTrait,
    ids: &[ProductId],
) -> Result<Vec<product::Model>, DbErr> {
    select(Visible::All).filter(product::Column::Id.is_in(ids.iter().copied())).all(db).await
}

pub(crate) async fn get(db: &impl ConnectionTrait, id: ProductId) -> Result<product::Model, Failure> {
    product::Entity::find_by_id(id).one(db).await?.ok_or(Failure::Corrupt("product"))
}
