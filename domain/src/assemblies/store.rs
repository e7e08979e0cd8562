//! Queries on approvals.

use std::collections::BTreeSet;

use licentia_entity::assembly_approval::{Column, Entity, Model};
use licentia_types::assemblies::{ApprovalSource, Sha256};
use licentia_types::ids::{AssemblyApprovalId, LicenseId};
use licentia_types::pages::PageResponse;
use licentia_types::text::AssemblyName;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QuerySelect, Select,
};

use crate::database::WriteTx;
use crate::licenses;
use crate::pages::{PageError, PageQuery, page, search};
use crate::scope::Scope;

/// Rows of one statement: below what a statement of SQLite may bind.
const ROWS: usize = 500;

/// Which approvals a list shows.
#[derive(Clone, Debug, Default)]
pub struct ApprovalFilter {
    /// For this licence only; those for all are not among them.
    pub license_id: Option<LicenseId>,
    /// Of this name.
    pub assembly_name: Option<AssemblyName>,
    /// Of this build.
    pub sha256: Option<Sha256>,
    /// By this source.
    pub source: Option<ApprovalSource>,
    /// Those that were withdrawn, instead of those that stand.
    pub withdrawn: bool,
}

fn select(scope: Scope) -> Select<Entity> {
    match scope {
        Scope::Everything => Entity::find(),
        Scope::Groups(groups) => {
            Entity::find().filter(Column::LicenseId.in_subquery(licenses::store::ids_within(&groups)))
        }
        Scope::License(id) => Entity::find().filter(Column::LicenseId.eq(id)),
        Scope::Customer(_) | Scope::Activation(_) | Scope::Nothing => {
            Entity::find().filter(Expr::value(false))
        }
    }
}

/// Those that stand, of these builds.
fn standing_of(digests: impl Iterator<Item = Sha256>) -> Select<Entity> {
    let digests: BTreeSet<Sha256> = digests.collect();
    Entity::find().filter(Column::Sha256.is_in(digests)).filter(Column::WithdrawnAt.is_null())
}

/// Writes those that do not stand already. Whoever approves the same at this instant is waited for.
pub(super) async fn insert(tx: &WriteTx, approvals: Vec<Model>) -> Result<(), DbErr> {
    for some in approvals.chunks(ROWS) {
        let rows = some.iter().map(|approval| approval.clone().into_active_model().reset_all());
        Entity::insert_many(rows)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// Those of these builds that stand for exactly this licence, or for all, and do so until the transaction ends.
pub(super) async fn standing(
    tx: &WriteTx,
    license: Option<LicenseId>,
    digests: impl Iterator<Item = Sha256>,
) -> Result<Vec<Model>, DbErr> {
    let found = standing_of(digests);
    let found = match license {
        None => found.filter(Column::LicenseId.is_null()),
        Some(license) => found.filter(Column::LicenseId.eq(license)),
    };
    found.lock_shared().all(tx).await
}

/// What stands of these builds for this licence or for all.
pub(super) fn standing_for(license: LicenseId, digests: impl Iterator<Item = Sha256>) -> Select<Entity> {
    let own = Condition::any().add(Column::LicenseId.is_null()).add(Column::LicenseId.eq(license));
    standing_of(digests).filter(own)
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    filter: &ApprovalFilter,
    query: &PageQuery,
) -> Result<PageResponse<Model>, PageError> {
    let ApprovalFilter { license_id, assembly_name, sha256, source, withdrawn } = filter;
    let mut found = select(scope).filter(search(query.q.as_deref(), &[Column::AssemblyName, Column::Note]));
    if let Some(license) = license_id {
        found = found.filter(Column::LicenseId.eq(*license));
    }
    if let Some(name) = assembly_name {
        found = found.filter(Column::AssemblyName.eq(name.clone()));
    }
    if let Some(sha256) = sha256 {
        found = found.filter(Column::Sha256.eq(sha256.clone()));
    }
    if let Some(source) = source {
        found = found.filter(Column::Source.eq(*source));
    }
    let is_withdrawn =
        if *withdrawn { Column::WithdrawnAt.is_not_null() } else { Column::WithdrawnAt.is_null() };
    page(db, found.filter(is_withdrawn), Column::Id, |approval: &Model| approval.id.uuid(), query).await
}

/// Holds an approval until the transaction ends.
pub(super) async fn find_locked(
    tx: &WriteTx,
    scope: Scope,
    id: AssemblyApprovalId,
) -> Result<Option<Model>, DbErr> {
    select(scope).filter(Column::Id.eq(id)).lock_exclusive().one(tx).await
}

pub(super) async fn withdraw(tx: &WriteTx, id: AssemblyApprovalId, now: Timestamp) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::WithdrawnAt, now.into())
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}
