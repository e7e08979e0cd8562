//! SQLite on the thread that asks: one more connection to the same file, as durable as the others.

use std::path::Path;

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, ErrorCode, OpenFlags, params_from_iter};
use sea_orm::{ConnAcquireErr, DbErr, Value};

use super::row::{Row, to_sqlite};
use crate::database::sqlite::BUSY_TIMEOUT;
use crate::failure::Failure;

/// Prepared statements: three for each size of a batch.
const PREPARED: usize = 32;
/// Pages that are kept in memory, in KiB below zero: with a hundred thousand machines each call finds its page elsewhere.
const CACHE: i64 = -8_192;

pub(super) struct Sqlite(Connection);

impl Sqlite {
    /// Opens a file that is there.
    pub(super) fn open(file: &Path) -> Result<Self, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(file, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", "ON")?;
            connection.pragma_update(None, "cache_size", CACHE)?;
            connection.set_prepared_statement_cache_capacity(PREPARED);
            let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
            let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
            Ok((connection, synchronous, journal))
        };
        match open().map_err(|error| failed(&error))? {
            (connection, 2, journal) if journal == "wal" => Ok(Self(connection)),
            _ => Err(Failure::Corrupt("database: it is not durable")),
        }
    }

    /// Runs a statement to its end: what it wrote is durable, since there is no transaction around it.
    pub(super) fn run(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, DbErr> {
        let cells: Option<Vec<Cell>> = values.into_iter().map(to_sqlite).collect();
        let cells = cells.ok_or_else(|| DbErr::Type("a value is of another kind".to_owned()))?;
        self.rows(sql, cells).map_err(|error| failed(&error))
    }

    fn rows(&self, sql: &str, cells: Vec<Cell>) -> rusqlite::Result<Vec<Row>> {
        let mut statement = self.0.prepare_cached(sql)?;
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let cells = (0..columns).map(|column| row.get(column));
            cells.collect::<Result<_, _>>().map(Row::Direct)
        };
        statement.query_map(params_from_iter(cells), row)?.collect()
    }
}

/// As the same failure of the other connections is told.
fn failed(error: &rusqlite::Error) -> DbErr {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        _ => DbErr::Custom(error.to_string()),
    }
}
