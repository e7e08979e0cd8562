//! Queries on imports.

use std::collections::{HashMap, HashSet};

use licentia_entity::{import, import_chunk, import_claim, import_row, product};
use licentia_types::ids::{ImportId, ProductId};
use licentia_types::imports::{ImportOutcome, ImportStatus};
use licentia_types::pages::PageResponse;
use licentia_types::text::Slug;
use licentia_types::time::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select,
};

use crate::database::WriteTx;
use crate::pages::{Cursor, PageError, PageQuery, page};
use crate::scope::Scope;

/// Rows of one statement.
const ROWS: usize = 500;

/// Which rows a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowFilter {
    /// Of which this became.
    pub outcome: Option<ImportOutcome>,
}

fn select(scope: Scope) -> Select<import::Entity> {
    match scope {
        Scope::Everything => import::Entity::find(),
        Scope::Groups(groups) => {
            import::Entity::find().filter(import::Column::GroupId.is_in(groups.ids().iter().copied()))
        }
        // Imports are for operators.
        Scope::Customer(_) | Scope::License(_) | Scope::Activation(_) | Scope::Nothing => {
            import::Entity::find().filter(Expr::value(false))
        }
    }
}

pub(super) async fn list(
    db: &impl ConnectionTrait,
    scope: Scope,
    query: &PageQuery,
) -> Result<PageResponse<import::Model>, PageError> {
    expect_no_search(query)?;
    page(db, select(scope), import::Column::Id, |import: &import::Model| import.id.uuid(), query).await
}

/// There is no text in them to search for.
fn expect_no_search(query: &PageQuery) -> Result<(), PageError> {
    match query.q {
        None => Ok(()),
        Some(_) => Err(PageError::Parameter { parameter: "q", expected: "must be absent".to_owned() }),
    }
}

pub(super) async fn find(
    db: &impl ConnectionTrait,
    scope: Scope,
    id: ImportId,
) -> Result<Option<import::Model>, DbErr> {
    select(scope).filter(import::Column::Id.eq(id)).one(db).await
}

/// Holds the import until the transaction ends.
pub(super) async fn hold(tx: &WriteTx, id: ImportId) -> Result<Option<import::Model>, DbErr> {
    import::Entity::find_by_id(id).lock_exclusive().one(tx).await
}

/// A page of results, in the order of the rows.
pub(super) async fn rows(
    db: &impl ConnectionTrait,
    id: ImportId,
    filter: RowFilter,
    query: &PageQuery,
) -> Result<PageResponse<import_row::Model>, PageError> {
    expect_no_search(query)?;
    if query.sort.is_some() {
        let expected = "must be absent: rows stand in their order".to_owned();
        return Err(PageError::Parameter { parameter: "sort", expected });
    }
    let (limit, after) = (query.limit()?, query.cursor_of::<i64>()?);
    let found = import_row::Entity::find()
        .filter(import_row::Column::ImportId.eq(id))
        .apply_if(filter.outcome, |select, outcome| select.filter(import_row::Column::Outcome.eq(outcome)));
    let total = if after.is_none() { Some(found.clone().count(db).await?) } else { None };
    let mut items = found
        .apply_if(after, |select, Cursor(after)| select.filter(import_row::Column::Number.gt(after)))
        .order_by_asc(import_row::Column::Number)
        .limit(limit + 1)
        .all(db)
        .await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > shown;
    items.truncate(shown);
    let next_cursor = items.last().filter(|_| more).map(|last| Cursor(last.number).text());
    Ok(PageResponse { items, next_cursor, total })
}

/// Whether there is an import to be worked on, or given up.
pub(super) async fn any_open(db: &impl ConnectionTrait, silent_since: Timestamp) -> Result<bool, DbErr> {
    let to_do = Condition::any()
        .add(import::Column::Status.eq(ImportStatus::Running))
        .add(import::Column::UpdatedAt.lt(silent_since));
    let open = import::Entity::find().filter(import::Column::FinishedAt.is_null()).filter(to_do);
    let id = open.select_only().column(import::Column::Id).into_tuple::<ImportId>().one(db).await?;
    Ok(id.is_some())
}

/// The import that has waited longest.
pub(super) async fn next(db: &impl ConnectionTrait) -> Result<Option<import::Model>, DbErr> {
    import::Entity::find()
        .filter(import::Column::FinishedAt.is_null())
        .filter(import::Column::Status.eq(ImportStatus::Running))
        .order_by_asc(import::Column::Id)
        .one(db)
        .await
}

/// Imports whose rows stopped coming.
pub(super) async fn silent(
    db: &impl ConnectionTrait,
    silent_since: Timestamp,
) -> Result<Vec<ImportId>, DbErr> {
    import::Entity::find()
        .select_only()
        .column(import::Column::Id)
        .filter(import::Column::FinishedAt.is_null())
        .filter(import::Column::Status.eq(ImportStatus::Receiving))
        .filter(import::Column::UpdatedAt.lt(silent_since))
        .into_tuple()
        .all(db)
        .await
}

