//! PostgreSQL: a pool, for any number of instances, and one for each thread that serves batches.

use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{ConnectError, DatabaseOptions};

/// How long a transaction may do nothing before PostgreSQL ends it. What is read anew counts on it.
const HANGING: &str = "30s";

/// Whatever the role's own defaults are: a confirmed write is durable, a row that was locked is read as it is
/// then, and an instance that hangs in a transaction holds nothing for long.
const SESSION: [(&str, &str); 3] = [
    ("synchronous_commit", "on"),
    ("default_transaction_isolation", "read committed"),
    ("idle_in_transaction_session_timeout", HANGING),
];

/// Batches of one size are all alike: to plan each anew costs more than to run it. Hot statements name every
/// row by a key; read as a whole, a table of a thousand machines costs ten times as much.
const HOT_SESSION: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// Of a thread that serves batches: one is written at a time, and one that was given up may hold its
/// connection for a while.
const HOT_CONNECTIONS: u32 = 3;

/// The pool of everybody, and what the pools of the threads that serve batches are opened with.
pub(super) async fn connect(
    url: &str,
    options: &DatabaseOptions,
) -> Result<(DatabaseConnection, ConnectOptions), ConnectError> {
    let mut connect = ConnectOptions::new(url);
    connect
        .sqlx_logging(false)
        .max_connections(options.max_connections)
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(Some(Duration::from_mins(5)))
        .set_application_name("licentia");
    connect.map_sqlx_postgres_opts(|postgres| in_the_clear_at_home(postgres).options(SESSION));
    let mut hot = connect.clone();
    hot.max_connections(HOT_CONNECTIONS).connect_lazy(true);
    hot.map_sqlx_postgres_opts(move |postgres| {
        in_the_clear_at_home(postgres).options([&SESSION[..], &HOT_SESSION].concat())
    });
    let pool = sea_orm::Database::connect(connect).await?;
    for setting in ["synchronous_commit", "fsync"] {
        let value = show(&pool, setting).await?;
        if value != "on" {
            return Err(ConnectError::NotDurable { setting, value, wanted: "on" });
        }
    }
    Ok((pool, hot))
}

/// Nobody listens on the machine's own network: encrypted, each batch would cost more, and one that takes
/// several records would wait for the 40 ms of a delayed acknowledgement (RFC 896, RFC 1122 §4.2.3.2).
/// `sslmode=require` in the URL asks for it all the same.
fn in_the_clear_at_home(options: PgConnectOptions) -> PgConnectOptions {
    let at_home = ["127.0.0.1", "::1", "[::1]", "localhost"].contains(&options.get_host());
    match options.get_ssl_mode() {
        PgSslMode::Prefer if at_home => options.ssl_mode(PgSslMode::Disable),
        _ => options,
    }
}

async fn show(pool: &DatabaseConnection, setting: &str) -> Result<String, ConnectError> {
    let row =
        pool.query_one_raw(Statement::from_string(DbBackend::Postgres, format!("SHOW {setting}"))).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_without_a_word_on_it_is_in_the_clear() {
        let mode = |url: &str| in_the_clear_at_home(url.parse().unwrap()).get_ssl_mode();
        assert!(matches!(mode("postgres://me@127.0.0.1/licentia"), PgSslMode::Disable));
        assert!(matches!(mode("postgres://me@localhost/licentia"), PgSslMode::Disable));
        assert!(matches!(mode("postgres://me@localhost/licentia?sslmode=require"), PgSslMode::Require));
        assert!(matches!(mode("postgres://me@db.example.com/licentia"), PgSslMode::Prefer));
    }
}
