//! The machine that a file is for: known or new, with a place of its own like every other.

use licentia_entity::activation;
use licentia_types::activations::{ActivationKind, ActivationStatus};
use licentia_types::ids::ActivationId;
use licentia_types::time::Timestamp;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;

use super::request::Described;
use crate::activations::seats::{FreePlaces, Seats};
use crate::activations::{self, ActivationError, Told, store};
use crate::actors::Caller;
use crate::audit;
use crate::context::Moment;
use crate::database::WriteTx;
use crate::events::{self, Kind};
use crate::failure::Failure;
use crate::heartbeats::chain::Chain;
use crate::scope::Scope;
use crate::status_lists;

/// How a machine comes to its file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coming {
    First,
    /// It gave its seat back before.
    Back,
    /// Its lease had ended, or its last file.
    Revived,
    /// It has its place.
    Staying,
}

/// The machine's row as it will be, and how it comes. The licence's row is held, and what was due is
/// written.
pub(super) async fn come(
    tx: &WriteTx,
    moment: &Moment<'_>,
    seats: &Seats<'_>,
    described: &Described,
) -> Result<(activation::Model, Coming), ActivationError> {
    let (license, fingerprint) = (seats.license().id, &described.fingerprint);
    let scope = Scope::License(license);
    let Some(known) = store::find_instance(tx, scope.clone(), fingerprint, None).await? else {
        activations::expect_unblocked(tx, scope, fingerprint).await?;
        let id = ActivationId::new(moment.new_uuid()?);
        let mut machine = activations::blank(id, license, fingerprint, None, moment.now);
        machine.kind = ActivationKind::Offline;
        return Ok((machine, Coming::First));
    };
    let mut machine = store::hold(tx, known.id).await?.ok_or(Failure::Corrupt("activation"))?;
    activations::expect_unblocked(tx, scope, fingerprint).await?;
    let coming = match activations::status_at(&machine, moment.now) {
        ActivationStatus::Active => Coming::Staying,
        ActivationStatus::Lapsed => Coming::Revived,
        ActivationStatus::Revoked => return Err(ActivationError::Blocked),
        ActivationStatus::Deactivated => {
            Chain::of(&machine)?.next_epoch(None, moment.now).write_to(&mut machine)?;
            machine.kind = ActivationKind::Offline;
            machine.seat_frees_at = None;
            machine.revoked_by = None;
            Coming::Back
        }
    };
    machine.status = ActivationStatus::Active;
    Ok((machine, coming))
}

/// Gives the machine a place where its environment says, or fails; it is as it is described afterwards.
/// What is not said stays.
pub(super) async fn settle(
    tx: &WriteTx,
    seats: &mut Seats<'_>,
    free: &FreePlaces,
    machine: &mut activation::Model,
    (described, coming): (&Described, Coming),
    now: Timestamp,
) -> Result<(), ActivationError> {
    let former = (machine.user_ref.clone(), machine.tenant_ref.clone());
    machine.hostname = described.hostname.clone().or_else(|| machine.hostname.take());
    machine.environment = described.environment.clone().or_else(|| machine.environment.take());
    machine.product_version = described.product_version.clone().or_else(|| machine.product_version.take());
    machine.user_ref = described.user_ref.clone().or_else(|| machine.user_ref.take());
    machine.tenant_ref = described.tenant_ref.clone().or_else(|| machine.tenant_ref.take());
    let seated = seats.settle(machine, free).await? || coming != Coming::Staying;
    if machine.holds_seat && (seated || machine.user_ref != former.0) {
        seats.admit_user(machine).await?;
    }
    if machine.holds_seat && (seated || machine.tenant_ref != former.1) {
        seats.admit_tenant(machine).await?;
    }
    if matches!(coming, Coming::First | Coming::Back) {
        status_lists::take_place(tx, machine, now).await?;
    }
    Ok(())
}

/// It keeps its place for as long as the file is good: none ends before.
pub(super) fn hold_until(machine: &mut activation::Model, expires: Timestamp, now: Timestamp) {
    let until = machine.offline_until.map_or(expires, |until| until.max(expires));
    machine.offline_until = Some(until);
    machine.floating |= machine.kind == ActivationKind::Offline;
    if machine.floating {
        machine.lease_until = Some(machine.lease_until.map_or(until, |lease| lease.max(until)));
    }
    machine.updated_at = now;
    machine.version += 1;
}

/// Writes the machine, and tells of it where it took a place.
pub(super) async fn write(
    tx: &WriteTx,
    moment: &Moment<'_>,
    caller: &Caller,
    seats: &Seats<'_>,
    (machine, coming): (activation::Model, Coming),
) -> Result<activation::Model, Failure> {
    let license = seats.license();
    let row = machine.into_active_model().reset_all();
    let machine = match coming {
        Coming::First => row.insert(tx).await?,
        Coming::Back | Coming::Revived | Coming::Staying => row.update(tx).await?,
    };
    let free = &machine.free_environment;
    let action = match coming {
        Coming::First => "activation.created",
        Coming::Back => "activation.returned",
        Coming::Revived => {
            let detail = json!({"freeEnvironment": free});
            let told = Told { kind: Kind::ActivationRevived, machine: machine.id, license, detail };
            activations::tell(tx, moment, caller, told).await?;
            return Ok(machine);
        }
        Coming::Staying => return Ok(machine),
    };
    let detail = json!({"kind": machine.kind});
    let event = audit::Event::new(action, &machine.id, detail).of_license(license.id);
    audit::record(tx, moment, caller, event).await?;
    let detail = json!({"returning": coming == Coming::Back, "freeEnvironment": free, "kind": machine.kind});
    let event = events::Event::new(Kind::ActivationCreated, &machine.id, detail).of_license(license);
    events::record(tx, moment, event).await?;
    Ok(machine)
}
