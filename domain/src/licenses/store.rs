//! Queries on licences.

use licentia_entity::{activation, license};
use licentia_types::ids::{CustomerId, LicenseId, ProductId, TierId};
use licentia_types::licenses::{FeatureOverrides, LicenseStatus};
use licentia_types::pages::PageResponse;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select,
};

use crate::database::WriteTx;
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::Scope;

/// Which licences a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct LicenseFilter {
    /// Of this product.
    pub product_id: Option<ProductId>,
    /// At this tier.
    pub tier_id: Option<TierId>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// Worth this now.
    pub status: Option<LicenseStatus>,
}

fn select(scope: Scope) -> Select<license::Entity> {
    let all = license::Entity::find();
    match scope {
        Scope::Everything => all,
        Scope::License(id) => all.filter(license::Column::Id.eq(id)),
        Scope::Activation(id) => {
            let of = activation::Entity::find_by_id(id).select_only().column(activation::Column::LicenseId);
            all.filter(license::Column::Id.in_subquery(of.into_query()))
        }
        Scope::Nothing => all.filter(Expr::value(false)),
    }
}

fn worth(status: LicenseStatus, now: Timestamp) -> Condition {
    use license::{Column, Status};
    let stored = |status: Status| Condition::all().add(Column::Status.eq(status));
    match status {
        LicenseStatus::Revoked => stored(Status::Revoked),
        LicenseStatus::Suspended => stored(Status::Suspended),
        LicenseStatus::Expired => stored(Status::Active).add(Column::ExpiresAt.lte(now)),
        LicenseStatus::Active => stored(Status::Active)
            .add(Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(now))),
    }
}

pub(crate) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    filter: &LicenseFilter,
    query: &PageQuery,
    now: Timestamp,
) -> Result<PageResponse<license::Model>, PageError> {
    use license::Column::{CustomerId, Id, KeyMasked, Notes, ProductId, SourceOrderId, TierId};
    let mut found = select(scope).filter(search(query.q.as_deref(), &[KeyMasked, SourceOrderId, Notes]));
    if let Some(product) = filter.product_id {
        found = found.filter(ProductId.eq(product));
    }
    if let Some(tier) = filter.tier_id {
        found = found.filter(TierId.eq(tier));
    }
    if let Some(customer) = filter.customer_id {
        found = found.filter(CustomerId.eq(customer));
    }
    if let Some(status) = filter.status {
        found = found.filter(worth(status, now));
    }
    page(db, found, Id, |license: &license::Model| license.id.uuid(), query).await
}

pub(crate) async fn find(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: LicenseId,
) -> Result<Option<license::Model>, DbErr> {
    select(scope).filter(license::Column::Id.eq(id)).one(db).await
}

/// Holds the licence's row, and with it its seats, until the transaction ends. Rows that refer to
/// it may be written meanwhile.
pub(crate) async fn find_locked(
    tx: &WriteTx,
    scope: Scope,
    id: LicenseId,
) -> Result<Option<license::Model>, DbErr> {
    select(scope).filter(license::Column::Id.eq(id)).lock(LockType::NoKeyUpdate).one(tx).await
}

/// The key is the credential: whoever knows it has the scope of its licence.
pub(crate) async fn find_by_key(
    db: &impl ConnectionTrait,
    key_digest: Vec<u8>,
) -> Result<Option<license::Model>, DbErr> {
    license::Entity::find().filter(license::Column::KeyDigest.eq(key_digest)).one(db).await
}

/// The same, held until the transaction ends.
pub(crate) async fn find_by_key_locked(
    tx: &WriteTx,
    key_digest: Vec<u8>,
) -> Result<Option<license::Model>, DbErr> {
    let of_key = license::Entity::find().filter(license::Column::KeyDigest.eq(key_digest));
    of_key.lock(LockType::NoKeyUpdate).one(tx).await
}

/// Every kind of feature override among a product's licences, each once.
pub(crate) async fn distinct_feature_overrides(
    db: &impl ConnectionTrait,
    product: ProductId,
) -> Result<Vec<(TierId, FeatureOverrides)>, DbErr> {
    license::Entity::find()
        .select_only()
        .column(license::Column::TierId)
        .column(license::Column::Features)
        .distinct()
        .filter(license::Column::ProductId.eq(product))
        .filter(license::Column::Status.ne(license::Status::Revoked))
        .filter(license::Column::Features.ne(FeatureOverrides::default()))
        .into_tuple()
        .all(db)
        .await
}
