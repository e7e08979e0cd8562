//! The statement that adds counts to those of their days.
//!
//! One for a batch, which also says by which names they are told apart: it knows the declared features and the
//! versions that a licence had on the day, so that nothing is looked up before.

use licentia_entity::usage_day;
use licentia_types::ids::LicenseId;
use licentia_types::usage::Day;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Statement, Value,
};

use super::{OTHER, VALIDATE};
use crate::database::values::{filled_up, with_rows};
use crate::database::{Database, WriteTx};

/// Counts that are written together: databases bound the values of a statement.
pub(super) const ROWS: usize = 512;
/// On PostgreSQL, more than a batch of heartbeats can report.
const ROWS_POSTGRES: usize = 8_192;

/// Different versions of a licence that are told apart on a day. A batch, or instances side by side, may bring a few
/// more.
pub(super) const MOST_VERSIONS: usize = 64;

/// So often was something used, by names as they came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Count {
    pub(super) day: Day,
    pub(super) license: LicenseId,
    /// Empty: none was told.
    pub(super) product_version: String,
    pub(super) action: String,
    pub(super) outcome: &'static str,
    pub(super) times: i64,
}

/// What a row of a batch holds, in the order of [`Count::values`].
const COLUMNS: [&str; 6] = ["day", "license_id", "product_version", "action", "outcome", "count"];

impl Count {
    fn values(&self) -> [Value; COLUMNS.len()] {
        [
            self.day.into(),
            self.license.into(),
            self.product_version.clone().into(),
            self.action.clone().into(),
            self.outcome.into(),
            self.times.into(),
        ]
    }

    fn is_of_one_row_with(&self, other: &Self) -> bool {
        let Self { day, license, product_version, action, outcome, times: _ } = self;
        (day, license, product_version, action, outcome)
            == (&other.day, &other.license, &other.product_version, &other.action, &other.outcome)
    }
}

/// The same, with one for each row: machines of a licence report the same names.
pub(crate) fn merged(mut counts: Vec<Count>) -> Vec<Count> {
    counts.sort_unstable();
    counts.dedup_by(|next, kept| {
        let same = next.is_of_one_row_with(kept);
        if same {
            kept.times = kept.times.saturating_add(next.times);
        }
        same
    });
    counts
}

/// Adds these to what was counted before. To be the last of its transaction: the rows that it holds are asked for by
/// everybody. Where others may hold some of them it is one statement, which takes them in their order: only it knows
/// by which names they are told apart.
pub(crate) async fn add(tx: &WriteTx, counts: &[Count]) -> Result<(), DbErr> {
    let backend = tx.get_database_backend();
    let most = if backend == DbBackend::Postgres { ROWS_POSTGRES } else { ROWS };
    for some in counts.chunks(most) {
        let rows = some.iter().map(Count::values).collect();
        let rows = filled_up(rows, |row| row.each_ref().map(Value::as_null));
        let sql = adding(backend, rows.len());
        tx.execute_raw(Statement::from_sql_and_values(backend, sql, rows.into_iter().flatten())).await?;
    }
    Ok(())
}

/// `crowded` counts the versions of those licences alone that bring another one, and once for all that they bring.
fn adding(backend: DbBackend, rows: usize) -> String {
    const KNOWN: &str = "EXISTS (
        SELECT 1 FROM usage_day u
        WHERE u.day = c.day AND u.license_id = c.license_id AND u.product_version = c.product_version)";
    with_rows(backend, "counted", &COLUMNS, rows)
        + &format!(
            ", crowded AS (
               SELECT c.day, c.license_id
               FROM counted c
               WHERE c.product_version <> '' AND NOT {KNOWN}
               GROUP BY c.day, c.license_id
               HAVING {MOST_VERSIONS} <= (
                 SELECT COUNT(DISTINCT u.product_version) FROM usage_day u
                 WHERE u.day = c.day AND u.license_id = c.license_id)),
             named AS (
               SELECT c.day, c.license_id, c.outcome, c.count,
                 CASE
                   WHEN crowded.day IS NULL OR c.product_version = '' OR {KNOWN} THEN c.product_version
                   ELSE '{OTHER}' END AS product_version,
                 CASE
                   WHEN c.action = '{VALIDATE}' OR EXISTS (
                     SELECT 1 FROM license l JOIN feature f ON f.product_id = l.product_id
                     WHERE l.id = c.license_id AND f.key = c.action AND f.kind = 'entitlement')
                   THEN c.action
                   ELSE '{OTHER}' END AS action
               FROM counted c
               LEFT JOIN crowded ON crowded.day = c.day AND crowded.license_id = c.license_id
               WHERE c.day IS NOT NULL)
             INSERT INTO usage_day (day, license_id, product_version, action, outcome, count)
             SELECT day, license_id, product_version, action, outcome, CAST(SUM(count) AS BIGINT)
             FROM named
             GROUP BY day, license_id, product_version, action, outcome
             ORDER BY day, license_id, product_version, action, outcome
             ON CONFLICT (day, license_id, product_version, action, outcome)
             DO UPDATE SET count = usage_day.count + excluded.count"
        )
}

/// Whether there is anything of the days before this one.
pub(crate) async fn any_before(db: &Database, day: Day) -> Result<bool, DbErr> {
    let older = usage_day::Entity::find().filter(usage_day::Column::Day.lt(day));
    let one = older.select_only().column(usage_day::Column::Day).into_tuple::<Day>().one(db).await?;
    Ok(one.is_some())
}

/// Deletes the first `most` rows of the days before this one.
pub(crate) async fn forget_before(tx: &WriteTx, day: Day, most: u64) -> Result<(), DbErr> {
    use usage_day::Column::{Action, LicenseId, Outcome, ProductVersion};
    let key = [usage_day::Column::Day, LicenseId, ProductVersion, Action, Outcome];
    let mut oldest = usage_day::Entity::find()
        .select_only()
        .columns(key)
        .filter(usage_day::Column::Day.lt(day))
        .limit(most);
    for column in key {
        oldest = oldest.order_by_asc(column);
    }
    let these = Expr::tuple(key.map(Expr::col)).in_subquery(oldest.into_query());
    usage_day::Entity::delete_many().filter(these).exec(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use licentia_types::time::Timestamp;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn counts_of_one_row_are_sent_together() {
        let count = |license: u128, action: &str, times: i64| Count {
            day: Day::of(Timestamp::from_seconds(0)),
            license: LicenseId::new(Uuid::from_u128(license)),
            product_version: "1.0".to_owned(),
            action: action.to_owned(),
            outcome: "REPORTED",
            times,
        };
        let counts = vec![
            count(2, "export", 5),
            count(1, "export", 1),
            count(1, "edit", i64::MAX),
            count(2, "export", 7),
            count(1, "edit", 1),
        ];
        assert_eq!(
            merged(counts),
            [count(1, "edit", i64::MAX), count(1, "export", 1), count(2, "export", 12)]
        );
        assert!(merged(Vec::new()).is_empty());
    }
}
