//! Outcomes as they lie in the database.

use licentia_crypto::sealing::Place;
use licentia_entity::kept_outcome::{Column, Entity, Model};
use licentia_types::time::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, Statement,
};

use super::{KEPT, Kept, Name, Once, Request};
use crate::context::{Context, Moment};
use crate::database::{WriteTx, is_lock_timeout};
use crate::failure::Failure;

/// How long somebody waits for another instance that is at the same.
const PATIENCE: &str = "2s";

/// What is kept under a name, if that was after `ended`.
pub(super) async fn find(
    db: &impl ConnectionTrait,
    name: &Name,
    ended: Timestamp,
) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::Name.eq(name.to_vec())).filter(Column::KeptAt.gt(ended)).one(db).await
}

pub(super) fn open(ctx: &Context, kept: Model) -> Result<Kept, Failure> {
    let outcome = ctx.kek.open(place(&kept.id.to_string()), &kept.outcome)?;
    Ok(Kept { request: Request(kept.request), outcome })
}

/// Whether nobody else is at it, until the transaction ends. SQLite has one writer, which this is.
pub(super) async fn lock(tx: &WriteTx, name: &Name) -> Result<bool, Failure> {
    if tx.get_database_backend() != DbBackend::Postgres || ask(tx, "pg_try_advisory_xact_lock", name).await? {
        return Ok(true);
    }
    // Whoever was refused may not have let it go yet.
    tx.execute_unprepared(&format!("SET LOCAL lock_timeout = '{PATIENCE}'")).await?;
    match ask(tx, "pg_advisory_xact_lock", name).await {
        Ok(_) => tx.execute_unprepared("SET LOCAL lock_timeout TO DEFAULT").await?,
        Err(error) if is_lock_timeout(&error) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    Ok(true)
}

/// Gives false when the lock says no.
async fn ask(tx: &WriteTx, lock: &str, name: &Name) -> Result<bool, DbErr> {
    let ask = format!("SELECT {lock}($1)::text <> 'false' AS ours");
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, ask, [name.number().into()]);
    let row = tx.query_one_raw(statement).await?;
    row.map_or(Ok(false), |row| row.try_get("", "ours"))
}

/// Keeps an outcome, in the place of one whose time is over.
pub(super) async fn keep(
    ctx: &Context,
    moment: &Moment<'_>,
    tx: &WriteTx,
    once: &Once,
    outcome: &[u8],
) -> Result<(), Failure> {
    let id = moment.new_uuid()?;
    let kept = Model {
        id,
        name: once.name.to_vec(),
        request: once.request(ctx).0,
        outcome: ctx.kek.seal(place(&id.to_string()), outcome)?.into_bytes(),
        kept_at: moment.now,
    };
    let replace = OnConflict::column(Column::Name)
        .update_columns([Column::Id, Column::Request, Column::Outcome, Column::KeptAt])
        .action_and_where(Expr::col((Entity, Column::KeptAt)).lte(moment.now - KEPT))
        .to_owned();
    let insert = Entity::insert(kept.into_active_model().reset_all()).on_conflict(replace);
    if insert.exec_without_returning(tx).await? == 1 { Ok(()) } else { Err(Failure::Repeated) }
}

const fn place(id: &str) -> Place<'_> {
    Place { table: "kept_outcome", column: "outcome", row: id }
}