/// Puts a piece beside those that came before. False when its import is not receiving any more.
pub(super) async fn add_piece(
    tx: &WriteTx,
    piece: import_chunk::ActiveModel,
    (import, rows): (ImportId, i64),
    now: Timestamp,
) -> Result<bool, DbErr> {
    let added = import::Entity::update_many()
        .col_expr(import::Column::Rows, Expr::col(import::Column::Rows).add(rows))
        .col_expr(import::Column::Chunks, Expr::col(import::Column::Chunks).add(1))
        .col_expr(import::Column::UpdatedAt, now.into())
        .filter(import::Column::Id.eq(import))
        .filter(import::Column::Status.eq(ImportStatus::Receiving))
        .exec(tx)
        .await?
        .rows_affected;
    if added == 1 {
        import_chunk::Entity::insert(piece).exec_without_returning(tx).await?;
    }
    Ok(added == 1)
}

/// Its rows are all there. False when it is not receiving any more.
pub(super) async fn start(tx: &WriteTx, id: ImportId, now: Timestamp) -> Result<bool, DbErr> {
    let started = import::Entity::update_many()
        .col_expr(import::Column::Status, ImportStatus::Running.into())
        .col_expr(import::Column::UpdatedAt, now.into())
        .filter(import::Column::Id.eq(id))
        .filter(import::Column::Status.eq(ImportStatus::Receiving))
        .exec(tx)
        .await?;
    Ok(started.rows_affected == 1)
}

/// Ends imports of which nothing more will come; what was not worked off is forgotten.
pub(super) async fn fail(tx: &WriteTx, ids: &[ImportId], now: Timestamp) -> Result<(), DbErr> {
    import::Entity::update_many()
        .col_expr(import::Column::Status, ImportStatus::Failed.into())
        .col_expr(import::Column::UpdatedAt, now.into())
        .col_expr(import::Column::FinishedAt, now.into())
        .filter(import::Column::Id.is_in(ids.iter().copied()))
        .filter(import::Column::FinishedAt.is_null())
        .exec(tx)
        .await?;
    import_chunk::Entity::delete_many()
        .filter(import_chunk::Column::ImportId.is_in(ids.iter().copied()))
        .exec(tx)
        .await?;
    forget_claims(tx, ids).await
}

pub(super) async fn forget_claims(tx: &WriteTx, ids: &[ImportId]) -> Result<(), DbErr> {
    import_claim::Entity::delete_many()
        .filter(import_claim::Column::ImportId.is_in(ids.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn piece(
    db: &impl ConnectionTrait,
    id: ImportId,
    number: i64,
) -> Result<Option<import_chunk::Model>, DbErr> {
    import_chunk::Entity::find_by_id((id, number)).one(db).await
}

pub(super) async fn drop_piece(tx: &WriteTx, id: ImportId, number: i64) -> Result<(), DbErr> {
    import_chunk::Entity::delete_by_id((id, number)).exec(tx).await?;
    Ok(())
}

pub(super) async fn add_rows(tx: &WriteTx, rows: Vec<import_row::ActiveModel>) -> Result<(), DbErr> {
    for some in rows.chunks(ROWS) {
        import_row::Entity::insert_many(some.to_vec()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Which of these a dry run has given away before.
pub(super) async fn claimed(
    tx: &WriteTx,
    id: ImportId,
    digests: Vec<Vec<u8>>,
) -> Result<HashSet<Vec<u8>>, DbErr> {
    let found: Vec<Vec<u8>> = import_claim::Entity::find()
        .select_only()
        .column(import_claim::Column::Digest)
        .filter(import_claim::Column::ImportId.eq(id))
        .filter(import_claim::Column::Digest.is_in(digests))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(found.into_iter().collect())
}

pub(super) async fn claim(tx: &WriteTx, id: ImportId, digests: Vec<Vec<u8>>) -> Result<(), DbErr> {
    use sea_orm::ActiveValue::Set;
    let row = |digest| import_claim::ActiveModel { import_id: Set(id), digest: Set(digest) };
    let rows: Vec<import_claim::ActiveModel> = digests.into_iter().map(row).collect();
    for some in rows.chunks(ROWS) {
        import_claim::Entity::insert_many(some.to_vec()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// The products that have these slugs, which never change.
pub(super) async fn products(
    db: &impl ConnectionTrait,
    slugs: HashSet<Slug>,
) -> Result<HashMap<Slug, ProductId>, DbErr> {
    let found: Vec<(Slug, ProductId)> = product::Entity::find()
        .select_only()
        .columns([product::Column::Slug, product::Column::Id])
        .filter(product::Column::Slug.is_in(slugs))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().collect())
}
