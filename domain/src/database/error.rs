//! What the database's errors mean: violated constraints, and failures that pass.

use std::sync::Arc;

use sea_orm::{DbErr, RuntimeErr, SqlErr};
use sqlx::postgres::PgDatabaseError;

/// <https://www.sqlite.org/rescode.html#busy>
const SQLITE_BUSY: &str = "5";

/// A unique constraint of the schema, as each database names it in its errors.
#[derive(Clone, Copy, Debug)]
pub struct Constraint {
    /// PostgreSQL tells the name.
    pub name: &'static str,
    /// SQLite tells the columns: `table.column, table.column`.
    pub columns: &'static str,
}

/// Whether `error` is the violation of `constraint`.
#[must_use]
pub fn violates(error: &DbErr, constraint: Constraint) -> bool {
    let Some(SqlErr::UniqueConstraintViolation(text)) = error.sql_err() else { return false };
    match of_postgres(error) {
        Some(postgres) => postgres.constraint() == Some(constraint.name),
        None => text.ends_with(constraint.columns),
    }
}

/// Whether `error` says that a row is still referred to: SQLSTATE 23503 and 23001; SQLite's `CONSTRAINT_FOREIGNKEY`, and
/// `CONSTRAINT_TRIGGER` where deleting is restricted.
pub(crate) fn is_still_named(error: &DbErr) -> bool {
    match of_sqlx(error).map(AsRef::as_ref) {
        Some(sqlx::Error::Database(database)) => {
            database.code().is_some_and(|code| ["23503", "23001", "787", "1811"].contains(&code.as_ref()))
        }
        _ => false,
    }
}

/// Whether the same call may well succeed in a moment: no connection, a server that stops or
/// starts, a lock that somebody else held for too long.
pub(crate) fn is_passing(error: &DbErr) -> bool {
    if matches!(error, DbErr::Conn(_) | DbErr::ConnectionAcquire(_)) {
        return true;
    }
    match of_sqlx(error).map(AsRef::as_ref) {
        Some(sqlx::Error::Database(database)) => database.code().is_some_and(|code| is_passing_code(&code)),
        Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => true,
        _ => false,
    }
}

/// SQLSTATE class 40: two transactions waited for each other, and this one was taken back.
pub(crate) fn is_rolled_back(error: &DbErr) -> bool {
    match of_sqlx(error).map(AsRef::as_ref) {
        Some(sqlx::Error::Database(database)) => {
            database.code().is_some_and(|code| code.len() == 5 && code.starts_with("40"))
        }
        _ => false,
    }
}

/// Whether the database itself says that it failed: what was to be committed was not. Else nobody knows.
pub(crate) fn is_answered(error: &DbErr) -> bool {
    matches!(of_sqlx(error).map(AsRef::as_ref), Some(sqlx::Error::Database(_)))
}

/// Whether a lock was not to be had within `lock_timeout` (SQLSTATE `lock_not_available`).
pub(crate) fn is_lock_timeout(error: &DbErr) -> bool {
    match of_sqlx(error).map(AsRef::as_ref) {
        Some(sqlx::Error::Database(database)) => database.code().is_some_and(|code| code == "55P03"),
        _ => false,
    }
}

/// Whether another process holds SQLite's file at this instant.
pub(super) fn is_busy(error: &DbErr) -> bool {
    match of_sqlx(error).map(AsRef::as_ref) {
        Some(sqlx::Error::Database(database)) => database.code().is_some_and(|code| code == SQLITE_BUSY),
        _ => false,
    }
}

/// SQLSTATE classes 08 (connection), 40 (rollback), 53 (resources), 57P (shutdown), and 25P03 (we left a transaction
/// alone for too long, as a process that was stopped does); SQLite's BUSY.
fn is_passing_code(code: &str) -> bool {
    ["08", "25P03", "40", "53", "57P"].iter().any(|class| code.len() == 5 && code.starts_with(class))
        || code == SQLITE_BUSY
}

fn of_sqlx(error: &DbErr) -> Option<&Arc<sqlx::Error>> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

fn of_postgres(error: &DbErr) -> Option<&PgDatabaseError> {
    match of_sqlx(error).map(AsRef::as_ref) {
        Some(sqlx::Error::Database(database)) => database.try_downcast_ref::<PgDatabaseError>(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::is_passing_code;

    #[test]
    fn what_passes_is_no_fault_of_ours() {
        for code in ["08006", "25P03", "40001", "40P01", "53100", "53300", "57P01", "5"] {
            assert!(is_passing_code(code), "{code}");
        }
        for code in ["23505", "25001", "25P02", "42P01", "57014", "08", "40", "55P03", "1"] {
            assert!(!is_passing_code(code), "{code}");
        }
    }
}
