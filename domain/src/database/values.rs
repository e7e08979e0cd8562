//! Rows of values that are bound to a statement, for what is written or looked up by the batch.

use std::fmt::Write;
use std::iter;

use sea_orm::DbBackend;

/// `WITH name (columns) AS (VALUES (…), …)`, with a parameter for each value, row after row.
pub(crate) fn with_rows(backend: DbBackend, name: &str, columns: &[&str], rows: usize) -> String {
    let mut sql = format!("WITH {name} ({}) AS (VALUES ", columns.join(", "));
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        push_parameters(&mut sql, backend, row * columns.len(), columns.len());
        sql.push(')');
    }
    sql.push(')');
    sql
}

/// So many parameters, separated by commas, after those that stand `before` them.
pub(crate) fn push_parameters(sql: &mut String, backend: DbBackend, before: usize, count: usize) {
    for parameter in 1..=count {
        if parameter > 1 {
            sql.push_str(", ");
        }
        if backend == DbBackend::Postgres {
            // Writing into a text cannot fail.
            let _ = write!(sql, "${}", before + parameter);
        } else {
            sql.push('?');
        }
    }
}

/// A batch is filled up with rows of nulls to the next power of two, so that there are few statements, all
/// of them prepared before long.
pub(crate) fn filled_up<T: Clone>(rows: Vec<T>, nothing: impl FnOnce(&T) -> T) -> Vec<T> {
    let Some(first) = rows.first() else { return rows };
    let missing = rows.len().next_power_of_two() - rows.len();
    let filling = iter::repeat_n(nothing(first), missing);
    rows.into_iter().chain(filling).collect()
}
