//! The statements of a batch of arrivals.

use std::collections::HashSet;

use licentia_entity::activation;
use licentia_types::ids::LicenseId;
use licentia_types::seats::Seats as SeatCount;
use licentia_types::text::Fingerprint;
use licentia_types::time::Timestamp;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel, QueryResult,
    Statement, Value,
};

use crate::database::WriteTx;
use crate::database::hot::Row;
use crate::database::values::{filled_up, push_parameters, with_rows};
use crate::failure::Failure;
use crate::licenses::grants::{GRANT_NAME, GrantName};

/// A licence whose row is held until the transaction ends.
pub(super) struct Held {
    pub(super) key_digest: Vec<u8>,
    pub(super) grant: GrantName,
    pub(super) was_activated: bool,
    /// Whether its customer has others for the product.
    pub(super) has_siblings: bool,
    /// The row that keeps what its tokens claim; none as long as no token did.
    pub(super) claim_set: Option<i64>,
    /// As it was read.
    seats_before: i32,
    seats: i32,
}

impl Held {
    fn of(row: QueryResult) -> Result<Self, DbErr> {
        let row = Row::from(row);
        let mut cells = row.cells();
        let grant = GrantName::next(&mut cells)?;
        let (key_digest, claim_set, seats) = (cells.next()?, cells.next()?, cells.next()?);
        let (was_activated, has_siblings) = (cells.next()?, cells.next()?);
        let seats_before = seats;
        Ok(Self { key_digest, grant, was_activated, has_siblings, claim_set, seats_before, seats })
    }

    /// The seats with one more that is taken; none when none is free.
    pub(super) fn with_another(&self, limit: Option<u32>) -> Option<SeatCount> {
        let used = u32::try_from(self.seats).ok()?.checked_add(1)?;
        limit.is_none_or(|limit| used <= limit).then_some(SeatCount { used, limit })
    }

    pub(super) fn take(&mut self, seats: SeatCount) {
        self.seats = i32::try_from(seats.used).unwrap_or(i32::MAX);
    }

    pub(super) fn is_changed(&self) -> bool {
        self.seats != self.seats_before
    }
}

/// Holds the licences that have these keys, and their products as they are. On PostgreSQL those that
/// somebody else holds are left out: no batch waits for one of them.
pub(super) async fn hold(tx: &WriteTx, key_digests: Vec<Vec<u8>>) -> Result<Vec<Held>, Failure> {
    let backend = tx.get_database_backend();
    let keys = filled_up(key_digests.into_iter().map(Value::from).collect(), Value::as_null);
    let mut sql = format!(
        "SELECT {GRANT_NAME}, l.key_digest, c.id, l.seats_used, l.first_activated_at IS NOT NULL,
           EXISTS (SELECT 1 FROM license s WHERE s.customer_id = l.customer_id
             AND s.product_id = l.product_id AND s.id <> l.id)
         FROM license l
         JOIN product p ON p.id = l.product_id
         LEFT JOIN claim_set c ON c.license_id = l.id
           AND c.license_version = l.version AND c.catalogue_revision = p.catalogue_revision
         WHERE l.key_digest IN ("
    );
    push_parameters(&mut sql, backend, 0, keys.len());
    sql.push_str(") ORDER BY l.id");
    if backend == DbBackend::Postgres {
        sql.push_str(" FOR NO KEY UPDATE OF l SKIP LOCKED FOR SHARE OF p SKIP LOCKED");
    }
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, keys)).await?;
    Ok(rows.into_iter().map(Held::of).collect::<Result<_, _>>()?)
}

/// What makes an arrival more than simple.
#[derive(Default)]
pub(super) struct Busy {
    /// Licences with seats or places whose time has come.
    pub(super) licenses: HashSet<LicenseId>,
    /// Fingerprints that the licences know.
    pub(super) machines: HashSet<(LicenseId, Fingerprint)>,
}

/// Each part is answered by an index of its own.
const BUSY: &str = "
SELECT came.license_id, came.fingerprint AS known
FROM came JOIN activation a ON a.license_id = came.license_id AND a.fingerprint = came.fingerprint
UNION ALL
SELECT came.license_id, NULL
FROM came JOIN activation a ON a.license_id = came.license_id
WHERE a.seat_frees_at IS NOT NULL AND a.seat_frees_at <= came.now
UNION ALL
SELECT came.license_id, NULL
FROM came JOIN activation a ON a.license_id = came.license_id
WHERE a.floating AND a.status = 'active' AND a.lease_until <= came.now";

/// Of machines that come with licences that are held: which are known, and which licences have something
/// due at `now`.
pub(super) async fn busy(
    tx: &WriteTx,
    came: impl Iterator<Item = (LicenseId, Fingerprint)>,
    now: Timestamp,
) -> Result<Busy, Failure> {
    let row = |(license, fingerprint): (LicenseId, Fingerprint)| -> [Value; 3] {
        [license.into(), fingerprint.into(), now.into()]
    };
    let rows = filled_up(came.map(row).collect(), |row| row.each_ref().map(Value::as_null));
    if rows.is_empty() {
        return Ok(Busy::default());
    }
    let backend = tx.get_database_backend();
    let sql = with_rows(backend, "came", &["license_id", "fingerprint", "now"], rows.len()) + BUSY;
    let statement = Statement::from_sql_and_values(backend, sql, rows.into_iter().flatten());
    let mut busy = Busy::default();
    for row in tx.query_all_raw(statement).await? {
        let license = row.try_get_by_index(0)?;
        match row.try_get_by_index::<Option<Fingerprint>>(1)? {
            Some(fingerprint) => busy.machines.insert((license, fingerprint)),
            None => busy.licenses.insert(license),
        };
    }
    Ok(busy)
}

/// Writes machines that were not there before.
pub(super) async fn insert(
    tx: &WriteTx,
    machines: impl Iterator<Item = activation::Model>,
) -> Result<(), DbErr> {
    let rows = machines.map(|machine| machine.into_active_model().reset_all());
    activation::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

const COLUMNS: [&str; 4] = ["id", "seats_before", "seats", "first_activated_at"];

const COUNT: &str = "
UPDATE license SET
  seats_used = held.seats,
  first_activated_at = COALESCE(license.first_activated_at, held.first_activated_at)
FROM held
WHERE license.id = held.id AND license.seats_used = held.seats_before";

/// Counts the seats that were taken of licences that are held.
pub(super) async fn count(tx: &WriteTx, held: Vec<Held>, now: Timestamp) -> Result<(), Failure> {
    let expected = u64::try_from(held.len()).unwrap_or_default();
    let row = |held: Held| -> [Value; COLUMNS.len()] {
        [held.grant.license.into(), held.seats_before.into(), held.seats.into(), now.into()]
    };
    let rows = filled_up(held.into_iter().map(row).collect(), |row| row.each_ref().map(Value::as_null));
    let backend = tx.get_database_backend();
    let sql = with_rows(backend, "held", &COLUMNS, rows.len()) + COUNT;
    let statement = Statement::from_sql_and_values(backend, sql, rows.into_iter().flatten());
    // Somebody else counted although the rows are held.
    if tx.execute_raw(statement).await?.rows_affected() != expected {
        return Err(Failure::Contended);
    }
    Ok(())
}
