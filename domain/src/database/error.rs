//! Violated constraints: the database's word is the truth, nothing is checked before it.

use sea_orm::{DbErr, SqlErr};

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
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(text)) => {
            text.contains(&format!("\"{}\"", constraint.name)) || text.ends_with(constraint.columns)
        }
        _ => false,
    }
}
