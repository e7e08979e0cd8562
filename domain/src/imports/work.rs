//! The job: takes in one piece after the other, each in a transaction with its results.

use licentia_entity::{import, import_chunk};
use licentia_types::imports::{ImportOutcome, ImportStatus};
use licentia_types::time::Seconds;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::parsed::{self, Parsed};
use super::plan::Planner;
use super::planned::Outcome;
use super::write::Writing;
use super::{customers_elsewhere, options, store, taken, upload};
use crate::actors::{Actor, Caller, Principal};
use crate::audit;
use crate::context::{Context, Moment};
use crate::database::{Lane, WriteTx, violates};
use crate::failure::Failure;
use crate::jobs::{Left, Turn};
use crate::licenses::issue::taken::{KEY_TAKEN, ORDER_TAKEN};
use crate::scope::Groups;

/// Pieces of one turn: however much there is, the other jobs get theirs.
const PIECES_OF_A_TURN: usize = 8;
/// How often a piece is tried again because somebody took one of its keys meanwhile.
const ATTEMPTS: usize = 3;
/// An import whose rows stopped coming for so long is given up.
const SILENCE: Seconds = Seconds::constant(3_600);

/// Whether there is an import to be worked on, or given up.
pub(crate) async fn has_work(ctx: &Context) -> Result<bool, Failure> {
    Ok(store::any_open(&ctx.db, ctx.moment().now - SILENCE).await?)
}

/// Works on imports, the oldest first.
pub(crate) async fn work(ctx: &Context, turn: &Turn) -> Result<Left, Failure> {
    give_up_silent(ctx, turn).await?;
    for _ in 0..PIECES_OF_A_TURN {
        let Some(import) = store::next(&ctx.db).await? else { return Ok(Left::Nothing) };
        match Box::pin(try_piece(ctx, turn, &import)).await {
            Ok(true) => {}
            Ok(false) => return Ok(Left::Nothing),
            Err(failure) if failure.is_passing() => return Err(failure),
            Err(failure) => {
                // Nothing else would ever be imported.
                end_failed(ctx, turn, &import).await?;
                return Err(failure);
            }
        }
    }
    Ok(Left::More)
}

async fn give_up_silent(ctx: &Context, turn: &Turn) -> Result<(), Failure> {
    let silent = store::silent(&ctx.db, ctx.moment().now - SILENCE).await?;
    if silent.is_empty() {
        return Ok(());
    }
    let tx = ctx.db.write(Lane::Ordinary).await?;
    if turn.keep(ctx, &tx).await? {
        store::fail(&tx, &silent, ctx.moment().now).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn end_failed(ctx: &Context, turn: &Turn, import: &import::Model) -> Result<(), Failure> {
    let tx = ctx.db.write(Lane::Ordinary).await?;
    if turn.keep(ctx, &tx).await? {
        store::fail(&tx, &[import.id], ctx.moment().now).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// False when another instance has taken the job over.
async fn try_piece(ctx: &Context, turn: &Turn, import: &import::Model) -> Result<bool, Failure> {
    let number = import.chunks_done;
    let piece =
        store::piece(&ctx.db, import.id, number).await?.ok_or(Failure::Corrupt("piece of an import"))?;
    for _ in 0..ATTEMPTS {
        match take_in(ctx, turn, import, &piece).await {
            Err(Failure::Database(error)) if violates(&error, KEY_TAKEN) || violates(&error, ORDER_TAKEN) => {
            }
            ended => return ended,
        }
    }
    Err(Failure::Contended)
}

/// One transaction: the rows of the piece, what became of them, and that the piece is done.
async fn take_in(
    ctx: &Context,
    turn: &Turn,
    import: &import::Model,
    piece: &import_chunk::Model,
) -> Result<bool, Failure> {
    let (options, caller, moment) = (options(import)?, caller(import), ctx.moment());
    let parsed: Vec<Parsed> =
        upload::open(ctx, piece)?.iter().map(|record| parsed::parse(&options, record)).collect();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    // While this transaction goes on, no other instance can be at it.
    if !turn.keep(ctx, &tx).await? {
        return Ok(false);
    }
    let import = store::hold(&tx, import.id).await?.ok_or(Failure::Corrupt("import"))?;
    if import.chunks_done != piece.number {
        return Ok(true);
    }
    let planner = Planner { ctx, moment, caller: &caller, options: &options };
    let mut plan = planner.plan(&tx, piece.first_row, parsed).await?;
    customers_elsewhere::refuse(&tx, &caller, &mut plan).await?;
    taken::refuse(ctx, &tx, &import, &mut plan).await?;
    let outcomes = if import.dry_run {
        let foreseen = |(number, row): (i64, Result<_, Outcome>)| {
            (number, row.map_or_else(|outcome| outcome, |_| Outcome::Accepted))
        };
        plan.rows.into_iter().map(foreseen).collect()
    } else {
        let group = import.group_id;
        let writing = Writing { ctx, tx: &tx, moment, caller: &caller, import: import.id, group };
        Box::pin(writing.write(plan)).await?
    };
    conclude(&tx, &moment, &caller, (import, piece), outcomes).await?;
    tx.commit().await?;
    Ok(true)
}

/// Whoever sent it: what is made is their doing. Within the import's group, whoever that is: nothing else is found, and
/// the results are for all who act in it.
fn caller(import: &import::Model) -> Caller {
    let group = import.group_id.map(|group| Groups::of([group].into()));
    let principal = Principal::default().within(group);
    let actor = match (import.api_key_id, import.admin_id, import.session_id) {
        (Some(id), ..) => Actor::ApiKey { id, principal },
        (None, Some(id), Some(session)) => Actor::Admin { id, session, principal },
        (None, ..) => Actor::Operator,
    };
    let ip = import.ip.as_ref().and_then(|ip| ip.parse().ok());
    Caller { actor, ip, request_id: import.request_id.clone(), once: None }
}

async fn conclude(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    (mut import, piece): (import::Model, &import_chunk::Model),
    outcomes: Vec<(i64, Outcome)>,
) -> Result<(), Failure> {
    for (_, outcome) in &outcomes {
        match outcome.kind() {
            ImportOutcome::Created | ImportOutcome::Accepted => import.rows_created += 1,
            ImportOutcome::Refused => import.rows_refused += 1,
            ImportOutcome::Skipped => {}
        }
    }
    let rows = outcomes.into_iter().map(|(number, outcome)| outcome.row(import.id, number));
    store::add_rows(tx, rows.collect::<Result<_, Failure>>()?).await?;
    store::drop_piece(tx, import.id, piece.number).await?;
    import.rows_done += i64::from(piece.rows);
    import.chunks_done += 1;
    import.updated_at = moment.now;
    if import.chunks_done == import.chunks {
        import.status = ImportStatus::Done;
        import.finished_at = Some(moment.now);
        store::forget_claims(tx, &[import.id]).await?;
        let detail = json!({"dryRun": import.dry_run, "rows": import.rows, "created": import.rows_created,
                            "refused": import.rows_refused});
        let event = audit::Event::new("import.finished", &import.id, detail).in_group(import.group_id);
        audit::record(tx, moment, caller, event).await?;
    }
    import.into_active_model().reset_all().update(tx).await?;
    Ok(())
}
