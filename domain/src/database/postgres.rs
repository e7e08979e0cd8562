//! PostgreSQL: one pool, for any number of instances.

use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use super::{ConnectError, DatabaseOptions};

/// How long a transaction may do nothing before PostgreSQL ends it. What is read anew counts on it.
const HANGING: &str = "30s";

pub(super) async fn connect(
    url: &str,
    options: &DatabaseOptions,
) -> Result<DatabaseConnection, ConnectError> {
    let mut connect = ConnectOptions::new(url);
    connect
        .sqlx_logging(false)
        .max_connections(options.max_connections)
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(Some(Duration::from_mins(5)))
        .set_application_name("licentia");
    // Whatever the role's own defaults are: a confirmed write is durable, a row that was locked is
    // read as it is then, and an instance that hangs in a transaction holds nothing for long.
    connect.map_sqlx_postgres_opts(|postgres| {
        postgres.options([
            ("synchronous_commit", "on"),
            ("default_transaction_isolation", "read committed"),
            ("idle_in_transaction_session_timeout", HANGING),
        ])
    });
    let pool = sea_orm::Database::connect(connect).await?;
    for setting in ["synchronous_commit", "fsync"] {
        let value = show(&pool, setting).await?;
        if value != "on" {
            return Err(ConnectError::NotDurable { setting, value, wanted: "on" });
        }
    }
    Ok(pool)
}

async fn show(pool: &DatabaseConnection, setting: &str) -> Result<String, ConnectError> {
    let row =
        pool.query_one_raw(Statement::from_string(DbBackend::Postgres, format!("SHOW {setting}"))).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
}
