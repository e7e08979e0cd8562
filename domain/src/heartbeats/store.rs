//! The statements of the hot path: one reads a whole batch of heartbeats, one writes it.
//!
//! The second takes the batch as rows of values and rotates every machine that is still as it was judged,
//! and answers which ones. A row that another call changed in between, or whose licence or catalogue
//! was edited, is left alone; its caller judges again.

use std::collections::HashSet;

use licentia_entity::activation;
use licentia_types::activations::ActivationStatus;
use licentia_types::ids::ActivationId;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};

use crate::activations::machine_row;
use crate::database::hot::{Hot, Row};
use crate::database::values::{filled_up, push_parameters, with_rows};
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;
use crate::licenses::grants::{GRANT_NAME, GrantName};

/// One heartbeat as it was judged: the row as it was seen, and as it shall be.
#[derive(Clone, Debug)]
pub(super) struct Rotation {
    pub(super) id: ActivationId,
    /// Expected of the row.
    pub(super) epoch: i64,
    /// Expected of the row.
    pub(super) generation: i64,
    /// Expected of the row.
    pub(super) status: ActivationStatus,
    /// Expected of the row: no token was signed afresh meanwhile.
    pub(super) status_serial: i64,
    /// Expected of its licence.
    pub(super) license_version: i64,
    /// Expected of its product.
    pub(super) catalogue_revision: i64,
    pub(super) next_epoch: i64,
    pub(super) next_generation: i64,
    pub(super) request_digest: Option<Vec<u8>>,
    pub(super) rotated_at: Timestamp,
    pub(super) late_generation: i64,
    pub(super) late_retries: i32,
    pub(super) contact_at: Timestamp,
    pub(super) previous_contact_at: Timestamp,
    /// Hardly ever another value than before, so that its index stays untouched.
    pub(super) floating: bool,
    /// Of a floating machine.
    pub(super) lease_until: Option<Timestamp>,
    pub(super) ip: Option<String>,
    /// Absent: as it was.
    pub(super) product_version: Option<String>,
    /// The token that will be signed; absent when there will be none.
    pub(super) claim_set_id: Option<i64>,
    pub(super) kid: Option<String>,
    pub(super) token_iat: Option<Timestamp>,
    pub(super) token_exp: Option<Timestamp>,
}

/// What a row of the batch holds, in the order of [`Rotation::values`].
const COLUMNS: [&str; 23] = [
    "id",
    "epoch",
    "generation",
    "status",
    "status_serial",
    "license_version",
    "catalogue_revision",
    "next_epoch",
    "next_generation",
    "request_digest",
    "rotated_at",
    "late_generation",
    "late_retries",
    "contact_at",
    "previous_contact_at",
    "floating",
    "lease_until",
    "ip",
    "product_version",
    "claim_set_id",
    "kid",
    "token_iat",
    "token_exp",
];

impl Rotation {
    fn values(self) -> [Value; COLUMNS.len()] {
        [
            self.id.into(),
            self.epoch.into(),
            self.generation.into(),
            self.status.into(),
            self.status_serial.into(),
            self.license_version.into(),
            self.catalogue_revision.into(),
            self.next_epoch.into(),
            self.next_generation.into(),
            self.request_digest.into(),
            self.rotated_at.into(),
            self.late_generation.into(),
            self.late_retries.into(),
            self.contact_at.into(),
            self.previous_contact_at.into(),
            self.floating.into(),
            self.lease_until.into(),
            self.ip.into(),
            self.product_version.into(),
            self.claim_set_id.into(),
            self.kid.into(),
            self.token_iat.into(),
            self.token_exp.into(),
        ]
    }
}

const ROTATE: &str = "
UPDATE activation SET
  epoch = beat.next_epoch,
  generation = beat.next_generation,
  request_digest = beat.request_digest,
  rotated_at = beat.rotated_at,
  late_generation = beat.late_generation,
  late_retries = beat.late_retries,
  last_contact_at = beat.contact_at,
  previous_contact_at = beat.previous_contact_at,
  floating = beat.floating,
  lease_until = CASE
    WHEN activation.offline_until > beat.lease_until THEN activation.offline_until
    ELSE beat.lease_until END,
  ip = beat.ip,
  product_version = COALESCE(beat.product_version, activation.product_version),
  claim_set_id = COALESCE(beat.claim_set_id, activation.claim_set_id),
  kid = COALESCE(beat.kid, activation.kid),
  token_iat = COALESCE(beat.token_iat, activation.token_iat),
  token_exp = COALESCE(beat.token_exp, activation.token_exp)";

