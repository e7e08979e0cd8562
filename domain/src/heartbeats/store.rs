//! The statement of the hot path: one for a whole batch of heartbeats.
//!
//! It takes the batch as one JSON text, rotates every row that is still as it was judged, and
//! answers which ones. A row that another call changed in between, or whose licence or catalogue
//! was edited, is left alone; its caller judges again.

use std::collections::HashSet;
use std::sync::LazyLock;

use licentia_entity::activation;
use licentia_types::activations::ActivationStatus;
use licentia_types::ids::ActivationId;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, FromQueryResult, IdenStatic, Iterable, QueryResult, Statement,
};
use serde::Serialize;

use crate::database::{Database, Lane, WriteTx};
use crate::failure::Failure;
use crate::licenses::grants::GrantName;

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
pub(super) async fn rotate(tx: &WriteTx, batch: &[Rotation]) -> Result<HashSet<ActivationId>, Failure> {
    rotated(&tx.query_all_raw(rotation(tx.get_database_backend(), batch)?).await?)
}

/// The same, as a transaction of its own: what it tells is durable.
pub(super) async fn rotate_at_once(
    db: &Database,
    batch: &[Rotation],
) -> Result<HashSet<ActivationId>, Failure> {
    rotated(&db.write_at_once(Lane::Heartbeat, rotation(db.get_database_backend(), batch)?).await?)
}

fn rotation(backend: DbBackend, batch: &[Rotation]) -> Result<Statement, Failure> {
    let json = serde_json::to_string(batch).map_err(|_| Failure::Corrupt("heartbeat"))?;
    let sql = if backend == DbBackend::Postgres { POSTGRES } else { SQLITE };
    Ok(Statement::from_sql_and_values(backend, sql, [json.into()]))
}

fn rotated(rows: &[QueryResult]) -> Result<HashSet<ActivationId>, Failure> {
    let ids = rows.iter().map(|row| row.try_get_by_index(0).map(ActivationId::new));
    Ok(ids.collect::<Result<_, DbErr>>()?)
}

/// A machine with what says which version of everything it is judged by.
pub(super) struct Seen {
    pub(super) machine: activation::Model,
    pub(super) grant: GrantName,
    /// The row that keeps what its tokens claim at these versions.
    pub(super) claim_set: Option<i64>,
}

/// Of these machines, those that there are. Each proved already that it is one of them.
pub(super) async fn seen(db: &Database, ids: &[ActivationId]) -> Result<Vec<Seen>, Failure> {
    static SQLITE: LazyLock<String> = LazyLock::new(|| seeing("SELECT unhex(value) FROM json_each(?)"));
    static POSTGRES: LazyLock<String> =
        LazyLock::new(|| seeing("SELECT value::uuid FROM jsonb_array_elements_text($1::jsonb)"));
    let ids: Vec<String> = ids.iter().map(|id| id.uuid().simple().to_string()).collect();
    let json = serde_json::to_string(&ids).map_err(|_| Failure::Corrupt("heartbeat"))?;
    let backend = db.get_database_backend();
    let sql = if backend == DbBackend::Postgres { &POSTGRES } else { &SQLITE };
    let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql.as_str(), [json.into()])).await?;
    Ok(rows.iter().map(Seen::of).collect::<Result<_, _>>()?)
}

impl Seen {
    fn of(row: &QueryResult) -> Result<Self, DbErr> {
        let machine = activation::Model::from_query_result(row, "")?;
        let grant = GrantName {
            license: machine.license_id,
            license_version: row.try_get("", "license_version")?,
            license_updated_at: row.try_get("", "license_updated_at")?,
            product: row.try_get("", "product_id")?,
            product_version: row.try_get("", "version_of_product")?,
            product_updated_at: row.try_get("", "product_updated_at")?,
            catalogue_revision: row.try_get("", "catalogue_revision")?,
        };
        Ok(Self { machine, grant, claim_set: row.try_get("", "kept_claim_set")? })
    }
}

/// The columns are named one by one: a statement that is prepared stays good when a table gets another.
fn seeing(ids: &str) -> String {
    let columns: Vec<_> = activation::Column::iter().map(|column| format!("a.{}", column.as_str())).collect();
    format!(
        "SELECT {},
           l.version AS license_version, l.updated_at AS license_updated_at,
           p.id AS product_id, p.version AS version_of_product, p.updated_at AS product_updated_at,
           p.catalogue_revision, c.id AS kept_claim_set
         FROM activation a
         JOIN license l ON l.id = a.license_id
         JOIN product p ON p.id = l.product_id
         LEFT JOIN claim_set c ON c.license_id = l.id
           AND c.license_version = l.version AND c.catalogue_revision = p.catalogue_revision
         WHERE a.id IN ({ids})",
        columns.join(", ")
    )
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
