//! Changes as they lie among the events.

use std::sync::LazyLock;

use licentia_entity::product;
use licentia_types::ids::{LicenseId, ProductId};
use licentia_types::time::Timestamp;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryResult, QuerySelect, Statement};

use super::known::Change;
use crate::events::Kind;
use crate::failure::Failure;

/// Most changes that are read at once.
pub(super) const PAGE: usize = 5_000;

/// The condition of the partial index over changes (`event_outdating`), word by word: SQLite compares
/// the text.
static OUTDATING: LazyLock<String> = LazyLock::new(|| {
    let mut kinds: Vec<String> = Kind::ALL
        .iter()
        .filter(|kind| kind.outdates_tokens())
        .map(|kind| format!("'{}'", kind.as_str()))
        .collect();
    kinds.sort_unstable();
    format!("kind IN ({})", kinds.join(", "))
});

/// The generation of revocations and what is new come from one statement, so that whoever knows the
/// one knows the other.
static AFTER: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT now.generation, (SELECT MAX(id) FROM event) AS newest, \
         event.id, event.at, event.kind, event.subject, event.license_id, event.product_id, product.slug \
         FROM revocation_generation AS now \
         LEFT JOIN event ON event.id > $1 AND event.{} \
         LEFT JOIN product ON product.id = event.product_id \
         ORDER BY event.id LIMIT {PAGE}",
        *OUTDATING
    )
});

static BEFORE_THE_LAST: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT id, at FROM event WHERE {} ORDER BY id DESC LIMIT 1 OFFSET $1", *OUTDATING)
});

pub(super) fn statements() -> [&'static str; 2] {
    [&AFTER, &BEFORE_THE_LAST]
}

/// A change, as it was written down.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) id: i64,
    /// When the operation began that made it.
    pub(super) at: Timestamp,
    pub(super) change: Change,
}

/// Some changes, in the order of their ids.
#[derive(Debug)]
pub(super) struct Page {
    /// Of revocations.
    pub(super) generation: i64,
    /// Id of the last event of any kind.
    pub(super) newest: i64,
    pub(super) written: Vec<Written>,
}

/// What was written down after the event `id`.
pub(super) async fn after(db: &impl ConnectionTrait, id: i64) -> Result<Page, Failure> {
    let rows = db.query_all_raw(statement(db, &AFTER, id)).await?;
    let first = rows.first().ok_or(Failure::Corrupt("generation of revocations"))?;
    Ok(Page {
        generation: first.try_get("", "generation")?,
        newest: first.try_get::<Option<i64>>("", "newest")?.unwrap_or_default(),
        written: rows.iter().filter_map(|row| written(row).transpose()).collect::<Result<_, Failure>>()?,
    })
}

/// Id and instant of the change that so many others came after, where there were so many.
pub(super) async fn before_the_last(
    db: &impl ConnectionTrait,
    count: usize,
) -> Result<Option<(i64, Timestamp)>, Failure> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let row = db.query_one_raw(statement(db, &BEFORE_THE_LAST, count)).await?;
    Ok(row.map(|row| Ok::<_, DbErr>((row.try_get("", "id")?, row.try_get("", "at")?))).transpose()?)
}

/// The slugs of all products. Whoever makes another one edits its catalogue before it has licences.
pub(super) async fn products(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    product::Entity::find().select_only().column(product::Column::Slug).into_tuple().all(db).await
}

fn statement(db: &impl ConnectionTrait, sql: &str, value: i64) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, [value.into()])
}

/// None: nothing is new, and the row tells the generation alone.
fn written(row: &QueryResult) -> Result<Option<Written>, Failure> {
    let Some(id) = row.try_get::<Option<i64>>("", "id")? else { return Ok(None) };
    let kind: String = row.try_get("", "kind")?;
    Ok(Some(Written { id, at: row.try_get("", "at")?, change: change(row, &kind)? }))
}

fn change(row: &QueryResult, kind: &str) -> Result<Change, Failure> {
    const UNREADABLE: Failure = Failure::Corrupt("event");
    match kind.split_once('.') {
        Some(("license", _)) => {
            let license: Option<LicenseId> = row.try_get("", "license_id")?;
            license.map(Change::License).ok_or(UNREADABLE)
        }
        Some(("activation", _)) => {
            let subject: String = row.try_get("", "subject")?;
            subject.parse().map(Change::Machine).map_err(|_| UNREADABLE)
        }
        Some(("assembly", _)) => Ok(Change::Assemblies),
        Some(("catalogue", _)) => match row.try_get::<Option<ProductId>>("", "product_id")? {
            None => Ok(Change::Everything),
            Some(_) => Ok(Change::Product(row.try_get("", "slug")?)),
        },
        _ => Err(UNREADABLE),
    }
}
