//! The sealer: chains the rows that were written since its last run, so that writers never queue
//! for the head of the chain.

use std::collections::{HashMap, HashSet};

use licentia_entity::{audit_event, audit_link, audit_pending};
use licentia_types::ids::AuditEventId;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use super::chain::Chain;
use super::head;
use crate::context::Context;
use crate::database::{Lane, WriteTx};
use crate::failure::Failure;
use crate::jobs::{Left, Turn};

/// Rows of one transaction.
const BATCH: u64 = 500;
/// Transactions of one turn: however much waits, the other jobs get theirs.
const MOST_BATCHES: usize = 40;

/// Whether any row waits.
pub(crate) async fn has_work(ctx: &Context) -> Result<bool, Failure> {
    Ok(audit_pending::Entity::find().one(&ctx.db).await?.is_some())
}

/// Chains the rows that wait, a batch at a time.
pub(crate) async fn seal(ctx: &Context, turn: &Turn) -> Result<Left, Failure> {
    for _ in 0..MOST_BATCHES {
        if seal_batch(ctx, turn).await? == Left::Nothing {
            return Ok(Left::Nothing);
        }
    }
    Ok(Left::More)
}

/// Chains some rows, and says whether more may wait.
async fn seal_batch(ctx: &Context, turn: &Turn) -> Result<Left, Failure> {
    let chain = Chain(&ctx.secrets.audit);
    let tx = ctx.db.write(Lane::Ordinary).await?;
    if !turn.keep(ctx, &tx).await? {
        return Ok(Left::Nothing);
    }
    let waiting = waiting(&tx).await?;
    if waiting.is_empty() {
        return Ok(Left::Nothing);
    }
    let rows = rows(&tx, &waiting).await?;
    let sealed = already_sealed(&tx, &waiting).await?;
    let mut end = head::end(&tx, chain).await?;
    let mut links = Vec::new();
    for id in waiting.iter().filter(|id| !sealed.contains(id)) {
        let (link, next) = chain.next(&end, *id, rows.get(id));
        links.push(link.into_active_model());
        end = next;
    }
    if !links.is_empty() {
        audit_link::Entity::insert_many(links).exec_without_returning(&tx).await?;
        head::store(&tx, chain, &end, turn.now).await?;
    }
    let count = waiting.len();
    audit_pending::Entity::delete_many()
        .filter(audit_pending::Column::EventId.is_in(waiting))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(if u64::try_from(count).is_ok_and(|count| count == BATCH) { Left::More } else { Left::Nothing })
}

async fn waiting(tx: &WriteTx) -> Result<Vec<AuditEventId>, Failure> {
    let pending = audit_pending::Entity::find().order_by_asc(audit_pending::Column::EventId).limit(BATCH);
    Ok(pending.all(tx).await?.into_iter().map(|row| row.event_id).collect())
}

async fn rows(
    tx: &WriteTx,
    ids: &[AuditEventId],
) -> Result<HashMap<AuditEventId, audit_event::Model>, Failure> {
    let found = audit_event::Entity::find().filter(audit_event::Column::Id.is_in(ids.iter().copied()));
    Ok(found.all(tx).await?.into_iter().map(|row| (row.id, row)).collect())
}

/// Rows that wait although they have a link: nobody but a tamperer brings that about, and it must
/// not keep the others from being sealed.
async fn already_sealed(tx: &WriteTx, ids: &[AuditEventId]) -> Result<HashSet<AuditEventId>, Failure> {
    let found = audit_link::Entity::find().filter(audit_link::Column::EventId.is_in(ids.iter().copied()));
    Ok(found.all(tx).await?.into_iter().map(|link| link.event_id).collect())
}
