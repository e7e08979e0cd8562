//! One walk along the chain: every link, its entry, and the checkpoints made on the way.

use std::collections::HashMap;

use licentia_entity::{audit_checkpoint, audit_event, audit_link};
use licentia_types::audit::AuditFindingKind as Kind;
use licentia_types::ids::AuditEventId;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::BATCH;
use super::findings::Findings;
use crate::audit::chain::{Chain, Head, Link};
use crate::audit::checkpoints::{self, Checkpoint, Reader};
use crate::audit::head::{self, Stored};
use crate::context::Context;
use crate::failure::Failure;

/// A head that the chain is known to have had.
struct Known {
    head: Head,
    by: String,
}

pub(super) struct Check<'a> {
    ctx: &'a Context,
    chain: Chain<'a>,
    reader: Reader<'a>,
    pub(super) findings: Findings,
    known: Vec<Known>,
    /// The newest stored checkpoint when the check began.
    newest: Option<audit_checkpoint::Model>,
    /// The last link when the check began.
    end: i64,
    /// The position before the next batch; none before the first.
    after: Option<i64>,
    /// Where the next link belongs.
    expected: i64,
    /// What the next link must follow; none when that is lost.
    before: Option<[u8; 32]>,
    pub(super) links: u64,
}

impl<'a> Check<'a> {
    /// Everything that says how long the chain was is read before the chain's end, which only grows.
    pub(super) async fn begin(ctx: &'a Context, kept: Option<&str>) -> Result<Self, Failure> {
        let chain = Chain(&ctx.secrets.audit);
        let stored = head::load(&ctx.db, chain).await?;
        let newest = checkpoints::newest(ctx).await?;
        let end = head::last(&ctx.db).await?.map_or(0, |link| link.position);
        let mut check = Self {
            ctx,
            chain,
            reader: Reader::new(ctx),
            findings: Findings::default(),
            known: Vec::new(),
            newest,
            end,
            after: None,
            expected: 1,
            before: Some(Head::NONE.digest),
            links: 0,
        };
        check.take_head(stored);
        if let Some(text) = kept {
            check.take_kept(text).await?;
        }
        Ok(check)
    }

    fn take_head(&mut self, stored: Stored) {
        let detail = match stored {
            Stored::Good(head) => return self.known.push(Known { head, by: "its head".to_owned() }),
            Stored::Missing => "the head of the chain is gone",
            Stored::Forged => "the head of the chain is not of this server",
        };
        self.findings.add(Kind::HeadInvalid, None, None, detail);
    }

    async fn take_kept(&mut self, text: &str) -> Result<(), Failure> {
        match self.reader.read(text.trim()).await? {
            Ok(Checkpoint { at, head }) => {
                self.known.push(Known { head, by: format!("the given checkpoint of {at}") });
            }
            Err(why) => {
                self.findings.add(
                    Kind::CheckpointInvalid,
                    None,
                    None,
                    format!("the given checkpoint: {why}"),
                );
            }
        }
        Ok(())
    }

    pub(super) async fn size(&self) -> Result<u64, Failure> {
        let links = audit_link::Entity::find().count(&self.ctx.db).await?;
        Ok(links + audit_event::Entity::find().count(&self.ctx.db).await?)
    }

    /// Checks some links, and says whether more follow.
    pub(super) async fn batch(&mut self) -> Result<bool, Failure> {
        let mut links = audit_link::Entity::find().filter(audit_link::Column::Position.lte(self.end));
        if let Some(after) = self.after {
            links = links.filter(audit_link::Column::Position.gt(after));
        }
        let links = links.order_by_asc(audit_link::Column::Position).limit(BATCH).all(&self.ctx.db).await?;
        let (Some(first), Some(last)) = (links.first(), links.last()) else { return Ok(false) };
        let (first, last) = (first.position.min(self.expected), last.position);
        let checkpoints = checkpoints::between(self.ctx, first, last).await?;
        let mut checkpoints = checkpoints.into_iter().peekable();
        let rows = self.rows(&links).await?;
        for link in &links {
            self.link(link, rows.get(&link.event_id));
            while let Some(checkpoint) =
                checkpoints.next_if(|checkpoint| checkpoint.position <= link.position)
            {
                self.checkpoint(&checkpoint, link).await?;
            }
        }
        self.after = Some(last);
        Ok(true)
    }

