//! SQLite: one connection that writes, with full synchronisation, and several that only read.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr, Statement};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::error::is_busy;
use super::{ConnectError, DatabaseOptions};

/// For other processes, such as the command line: inside this one the gate keeps order.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Together as long as the busy timeout.
const OPENING_ATTEMPTS: u32 = 200;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

pub(super) async fn connect_writer(
    url: &str,
    options: &DatabaseOptions,
) -> Result<DatabaseConnection, ConnectError> {
    let mut connect = base(url, options);
    connect.max_connections(1).min_connections(1);
    connect.map_sqlx_sqlite_opts(|sqlite| common(sqlite).create_if_missing(true));
    let writer = open(connect).await?;
    expect_pragma(&writer, "synchronous", "2", "FULL (2)").await?;
    expect_pragma(&writer, "journal_mode", "wal", "wal").await?;
    Ok(writer)
}

pub(super) async fn connect_readers(
    url: &str,
    options: &DatabaseOptions,
) -> Result<DatabaseConnection, ConnectError> {
    let mut connect = base(url, options);
    connect.max_connections(options.readers.max(1)).min_connections(1);
    connect.map_sqlx_sqlite_opts(|sqlite| common(sqlite).pragma("query_only", "ON"));
    open(connect).await
}

/// Turning a new file into one with a write-ahead log takes a lock for which SQLite itself does not
/// wait, whatever its busy timeout: of two processes that start together, one has to come again.
async fn open(connect: ConnectOptions) -> Result<DatabaseConnection, ConnectError> {
    for _ in 0..OPENING_ATTEMPTS {
        match sea_orm::Database::connect(connect.clone()).await {
            Err(error) if is_busy(&error) => tokio::time::sleep(BETWEEN_ATTEMPTS).await,
            outcome => return Ok(outcome?),
        }
    }
    Ok(sea_orm::Database::connect(connect).await?)
}

fn base(url: &str, options: &DatabaseOptions) -> ConnectOptions {
    let mut connect = ConnectOptions::new(url);
    connect
        .sqlx_logging(false)
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>);
    connect
}

fn common(sqlite: SqliteConnectOptions) -> SqliteConnectOptions {
    sqlite
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

/// The file that is meant.
pub(super) fn file(url: &str) -> Result<PathBuf, DbErr> {
    let options: SqliteConnectOptions =
        url.parse().map_err(|error: sqlx::Error| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))?;
    Ok(options.get_filename().to_owned())
}

async fn expect_pragma(
    connection: &DatabaseConnection,
    setting: &'static str,
    expected: &str,
    wanted: &'static str,
) -> Result<(), ConnectError> {
    let statement = Statement::from_string(sea_orm::DbBackend::Sqlite, format!("PRAGMA {setting}"));
    let row = connection.query_one_raw(statement).await?;
    let value = match row {
        Some(row) => row
            .try_get_by_index::<String>(0)
            .or_else(|_| row.try_get_by_index::<i64>(0).map(|n| n.to_string()))?,
        None => String::new(),
    };
    if value == expected { Ok(()) } else { Err(ConnectError::NotDurable { setting, value, wanted }) }
}
