//! What the letter of an event says.

use licentia_entity::{activation, activation_claim, event, license, product};
use licentia_types::ids::{ActivationClaimId, ActivationId};
use licentia_types::time::Timestamp;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};
use serde_json::{Value, json};

use super::Template;
use crate::context::Context;
use crate::events::Kind;
use crate::failure::Failure;
use crate::licenses::keys;

/// What an event was about.
pub(super) struct Facts {
    pub(super) license: license::Model,
    pub(super) product: product::Model,
}

/// The template of an event's letter with its values; none where there is nothing to write.
pub(super) async fn letter(
    ctx: &Context,
    db: &impl ConnectionTrait,
    event: &event::Model,
    facts: &Facts,
) -> Result<Option<(Template, Value)>, Failure> {
    let Some(kind) = Kind::ALL.iter().find(|kind| kind.as_str() == event.kind) else { return Ok(None) };
    let Facts { license, product } = facts;
    let (name, id, masked) = (product.name.as_str(), license.id, license.key_masked.as_str());
    let expires_on = of_member(event, "expiresAt");
    let written = match kind {
        // Nobody is sent the key of what was taken back since.
        Kind::LicenseIssued if license.status == license::Status::Revoked => return Ok(None),
        Kind::LicenseIssued => {
            // A key that was taken in as a digest is known to its owner only.
            let key = if keys::is_kept(license) { Some(keys::open(ctx, license)?) } else { None };
            let values = json!({"product": name, "license": id, "key": key, "expiresOn": expires_on, "trial": license.trial});
            (Template::LicenseIssued, values)
        }
        Kind::LicenseExpiring => {
            let days = event.data.get("daysLeft").and_then(Value::as_u64).unwrap_or_default();
            let values = json!({"product": name, "license": id, "maskedKey": masked, "days": days, "expiresOn": expires_on});
            (Template::LicenseExpiring, values)
        }
        Kind::LicenseExpired => {
            let values =
                json!({"product": name, "license": id, "maskedKey": masked, "expiresOn": expires_on});
            (Template::LicenseExpired, values)
        }
        Kind::LicenseRevoked => {
            (Template::LicenseRevoked, json!({"product": name, "license": id, "maskedKey": masked}))
        }
        Kind::SeatsFull => {
            let seats = event.data.pointer("/seats/limit").and_then(Value::as_u64);
            let values = json!({"product": name, "license": id, "maskedKey": masked, "seats": seats});
            (Template::SeatsFull, values)
        }
        Kind::CloneSuspected => {
            let hostname = machine(db, event).await?;
            let values = json!({"product": name, "license": id, "maskedKey": masked, "hostname": hostname});
            (Template::CloneSuspected, values)
        }
        Kind::ActivationClaimRequested => {
            let hostname = waiting_machine(db, event).await?;
            let values = json!({"product": name, "license": id, "maskedKey": masked, "hostname": hostname});
            (Template::MachineWaiting, values)
        }
        _ => return Ok(None),
    };
    Ok(Some(written))
}

/// The day of an instant that an event tells.
fn of_member(event: &event::Model, name: &str) -> Option<String> {
    let at: Timestamp = event.data.get(name)?.as_str()?.parse().ok()?;
    at.to_string().split('T').next().map(str::to_owned)
}

async fn machine(db: &impl ConnectionTrait, event: &event::Model) -> Result<Option<String>, DbErr> {
    let Ok(id) = event.subject.parse::<ActivationId>() else { return Ok(None) };
    let machine = activation::Entity::find_by_id(id).one(db).await?;
    Ok(machine.and_then(|machine| machine.hostname).map(String::from))
}

async fn waiting_machine(db: &impl ConnectionTrait, event: &event::Model) -> Result<Option<String>, DbErr> {
    let Ok(id) = event.subject.parse::<ActivationClaimId>() else { return Ok(None) };
    let claim = activation_claim::Entity::find_by_id(id).one(db).await?;
    Ok(claim.and_then(|claim| claim.hostname).map(String::from))
}
