//! A licence's row in a hot statement, read column after column.

use licentia_entity::license::{Column, Model};
use licentia_types::ids::LicenseId;
use sea_orm::{DbBackend, DbErr, IdenStatic, Iterable, Value};

use crate::database::hot::{Cells, Hot};
use crate::database::values::{filled_up, push_parameters};

/// Those of these licences that there are. Whoever asks has proven already that they are his.
pub(super) async fn read(hot: &Hot, ids: impl Iterator<Item = LicenseId>) -> Result<Vec<Model>, DbErr> {
    let ids = filled_up(ids.map(Value::from).collect(), Value::as_null);
    let rows = hot.read(reading(hot.backend(), ids.len()), ids).await?;
    rows.iter().map(|row| next(&mut row.cells())).collect()
}

/// The columns are named one by one: a statement that is prepared stays good when the table gets another.
fn reading(backend: DbBackend, ids: usize) -> String {
    let columns: Vec<_> = Column::iter().map(|column| format!("l.{}", column.as_str())).collect();
    let mut sql = format!("SELECT {} FROM license l WHERE l.id IN (", columns.join(", "));
    push_parameters(&mut sql, backend, 0, ids);
    sql.push(')');
    sql
}

fn next(cells: &mut Cells<'_>) -> Result<Model, DbErr> {
    Ok(Model {
        id: cells.next()?,
        product_id: cells.next()?,
        tier_id: cells.next()?,
        customer_id: cells.next()?,
        key_digest: cells.next()?,
        key_sealed: cells.next()?,
        key_masked: cells.next()?,
        status: cells.next()?,
        starts_at: cells.next()?,
        awaits_start: cells.next()?,
        expires_at: cells.next()?,
        term_days: cells.next()?,
        term_months: cells.next()?,
        updates_until: cells.next()?,
        trial: cells.next()?,
        first_activated_at: cells.next()?,
        max_activations: cells.next()?,
        max_users: cells.next()?,
        max_tenants: cells.next()?,
        features: cells.next()?,
        seats_used: cells.next()?,
        source: cells.next()?,
        source_order_id: cells.next()?,
        notes: cells.next()?,
        metadata: cells.next()?,
        suspended_at: cells.next()?,
        suspension_reason: cells.next()?,
        revoked_at: cells.next()?,
        revoked_by: cells.next()?,
        revocation_reason: cells.next()?,
        grace_until: cells.next()?,
        superseded_by: cells.next()?,
        created_at: cells.next()?,
        updated_at: cells.next()?,
        version: cells.next()?,
        group_id: cells.next()?,
        group_since: cells.next()?,
    })
}
