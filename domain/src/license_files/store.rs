//! Queries on licence files.

use std::collections::HashMap;

use licentia_entity::license_file::{Column, Entity, Model};
use licentia_types::ids::{ActivationId, LicenseFileId, LicenseId};
use licentia_types::pages::PageResponse;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, Select,
};

use crate::database::WriteTx;
use crate::licenses;
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::Scope;

/// Rows of one statement: below what a statement of SQLite may bind.
const ROWS: usize = 500;

fn select(scope: Scope) -> Select<Entity> {
    match scope {
        Scope::Everything => Entity::find(),
        Scope::Groups(groups) => {
            Entity::find().filter(Column::LicenseId.in_subquery(licenses::store::ids_within(&groups)))
        }
        Scope::Customer(id) => {
            let own = |column| Expr::col((Entity, column));
            let since = licenses::store::had_its_owner(own(Column::LicenseId), own(Column::IssuedAt));
            Entity::find().filter(Column::LicenseId.in_subquery(licenses::store::ids_of(id))).filter(since)
        }
        Scope::License(id) => Entity::find().filter(Column::LicenseId.eq(id)),
        Scope::Activation(id) => Entity::find().filter(Column::ActivationId.eq(id)),
        Scope::Nothing => Entity::find().filter(Expr::value(false)),
    }
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    license: LicenseId,
    query: &PageQuery,
) -> Result<PageResponse<Model>, PageError> {
    let found = select(scope).filter(Column::LicenseId.eq(license));
    let found = found.filter(search(query.q.as_deref(), &[Column::Kid]));
    page(db, found, Column::Id, |file: &Model| file.id.uuid(), query).await
}

pub(super) async fn find(
    db: &impl ConnectionTrait,
    scope: Scope,
    license: LicenseId,
    id: LicenseFileId,
) -> Result<Option<Model>, DbErr> {
    select(scope).filter(Column::LicenseId.eq(license)).filter(Column::Id.eq(id)).one(db).await
}

/// Files of a machine that are good at `now` and were not given back, the newest first.
pub(super) async fn live(
    db: &impl ConnectionTrait,
    machine: ActivationId,
    now: Timestamp,
) -> Result<Vec<Model>, DbErr> {
    select(Scope::Activation(machine))
        .filter(Column::ExpiresAt.gt(now))
        .filter(Column::ReturnedAt.is_null())
        .order_by_desc(Column::Id)
        .all(db)
        .await
}

/// Those of these files that were asked for with a key of this thumbprint. Whoever asks proves then that
/// the key is his.
pub(super) async fn asked_for_with(
    db: &impl ConnectionTrait,
    thumbprint: &str,
    ids: &[LicenseFileId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::MachineKeyThumbprint.eq(thumbprint))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// Any file that was asked for with a key of this thumbprint: it has the key.
pub(super) async fn any_asked_for_with(
    db: &impl ConnectionTrait,
    thumbprint: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::MachineKeyThumbprint.eq(thumbprint)).one(db).await
}

pub(super) async fn give_back(
    tx: &WriteTx,
    ids: impl IntoIterator<Item = LicenseFileId>,
    now: Timestamp,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::ReturnedAt, now.into())
        .filter(Column::Id.is_in(ids))
        .filter(Column::ReturnedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn insert(tx: &WriteTx, files: Vec<Model>) -> Result<(), DbErr> {
    for some in files.chunks(ROWS) {
        let rows = some.iter().map(|file| file.clone().into_active_model().reset_all());
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// A file that was signed: its sealed text, and the key.
pub(super) struct Signed {
    pub(super) id: LicenseFileId,
    pub(super) content: Vec<u8>,
    pub(super) kid: String,
}

/// Keeps what was signed, unless somebody was faster. Gives the files as they are kept.
pub(super) async fn keep(tx: &WriteTx, signed: Vec<Signed>) -> Result<HashMap<LicenseFileId, Model>, DbErr> {
    let ids: Vec<LicenseFileId> = signed.iter().map(|signed| signed.id).collect();
    for Signed { id, content, kid } in signed {
        Entity::update_many()
            .col_expr(Column::Content, content.into())
            .col_expr(Column::Kid, kid.into())
            .filter(Column::Id.eq(id))
            .filter(Column::Content.is_null())
            .exec(tx)
            .await?;
    }
    Ok(find_all(tx, &ids).await?.into_iter().map(|file| (file.id, file)).collect())
}

/// Files that somebody knows of already.
pub(super) async fn find_all(db: &impl ConnectionTrait, ids: &[LicenseFileId]) -> Result<Vec<Model>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(ROWS) {
        found.extend(Entity::find().filter(Column::Id.is_in(some.iter().copied())).all(db).await?);
    }
    Ok(found)
}
