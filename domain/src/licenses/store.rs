//! Queries on licences.

use std::collections::HashSet;

use licentia_entity::{activation, former_license_key, license, license_notice};
use licentia_types::ids::{CustomerId, GroupId, LicenseId, ProductId, TierId};
use licentia_types::licenses::{FeatureOverrides, LicenseStatus};
use licentia_types::mails::MailTemplate as Template;
use licentia_types::pages::PageResponse;
use licentia_types::text::Reference;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockType, OnConflict, SimpleExpr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};

use super::keys::KeyDigests;
use crate::database::WriteTx;
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::Scope;

mod within;

pub(crate) use within::{changes_hands, had_its_owner, ids_of, ids_within, is_within_since, regroup};

/// Which licences a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct LicenseFilter {
    /// Of this product.
    pub product_id: Option<ProductId>,
    /// At this tier.
    pub tier_id: Option<TierId>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// In this group.
    pub group_id: Option<GroupId>,
    /// Worth this now.
    pub status: Option<LicenseStatus>,
    /// To try the product with, or not.
    pub trial: Option<bool>,
}

fn select(scope: Scope) -> Select<license::Entity> {
    let all = license::Entity::find();
    match scope {
        Scope::Everything => all,
        Scope::Groups(groups) => all.filter(within::within(&groups)),
        Scope::Customer(id) => all.filter(license::Column::CustomerId.eq(id)),
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
    use license::Column::{Id, KeyMasked, Notes, SourceOrderId};
    let found = chosen(scope, filter, now);
    let found = found.filter(search(query.q.as_deref(), &[KeyMasked, SourceOrderId, Notes]));
    page(db, found, Id, |license: &license::Model| license.id.uuid(), query).await
}

/// A customer's own: what the vendor notes down is not searched either.
pub(super) async fn list_own(
    db: &impl ConnectionTrait,
    scope: Scope,
    status: Option<LicenseStatus>,
    query: &PageQuery,
    now: Timestamp,
) -> Result<PageResponse<license::Model>, PageError> {
    use license::Column::{Id, KeyMasked};
    let found = chosen(scope, &LicenseFilter { status, ..LicenseFilter::default() }, now);
    let found = found.filter(search(query.q.as_deref(), &[KeyMasked]));
    page(db, found, Id, |license: &license::Model| license.id.uuid(), query).await
}

/// Whether a customer has any licence.
pub(crate) async fn any_of(db: &impl ConnectionTrait, customer: CustomerId) -> Result<bool, DbErr> {
    let own = select(Scope::Customer(customer)).select_only().column(license::Column::Id);
    Ok(own.into_tuple::<LicenseId>().one(db).await?.is_some())
}

/// Notes that the owner of a licence is written to; false when he was lately, of the same.
pub(crate) async fn may_notice(
    tx: &WriteTx,
    (license, template): (LicenseId, Template),
    now: Timestamp,
    pause: Seconds,
) -> Result<bool, DbErr> {
    use license_notice::Column;
    let row = license_notice::Model { license_id: license, template, told_at: now };
    let told = license_notice::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(
            OnConflict::columns([Column::LicenseId, Column::Template])
                .update_column(Column::ToldAt)
                .action_and_where(Expr::col((license_notice::Entity, Column::ToldAt)).lte(now - pause))
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(told == 1)
}

/// Those that a list, or an export, shows.
pub(super) fn chosen(scope: Scope, filter: &LicenseFilter, now: Timestamp) -> Select<license::Entity> {
    use license::Column::{CustomerId, ProductId, TierId};
    let mut found = select(scope);
    if let Some(product) = filter.product_id {
        found = found.filter(ProductId.eq(product));
    }
    if let Some(tier) = filter.tier_id {
        found = found.filter(TierId.eq(tier));
    }
    if let Some(customer) = filter.customer_id {
        found = found.filter(CustomerId.eq(customer));
    }
    if let Some(group) = filter.group_id {
        found = found.filter(license::Column::GroupId.eq(group));
    }
    if let Some(trial) = filter.trial {
        found = found.filter(license::Column::Trial.eq(trial));
    }
    if let Some(status) = filter.status {
        found = found.filter(worth(status, now));
    }
    found
}

pub(crate) async fn find(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: LicenseId,
) -> Result<Option<license::Model>, DbErr> {
    select(scope).filter(license::Column::Id.eq(id)).one(db).await
}

/// Those of the scope for which `condition` holds, newest first, at most so many.
pub(crate) async fn matching(
    db: &impl ConnectionTrait,
    scope: Scope,
    condition: SimpleExpr,
    most: u64,
) -> Result<Vec<license::Model>, DbErr> {
    select(scope).filter(condition).order_by_desc(license::Column::Id).limit(most).all(db).await
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

/// The key is the credential: whoever knows it has the scope of its licence. A former key is taken
/// for as long as it was kept. A key goes before a SHA-256 of it that was imported.
pub(crate) async fn find_by_key(
    db: &impl ConnectionTrait,
    key: KeyDigests,
    now: Timestamp,
) -> Result<Option<license::Model>, DbErr> {
    let of_key = license::Entity::find().filter(license::Column::KeyDigest.is_in(key.all()));
    let mut found = of_key.all(db).await?;
    if let Some(place) = found.iter().position(|license| license.key_digest == key.own) {
        return Ok(Some(found.swap_remove(place)));
    }
    if let Some(license) = found.pop() {
        return Ok(Some(license));
    }
    let former = former_license_key::Entity::find()
        .filter(former_license_key::Column::KeyDigest.is_in(key.all()))
        .filter(former_license_key::Column::ValidUntil.gt(now));
    let Some(former) = former.one(db).await? else {
        return Ok(None);
    };
    license::Entity::find_by_id(former.license_id).one(db).await
}

/// Which of these keys were replaced once: none of them is given again.
pub(crate) async fn former_keys(
    db: &impl ConnectionTrait,
    key_digests: Vec<Vec<u8>>,
) -> Result<HashSet<Vec<u8>>, DbErr> {
    if key_digests.is_empty() {
        return Ok(HashSet::new());
    }
    let former = former_license_key::Entity::find()
        .filter(former_license_key::Column::KeyDigest.is_in(key_digests))
        .all(db)
        .await?;
    Ok(former.into_iter().map(|former| former.key_digest).collect())
}

/// Which of these digests are those of a licence's key.
pub(crate) async fn taken_keys(
    db: &impl ConnectionTrait,
    key_digests: impl IntoIterator<Item = Vec<u8>>,
) -> Result<HashSet<Vec<u8>>, DbErr> {
    let of_these = license::Entity::find().filter(license::Column::KeyDigest.is_in(key_digests));
    let taken: Vec<Vec<u8>> =
        of_these.select_only().column(license::Column::KeyDigest).into_tuple().all(db).await?;
    Ok(taken.into_iter().collect())
}

/// Which of these orders have their licence.
pub(crate) async fn taken_orders(
    db: &impl ConnectionTrait,
    orders: impl IntoIterator<Item = Reference>,
) -> Result<HashSet<(Reference, Reference)>, DbErr> {
    let of_these = license::Entity::find()
        .filter(license::Column::SourceOrderId.is_in(orders))
        .filter(license::Column::Source.is_not_null());
    let taken: Vec<(Reference, Reference)> = of_these
        .select_only()
        .column(license::Column::Source)
        .column(license::Column::SourceOrderId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(taken.into_iter().collect())
}

/// Remembers the licence's present key as a former one, and lets none of its former keys be taken
/// for longer than `valid_until`.
pub(super) async fn keep_former_key(
    tx: &WriteTx,
    license: &license::Model,
    now: Timestamp,
    valid_until: Timestamp,
) -> Result<(), DbErr> {
    use former_license_key::Column;
    former_license_key::Entity::update_many()
        .col_expr(Column::ValidUntil, valid_until.into())
        .filter(Column::LicenseId.eq(license.id))
        .filter(Column::ValidUntil.gt(valid_until))
        .exec(tx)
        .await?;
    let former = former_license_key::ActiveModel {
        key_digest: Set(license.key_digest.clone()),
        license_id: Set(license.id),
        rotated_at: Set(now),
        valid_until: Set(valid_until),
    };
    former_license_key::Entity::insert(former).exec_without_returning(tx).await?;
    Ok(())
}

/// Holds every licence of a customer for a product that is not revoked, one after the other in the
/// order of their ids, so that two who do so never wait for each other.
pub(super) async fn lock_siblings(
    tx: &WriteTx,
    customer: CustomerId,
    product: ProductId,
) -> Result<Vec<license::Model>, DbErr> {
    license::Entity::find()
        .filter(license::Column::CustomerId.eq(customer))
        .filter(license::Column::ProductId.eq(product))
        .filter(license::Column::Status.ne(license::Status::Revoked))
        .order_by_asc(license::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(tx)
        .await
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
