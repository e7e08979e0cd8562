//! The statement of the hot path: one for a whole batch of heartbeats.
//!
//! It takes the batch as one JSON text, rotates every row that is still as it was judged, and
//! answers which ones. A row that another call changed in between, or whose licence or catalogue
//! was edited, is left alone; its caller judges again.

use licentia_types::activations::ActivationStatus;
use licentia_types::ids::ActivationId;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use serde::Serialize;
use uuid::Uuid;

use crate::database::WriteTx;
use crate::failure::Failure;

/// One heartbeat as it was judged: the row as it was seen, and as it shall be.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Rotation {
    /// Hexadecimal, as both databases can read it.
    pub(super) id: String,
    /// Expected of the row.
    pub(super) epoch: i64,
    /// Expected of the row.
    pub(super) generation: i64,
    /// Expected of the row.
    pub(super) status: ActivationStatus,
    /// Expected of its licence.
    pub(super) license_version: i64,
    /// Expected of its product.
    pub(super) catalogue_revision: i64,
    /// Expected of the row: no token was signed afresh meanwhile.
    pub(super) status_serial: i64,
    pub(super) next_epoch: i64,
    pub(super) next_generation: i64,
    /// Hexadecimal.
    pub(super) request_digest: Option<String>,
    pub(super) rotated_at: i64,
    pub(super) late_generation: i64,
    pub(super) late_retries: i32,
    pub(super) contact_at: i64,
    pub(super) previous_contact_at: i64,
    /// Hardly ever another value than before, so that its index stays untouched.
    pub(super) floating: bool,
    /// Of a floating machine.
    pub(super) lease_until: Option<i64>,
    pub(super) ip: Option<String>,
    /// Absent: as it was.
    pub(super) product_version: Option<String>,
    /// The token that will be signed; absent when there will be none.
    pub(super) claim_set_id: Option<i64>,
    pub(super) kid: Option<String>,
    pub(super) token_iat: Option<i64>,
    pub(super) token_exp: Option<i64>,
}

const SQLITE: &str = "
UPDATE activation SET
  epoch = beat.value ->> 'next_epoch',
  generation = beat.value ->> 'next_generation',
  request_digest = unhex(beat.value ->> 'request_digest'),
  rotated_at = beat.value ->> 'rotated_at',
  late_generation = beat.value ->> 'late_generation',
  late_retries = beat.value ->> 'late_retries',
  last_contact_at = beat.value ->> 'contact_at',
  previous_contact_at = beat.value ->> 'previous_contact_at',
  floating = beat.value ->> 'floating',
  lease_until = beat.value ->> 'lease_until',
  ip = beat.value ->> 'ip',
  product_version = COALESCE(beat.value ->> 'product_version', product_version),
  claim_set_id = COALESCE(beat.value ->> 'claim_set_id', claim_set_id),
  kid = COALESCE(beat.value ->> 'kid', kid),
  token_iat = COALESCE(beat.value ->> 'token_iat', token_iat),
  token_exp = COALESCE(beat.value ->> 'token_exp', token_exp)
FROM json_each(?) AS beat
WHERE activation.id = unhex(beat.value ->> 'id')
  AND activation.epoch = beat.value ->> 'epoch'
  AND activation.generation = beat.value ->> 'generation'
  AND activation.status = beat.value ->> 'status'
  AND activation.status_serial = beat.value ->> 'status_serial'
  AND EXISTS (
    SELECT 1 FROM license JOIN product ON product.id = license.product_id
    WHERE license.id = activation.license_id
      AND license.version = beat.value ->> 'license_version'
      AND product.catalogue_revision = beat.value ->> 'catalogue_revision')
RETURNING id";

/// Rows are locked in the order of their ids, or two batches would wait for each other.
const POSTGRES: &str = "
WITH beat AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS b(
    id uuid, epoch bigint, generation bigint, license_version bigint, catalogue_revision bigint, status_serial bigint,
    next_epoch bigint, next_generation bigint, request_digest text, rotated_at bigint,
    late_generation bigint, late_retries integer, contact_at bigint, previous_contact_at bigint,
    status text, floating boolean, lease_until bigint,
    ip text, product_version text, claim_set_id bigint, kid text, token_iat bigint, token_exp bigint)
), held AS (
  SELECT activation.id FROM activation JOIN beat ON beat.id = activation.id
  ORDER BY activation.id FOR UPDATE OF activation
)
UPDATE activation SET
  epoch = beat.next_epoch,
  generation = beat.next_generation,
  request_digest = decode(beat.request_digest, 'hex'),
  rotated_at = beat.rotated_at,
  late_generation = beat.late_generation,
  late_retries = beat.late_retries,
  last_contact_at = beat.contact_at,
  previous_contact_at = beat.previous_contact_at,
  floating = beat.floating,
  lease_until = beat.lease_until,
  ip = beat.ip,
  product_version = COALESCE(beat.product_version, activation.product_version),
  claim_set_id = COALESCE(beat.claim_set_id, activation.claim_set_id),
  kid = COALESCE(beat.kid, activation.kid),
  token_iat = COALESCE(beat.token_iat, activation.token_iat),
  token_exp = COALESCE(beat.token_exp, activation.token_exp)
FROM beat JOIN held ON held.id = beat.id
WHERE activation.id = beat.id
  AND activation.epoch = beat.epoch
  AND activation.generation = beat.generation
  AND activation.status = beat.status
  AND activation.status_serial = beat.status_serial
  AND EXISTS (
    SELECT 1 FROM license JOIN product ON product.id = license.product_id
    WHERE license.id = activation.license_id
      AND license.version = beat.license_version
      AND product.catalogue_revision = beat.catalogue_revision)
RETURNING activation.id";

/// Rotates every row of the batch that is still as it was judged, and tells which.
pub(super) async fn rotate(tx: &WriteTx, batch: &[Rotation]) -> Result<Vec<ActivationId>, Failure> {
    let json = serde_json::to_string(batch).map_err(|_| Failure::Corrupt("heartbeat"))?;
    let backend = tx.get_database_backend();
    let sql = if backend == DbBackend::Postgres { POSTGRES } else { SQLITE };
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [json.into()])).await?;
    let ids: Result<Vec<Uuid>, DbErr> = rows.iter().map(|row| row.try_get_by_index(0)).collect();
    Ok(ids?.into_iter().map(ActivationId::new).collect())
}

/// How long a suspicion stands before it is written down again.
pub(super) const SUSPICION: Seconds = Seconds::constant(3_600);

/// Writes a suspected copy down, once an hour; tells whether it did.
pub(super) async fn suspect(tx: &WriteTx, id: ActivationId, now: Timestamp) -> Result<bool, DbErr> {
    use licentia_entity::activation::{Column, Entity};
    use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
    let standing = Condition::any()
        .add(Column::CloneSuspectedAt.is_null())
        .add(Column::CloneSuspectedAt.lte(now - SUSPICION));
    let written = Entity::update_many()
        .col_expr(Column::CloneSuspectedAt, now.into())
        .filter(Column::Id.eq(id))
        .filter(standing)
        .exec(tx)
        .await?;
    Ok(written.rows_affected > 0)
}