const AS_JUDGED: &str = "
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

/// On PostgreSQL a row that somebody else holds is left out, to be judged again: no batch waits for one of
/// its machines, and none waits in a circle.
fn rotating(backend: DbBackend, rows: usize) -> String {
    let mut sql = with_rows(backend, "beat", &COLUMNS, rows);
    let from = if backend == DbBackend::Postgres {
        sql.push_str(
            ", held AS (SELECT activation.id FROM activation JOIN beat ON beat.id = activation.id
               ORDER BY activation.id FOR NO KEY UPDATE OF activation SKIP LOCKED)",
        );
        " FROM beat JOIN held ON held.id = beat.id"
    } else {
        " FROM beat"
    };
    sql + ROTATE + from + AS_JUDGED
}

/// Rotates every row of the batch that is still as it was judged, and tells which.
pub(super) async fn rotate(tx: &WriteTx, batch: Vec<Rotation>) -> Result<HashSet<ActivationId>, Failure> {
    let backend = tx.get_database_backend();
    let (sql, values) = rotation(backend, batch);
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    rotated(rows.into_iter().map(Row::from))
}

/// The same, as a transaction of its own: what it tells is durable.
pub(super) async fn rotate_at_once(
    hot: &Hot,
    batch: Vec<Rotation>,
) -> Result<HashSet<ActivationId>, Failure> {
    let (sql, values) = rotation(hot.backend(), batch);
    rotated(hot.write_at_once(Lane::Heartbeat, sql, values).await?.into_iter())
}

fn rotation(backend: DbBackend, batch: Vec<Rotation>) -> (String, Vec<Value>) {
    let rows = batch.into_iter().map(Rotation::values).collect();
    let rows = filled_up(rows, |row| row.each_ref().map(Value::as_null));
    (rotating(backend, rows.len()), rows.into_iter().flatten().collect())
}

fn rotated(rows: impl Iterator<Item = Row>) -> Result<HashSet<ActivationId>, Failure> {
    Ok(rows.map(|row| row.cells().next()).collect::<Result<_, DbErr>>()?)
}

/// A machine with what says which version of everything it is judged by.
pub(super) struct Seen {
    pub(super) machine: activation::Model,
    pub(super) grant: GrantName,
    /// The row that keeps what its tokens claim at these versions.
    pub(super) claim_set: Option<i64>,
}

/// Of these machines, those that there are. Each proved already that it is one of them.
pub(super) async fn seen(hot: &Hot, ids: &[ActivationId]) -> Result<Vec<Seen>, Failure> {
    let ids = filled_up(ids.iter().map(|id| Value::from(*id)).collect(), Value::as_null);
    let rows = hot.read(seeing(hot.backend(), ids.len()), ids).await?;
    Ok(rows.iter().map(Seen::of).collect::<Result<_, _>>()?)
}

impl Seen {
    fn of(row: &Row) -> Result<Self, DbErr> {
        let mut cells = row.cells();
        let grant = GrantName::next(&mut cells)?;
        Ok(Self { grant, claim_set: cells.next()?, machine: machine_row::next(&mut cells)? })
    }
}

fn seeing(backend: DbBackend, ids: usize) -> String {
    let mut sql = format!(
        "SELECT {GRANT_NAME}, c.id, {}
         FROM activation a
         JOIN license l ON l.id = a.license_id
         JOIN product p ON p.id = l.product_id
         LEFT JOIN claim_set c ON c.license_id = l.id
           AND c.license_version = l.version AND c.catalogue_revision = p.catalogue_revision
         WHERE a.id IN (",
        machine_row::columns()
    );
    push_parameters(&mut sql, backend, 0, ids);
    sql.push(')');
    sql
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
