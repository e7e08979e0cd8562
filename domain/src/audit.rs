//! The audit log: a row for each change, written in the change's own transaction and never altered.
//!
//! A job chains the rows within about a second ([`sealing`]) and signs the head of the chain every
//! hour ([`checkpoints`]); [`verify`] tells whether the log is still what was written.

use licentia_crypto::digests::DigestKey;
use licentia_entity::{audit_event, audit_pending};
use licentia_types::ids::{AuditEventId, GroupId, LicenseId};
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::Value;

use crate::actors::Caller;
use crate::context::{Context, Moment};
use crate::database::WriteTx;
use crate::failure::Failure;

use chain::Chain;
pub use error::AuditError;
pub use listing::{AuditFilter, list, statements};
pub(crate) use listing::{did_lately, of_customer, select};
pub use verification::{Progress, verify, verify_for};

mod canonical;
mod chain;
pub(crate) mod checkpoints;
mod error;
mod head;
mod listing;
pub(crate) mod sealing;
mod unsealed;
mod verification;

/// What was done to what. Holds no secret.
#[derive(Debug)]
pub struct Event {
    /// `license.issued`, `activation.created`, …
    pub action: &'static str,
    /// Id of what was changed.
    pub subject: String,
    /// The licence that it concerns.
    pub license: Option<LicenseId>,
    /// The group that it is in, where no licence says so.
    pub group: Option<GroupId>,
    /// Before and after, or whatever else explains it.
    pub detail: Value,
}

impl Event {
    /// Something that was done to what `subject` names.
    pub fn new(action: &'static str, subject: &impl ToString, detail: Value) -> Self {
        Self { action, subject: subject.to_string(), license: None, group: None, detail }
    }

    /// The same, on the record of a licence.
    #[must_use]
    pub fn of_license(self, license: LicenseId) -> Self {
        Self { license: Some(license), ..self }
    }

    /// The same, for those who are bounded by this group as well.
    #[must_use]
    pub fn in_group(self, group: Option<GroupId>) -> Self {
        Self { group, ..self }
    }
}

/// Begins the chain, in the transaction that makes its key: from then on a head that is missing was
/// taken away.
pub(crate) async fn begin(tx: &WriteTx, key: &DigestKey, now: Timestamp) -> Result<(), Failure> {
    Ok(head::begin(tx, Chain(key), now).await?)
}

/// Writes `event` down; it stands or falls with the transaction.
///
/// # Errors
/// When the database fails.
pub async fn record(tx: &WriteTx, moment: &Moment<'_>, caller: &Caller, event: Event) -> Result<(), Failure> {
    // Boxed: it is a small part of many larger futures.
    Box::pin(record_all(tx, moment, caller, vec![event])).await
}

/// Writes up to a thousand events down at once.
///
/// # Errors
/// When the database fails.
pub async fn record_all(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    events: Vec<Event>,
) -> Result<(), Failure> {
    record_each(tx, moment, events.into_iter().map(|event| (caller, event)).collect()).await
}

/// The same, where each is somebody else's doing.
pub(crate) async fn record_each(
    tx: &WriteTx,
    moment: &Moment<'_>,
    events: Vec<(&Caller, Event)>,
) -> Result<(), Failure> {
    if events.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::with_capacity(events.len());
    let mut pending = Vec::with_capacity(events.len());
    for (caller, event) in events {
        let row = row(moment, caller, event)?;
        pending.push(audit_pending::ActiveModel { event_id: row.id.clone() });
        rows.push(row);
    }
    audit_event::Entity::insert_many(rows).exec_without_returning(tx).await?;
    audit_pending::Entity::insert_many(pending).exec_without_returning(tx).await?;
    Ok(())
}

fn row(moment: &Moment<'_>, caller: &Caller, event: Event) -> Result<audit_event::ActiveModel, Failure> {
    Ok(audit_event::ActiveModel {
        id: Set(AuditEventId::new(moment.new_uuid()?)),
        at: Set(moment.now),
        actor_kind: Set(caller.actor.kind().to_owned()),
        actor_id: Set(caller.actor.id()),
        action: Set(event.action.to_owned()),
        subject: Set(event.subject),
        license_id: Set(event.license),
        detail: Set(event.detail),
        ip: Set(caller.ip.map(|ip| ip.to_string())),
        request_id: Set(caller.request_id.clone()),
        // Whatever somebody does who is bounded by one group, he does in it.
        group_id: Set(event.group.or_else(|| caller.actor.groups()?.only())),
    })
}

/// The newest signed checkpoint, to be kept elsewhere.
///
/// # Errors
/// When the database fails.
pub async fn checkpoint(ctx: &Context) -> Result<Option<String>, Failure> {
    Ok(checkpoints::newest(ctx).await?.map(|checkpoint| checkpoint.signed))
}