    async fn rows(
        &self,
        links: &[audit_link::Model],
    ) -> Result<HashMap<AuditEventId, audit_event::Model>, Failure> {
        let ids = links.iter().map(|link| link.event_id);
        let found = audit_event::Entity::find().filter(audit_event::Column::Id.is_in(ids));
        Ok(found.all(&self.ctx.db).await?.into_iter().map(|row| (row.id, row)).collect())
    }

    fn link(&mut self, stored: &audit_link::Model, row: Option<&audit_event::Model>) {
        let (position, id) = (stored.position, stored.event_id);
        self.links += 1;
        if position > self.expected {
            let last = position - 1;
            let detail = format!("there are no links {} to {last}", self.expected);
            self.findings.add(Kind::LinkMissing, Some(self.expected), None, detail);
            self.before = None;
        }
        let Some(link) = Link::from_bytes(&stored.link).filter(|_| position >= self.expected) else {
            self.findings.add(Kind::LinkBroken, Some(position), Some(id), "the link is none of this server");
            self.before = None;
            self.expected = self.expected.max(position.saturating_add(1));
            return;
        };
        match row {
            None => self.findings.add(Kind::RowDeleted, Some(position), Some(id), "the entry is gone"),
            Some(row) if self.chain.row(id, Some(row)) != link.row => {
                self.findings.add(
                    Kind::RowAltered,
                    Some(position),
                    Some(id),
                    "the entry is not what was sealed",
                );
            }
            Some(_) => {}
        }
        if self.before.is_some_and(|before| self.chain.head(&before, position, id, &link.row) != link.head) {
            let detail = "the link does not follow the one before it";
            self.findings.add(Kind::LinkBroken, Some(position), Some(id), detail);
        }
        for known in self.known.iter().filter(|known| known.head.position == position) {
            if known.head.digest != link.head {
                let detail = format!("the chain up to here is not the one that {} was made for", known.by);
                self.findings.add(Kind::HistoryRewritten, Some(position), Some(id), detail);
            }
        }
        self.before = Some(link.head);
        self.expected = position.saturating_add(1);
    }

    /// A stored checkpoint against the link at its position, or the first one after it.
    async fn checkpoint(
        &mut self,
        stored: &audit_checkpoint::Model,
        link: &audit_link::Model,
    ) -> Result<(), Failure> {
        let (position, at) = (Some(stored.position), stored.at);
        let of_link = (stored.position == link.position).then_some(link.event_id);
        match self.reader.read(&stored.signed).await? {
            Err(why) => {
                let detail = format!("the stored checkpoint of {at}: {why}");
                self.findings.add(Kind::CheckpointInvalid, position, of_link, detail);
            }
            Ok(signed) if signed.head.position != stored.position => {
                let detail = format!("the stored checkpoint of {at} is that of another position");
                self.findings.add(Kind::CheckpointInvalid, position, of_link, detail);
            }
            Ok(signed) => {
                let found = Link::from_bytes(&link.link).map(|link| link.head);
                // A link that is missing is a finding already.
                if of_link.is_some() && found != Some(signed.head.digest) {
                    let detail = format!(
                        "the chain up to here is not the one that the checkpoint of {at} was signed for"
                    );
                    self.findings.add(Kind::HistoryRewritten, position, of_link, detail);
                }
            }
        }
        Ok(())
    }

    /// Whatever is known to have come after the last link.
    pub(super) async fn end_of_tail(&mut self) -> Result<(), Failure> {
        if let Some(newest) = self.newest.take().filter(|newest| newest.position > self.end) {
            match self.reader.read(&newest.signed).await? {
                Ok(Checkpoint { at, head }) => {
                    self.known.push(Known { head, by: format!("the stored checkpoint of {at}") });
                }
                Err(why) => {
                    let detail = format!("the stored checkpoint of {}: {why}", newest.at);
                    self.findings.add(Kind::CheckpointInvalid, Some(newest.position), None, detail);
                }
            }
        }
        for Known { head, by } in self.known.iter().filter(|known| known.head.position > self.end) {
            let detail = format!("the chain ends at {}; {by} says {}", self.end, head.position);
            self.findings.add(Kind::TailCut, Some(self.end.saturating_add(1)), None, detail);
        }
        Ok(())
    }
}
