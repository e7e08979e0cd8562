//! The audit log: a row for each change, written in the change's own transaction.

use licentia_entity::audit_event;
use licentia_types::ids::{AuditEventId, LicenseId};
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::Value;

use crate::actors::Caller;
use crate::context::Moment;
use crate::database::WriteTx;
use crate::failure::Failure;

/// What was done to what. Holds no secret.
#[derive(Debug)]
pub struct Event {
    /// `license.issued`, `activation.created`, …
    pub action: &'static str,
    /// Id of what was changed.
    pub subject: String,
    /// The licence that it concerns.
    pub license: Option<LicenseId>,
    /// Before and after, or whatever else explains it.
    pub detail: Value,
}

impl Event {
    /// Something that was done to what `subject` names.
    pub fn new(action: &'static str, subject: &impl ToString, detail: Value) -> Self {
        Self { action, subject: subject.to_string(), license: None, detail }
    }

    /// The same, on the record of a licence.
    #[must_use]
    pub fn of_license(self, license: LicenseId) -> Self {
        Self { license: Some(license), ..self }
    }
}

/// Writes `event` down; it stands or falls with the transaction.
///
/// # Errors
/// When the database fails.
pub async fn record(tx: &WriteTx, moment: &Moment<'_>, caller: &Caller, event: Event) -> Result<(), Failure> {
    let row = audit_event::ActiveModel {
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
    };
    audit_event::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}
