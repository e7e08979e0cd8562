//! What is stored, as far as it is compared with what clients were told.

use licentia_crypto::nonces::Nonce;
use licentia_domain::audit;
use licentia_domain::context::Context;
use licentia_domain::jobs::{self, Job};
use licentia_entity::license::Status;
use licentia_entity::{activation, audit_event, event, license};
use licentia_types::activations::ActivationStatus;
use licentia_types::ids::{ActivationId, LicenseId};
use sea_orm::EntityTrait;

#[derive(Clone, Debug)]
pub(crate) struct LicenseRow {
    pub(crate) id: LicenseId,
    /// The Idempotency-Key under which it was asked for.
    pub(crate) note: String,
    pub(crate) seats: Option<u32>,
    pub(crate) seats_used: u32,
    pub(crate) revoked: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct MachineRow {
    pub(crate) id: ActivationId,
    pub(crate) license: LicenseId,
    pub(crate) fingerprint: String,
    /// Where its chain stands.
    pub(crate) place: Nonce,
    pub(crate) holds_seat: bool,
    pub(crate) deactivated: bool,
}

/// A line of the audit log, or an event for others.
pub(crate) type Note = (String, String);

#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) licenses: Vec<LicenseRow>,
    pub(crate) machines: Vec<MachineRow>,
    /// Action and subject of each entry of the audit log.
    pub(crate) audit: Vec<Note>,
    /// Kind and subject of each event.
    pub(crate) events: Vec<Note>,
    /// What is wrong with the chain of the audit log.
    pub(crate) audit_findings: Vec<String>,
}

impl Snapshot {
    /// Reads everything, and walks the audit log, whose last entries are sealed first.
    pub(crate) async fn read(ctx: &Context) -> anyhow::Result<Self> {
        jobs::run(ctx, Job::SealAudit).await?;
        let report = audit::verify(ctx, None, &|_| {}).await?;
        let licenses = license::Entity::find().all(&ctx.db).await?;
        let machines = activation::Entity::find().all(&ctx.db).await?;
        let audit = audit_event::Entity::find().all(&ctx.db).await?;
        let events = event::Entity::find().all(&ctx.db).await?;
        Ok(Self {
            licenses: licenses.into_iter().map(license_row).collect::<Result<_, _>>()?,
            machines: machines.iter().map(machine_row).collect::<Result<_, _>>()?,
            audit: audit.into_iter().map(|row| (row.action, row.subject)).collect(),
            events: events.into_iter().map(|row| (row.kind, row.subject)).collect(),
            audit_findings: report.findings.iter().map(|finding| format!("{finding:?}")).collect(),
        })
    }
}

fn license_row(row: license::Model) -> anyhow::Result<LicenseRow> {
    Ok(LicenseRow {
        id: row.id,
        note: row.notes.map(|note| note.to_string()).unwrap_or_default(),
        seats: row.max_activations.number(),
        seats_used: u32::try_from(row.seats_used)?,
        revoked: row.status == Status::Revoked,
    })
}

fn machine_row(row: &activation::Model) -> anyhow::Result<MachineRow> {
    let place = Nonce { epoch: u32::try_from(row.epoch)?, generation: u64::try_from(row.generation)? };
    Ok(MachineRow {
        id: row.id,
        license: row.license_id,
        fingerprint: row.fingerprint.to_string(),
        place,
        holds_seat: row.holds_seat,
        deactivated: row.status == ActivationStatus::Deactivated,
    })
}
