//! A machine's row in a hot statement, read column after column.

use licentia_entity::activation::{Column, Model};
use sea_orm::{DbErr, IdenStatic, Iterable};

use crate::database::hot::Cells;

/// The columns of a machine `a`, in the order of [`next`]. They are named one by one: a statement that is
/// prepared stays good when the table gets another.
pub(crate) fn columns() -> String {
    let columns: Vec<_> = Column::iter().map(|column| format!("a.{}", column.as_str())).collect();
    columns.join(", ")
}

/// The machine in the next columns.
pub(crate) fn next(cells: &mut Cells<'_>) -> Result<Model, DbErr> {
    Ok(Model {
        id: cells.next()?,
        license_id: cells.next()?,
        fingerprint: cells.next()?,
        instance: cells.next()?,
        kind: cells.next()?,
        status: cells.next()?,
        hostname: cells.next()?,
        ip: cells.next()?,
        environment: cells.next()?,
        product_version: cells.next()?,
        user_ref: cells.next()?,
        tenant_ref: cells.next()?,
        consumer_key: cells.next()?,
        consumer_key_alg: cells.next()?,
        holds_seat: cells.next()?,
        seat_frees_at: cells.next()?,
        floating: cells.next()?,
        lease_until: cells.next()?,
        offline_until: cells.next()?,
        free_environment: cells.next()?,
        epoch: cells.next()?,
        generation: cells.next()?,
        request_digest: cells.next()?,
        rotated_at: cells.next()?,
        late_generation: cells.next()?,
        late_retries: cells.next()?,
        last_contact_at: cells.next()?,
        previous_contact_at: cells.next()?,
        claim_set_id: cells.next()?,
        kid: cells.next()?,
        token_iat: cells.next()?,
        token_exp: cells.next()?,
        status_serial: cells.next()?,
        former_status_serial: cells.next()?,
        clone_suspected_at: cells.next()?,
        revoked_at: cells.next()?,
        revoked_by: cells.next()?,
        revocation_reason: cells.next()?,
        grace_until: cells.next()?,
        created_at: cells.next()?,
        updated_at: cells.next()?,
        version: cells.next()?,
    })
}
