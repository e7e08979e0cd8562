//! Entries without a link: they wait for the sealer, or were written past the server.

use std::collections::HashSet;

use licentia_entity::{audit_event, audit_link, audit_pending};
use licentia_types::audit::AuditFindingKind;
use licentia_types::ids::AuditEventId;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::verification::BATCH;
use super::verification::findings::Findings;
use crate::context::Context;
use crate::failure::Failure;

/// How long an entry may wait: the sealer runs every second.
const PATIENCE: Seconds = Seconds::constant(300);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entries {
    pub(super) seen: u64,
    pub(super) waiting: u64,
    /// Those of them that wait for too long.
    overdue: u64,
    /// The first of those.
    first_overdue: Option<AuditEventId>,
}

impl Entries {
    fn wait(&mut self, id: AuditEventId, at: Timestamp, now: Timestamp) {
        self.waiting += 1;
        // What waits can be edited unseen, its time too: so one that is still to come is no excuse.
        if at < now - PATIENCE || at > now + PATIENCE {
            self.overdue += 1;
            self.first_overdue.get_or_insert(id);
        }
    }

    /// One finding for all of them: the sealer stands still for all alike.
    pub(super) fn report_overdue(&self, findings: &mut Findings) {
        if let Some(first) = self.first_overdue {
            let detail = format!(
                "{} entries wait to be sealed for more than {} seconds: the sealer does not run, or was stopped",
                self.overdue,
                PATIENCE.get()
            );
            findings.add(AuditFindingKind::SealingOverdue, None, Some(first), detail);
        }
    }
}

/// Looks for every entry in the chain.
pub(super) async fn find(
    ctx: &Context,
    findings: &mut Findings,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Entries, Failure> {
    let mut entries = Entries::default();
    let now = ctx.moment().now;
    let mut after = None;
    loop {
        let found = next(ctx, after).await?;
        let Some((last, _)) = found.last() else { return Ok(entries) };
        after = Some(*last);
        let ids: Vec<AuditEventId> = found.iter().map(|(id, _)| *id).collect();
        // An entry is written together with its mark, and its link takes the mark's place at once:
        // read in this order, what has neither has neither.
        let waiting = waiting(ctx, &ids).await?;
        let sealed = sealed(ctx, &ids).await?;
        for (id, at) in found {
            entries.seen += 1;
            if sealed.contains(&id) {
                continue;
            }
            if waiting.contains(&id) {
                entries.wait(id, at, now);
            } else {
                let detail = "the entry was never sealed: it was written past the server";
                findings.add(AuditFindingKind::NeverSealed, None, Some(id), detail);
            }
        }
        progress(entries.seen);
    }
}

async fn next(ctx: &Context, after: Option<AuditEventId>) -> Result<Vec<(AuditEventId, Timestamp)>, Failure> {
    use audit_event::Column::{At, Id};
    let mut entries = audit_event::Entity::find().select_only().columns([Id, At]);
    if let Some(after) = after {
        entries = entries.filter(Id.gt(after));
    }
    Ok(entries.order_by_asc(Id).limit(BATCH).into_tuple().all(&ctx.db).await?)
}

async fn waiting(ctx: &Context, ids: &[AuditEventId]) -> Result<HashSet<AuditEventId>, Failure> {
    let of = audit_pending::Column::EventId.is_in(ids.iter().copied());
    Ok(audit_pending::Entity::find()
        .filter(of)
        .all(&ctx.db)
        .await?
        .into_iter()
        .map(|row| row.event_id)
        .collect())
}

async fn sealed(ctx: &Context, ids: &[AuditEventId]) -> Result<HashSet<AuditEventId>, Failure> {
    let found: Vec<AuditEventId> = audit_link::Entity::find()
        .select_only()
        .column(audit_link::Column::EventId)
        .filter(audit_link::Column::EventId.is_in(ids.iter().copied()))
        .into_tuple()
        .all(&ctx.db)
        .await?;
    Ok(found.into_iter().collect())
}
