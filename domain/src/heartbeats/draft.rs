//! A heartbeat as it was judged, about to be written.

use std::sync::Arc;

use licentia_entity::activation;
use licentia_types::activations::ActivationStatus;
use licentia_types::text::ProductVersion;
use licentia_types::time::Timestamp;
use licentia_types::usage::Day;
use serde_json::Value;

use super::contact::Contact;
use super::outcome::Rotated;
use super::queue::Beat;
use super::standing::{self, Standing};
use super::store::Rotation;
use super::worth::Worth;
use crate::activations::hold_lease;
use crate::audit;
use crate::context::{Context, Moment};
use crate::database::{Database, WriteTx};
use crate::failure::Failure;
use crate::signing_keys::SigningKey;
use crate::status_lists;
use crate::usage::{self, Count};

/// A heartbeat as it was judged, about to be written.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) beat: Arc<Beat>,
    pub(super) standing: Standing,
    /// The row as it shall be.
    pub(super) machine: activation::Model,
    pub(super) worth: Worth,
    pub(super) contact: Contact,
    pub(super) signing_key: Arc<SigningKey>,
}

impl Draft {
    /// The row after this contact, but for the claim set of its token.
    pub(super) fn of(
        beat: Arc<Beat>,
        standing: Standing,
        (worth, contact): (Worth, Contact),
        signing_key: &Arc<SigningKey>,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let mut machine = standing.machine.clone();
        contact.write_to(&mut machine, &beat.caller, &beat.request, now)?;
        let entitlements = &standing.granted.entitlements;
        if machine.status == ActivationStatus::Active {
            hold_lease(&mut machine, entitlements.activation_model, entitlements.times, now);
        }
        if let Some(window) = worth.window() {
            signing_key.kid().clone_into(&mut machine.kid);
            machine.token_iat = window.issued;
            machine.token_exp = window.expires;
            machine.claim_set_id = standing.claim_set.unwrap_or(machine.claim_set_id);
        }
        Ok(Self { beat, standing, machine, worth, contact, signing_key: Arc::clone(signing_key) })
    }

    /// Whether what its token will claim is kept nowhere yet.
    pub(super) fn lacks_claim_set(&self) -> bool {
        self.worth.window().is_some() && self.standing.claim_set.is_none()
    }

    /// Whether anything but the row is written: such a contact is rare.
    pub(super) fn leaves_notes(&self) -> bool {
        self.ends_former_places() || self.contact.is_remarkable(&self.worth)
    }

    /// Whether it reports usage that was not counted yet.
    pub(super) fn reports_usage(&self) -> bool {
        self.contact.rotates() && !self.beat.request.usage.is_empty()
    }

    /// What it reports, for the version that the machine told last. What is answered again was counted.
    pub(super) fn usage(&self, day: Day) -> Vec<Count> {
        if !self.reports_usage() {
            return Vec::new();
        }
        let version = self.machine.product_version.as_ref().map(ProductVersion::as_str);
        usage::reported(day, self.machine.license_id, version, &self.beat.request.usage).collect()
    }

    fn ends_former_places(&self) -> bool {
        self.worth.window().is_some() && self.machine.former_status_serial.is_some()
    }

    pub(super) fn rotation(&self) -> Rotation {
        let (seen, machine) = (&self.standing.machine, &self.machine);
        let minted = self.worth.window().is_some();
        Rotation {
            id: machine.id,
            epoch: seen.epoch,
            generation: seen.generation,
            status: seen.status,
            status_serial: seen.status_serial,
            license_version: self.standing.granted.license.version,
            catalogue_revision: self.standing.granted.product.catalogue_revision,
            next_epoch: machine.epoch,
            next_generation: machine.generation,
            request_digest: machine.request_digest.clone(),
            rotated_at: machine.rotated_at,
            late_generation: machine.late_generation,
            late_retries: machine.late_retries,
            contact_at: machine.last_contact_at,
            previous_contact_at: machine.previous_contact_at,
            floating: machine.floating,
            lease_until: machine.lease_until,
            ip: machine.ip.clone(),
            product_version: machine.product_version.as_ref().map(ToString::to_string),
            claim_set_id: minted.then_some(machine.claim_set_id),
            kid: minted.then(|| machine.kid.clone()),
            token_iat: minted.then_some(machine.token_iat),
            token_exp: minted.then_some(machine.token_exp),
        }
    }

    pub(super) fn into_rotated(self, now: Timestamp) -> Rotated {
        Rotated {
            now,
            machine: self.machine,
            granted: self.standing.granted,
            worth: self.worth,
            contact: self.contact,
            signing_key: self.signing_key,
            token: None,
        }
    }
}

/// Writes down, in the transaction that rotated these, what is remarkable about them.
pub(super) async fn note(
    tx: &WriteTx,
    moment: &Moment<'_>,
    drafts: &mut [&mut Draft],
) -> Result<(), Failure> {
    let replaced = drafts.iter_mut().filter(|draft| draft.ends_former_places());
    let replaced: Vec<_> = replaced.map(|draft| &mut draft.machine).collect();
    status_lists::end_former_places(tx, replaced, moment.now).await?;
    let events = |draft: &'_ Draft| draft.contact.events(&draft.machine, &draft.worth);
    let told =
        drafts.iter().flat_map(|draft| events(draft).into_iter().map(|event| (&draft.beat.caller, event)));
    audit::record_each(tx, moment, told.collect()).await?;
    for draft in drafts.iter() {
        let Some(detail) = draft.contact.suspicion() else { continue };
        suspect(tx, moment, draft, detail).await?;
    }
    Ok(())
}

async fn suspect(tx: &WriteTx, moment: &Moment<'_>, draft: &Draft, detail: Value) -> Result<(), Failure> {
    let (caller, license) = (&draft.beat.caller, &draft.standing.granted.license);
    super::contact::suspect(tx, moment, caller, &draft.machine, license, detail).await?;
    Ok(())
}

/// Finds, or keeps, what the tokens of these drafts will claim.
pub(super) async fn keep_claim_sets(
    ctx: &Context,
    db: &Database,
    moment: &Moment<'_>,
    drafts: impl Iterator<Item = &mut Draft>,
) -> Result<(), Failure> {
    let mut lacking: Vec<&mut Draft> = drafts.filter(|draft| draft.lacks_claim_set()).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let granted: Vec<_> = lacking.iter().map(|draft| &*draft.standing.granted).collect();
    let kept = standing::keep_claim_sets(ctx, db, moment, &granted).await?;
    for draft in &mut lacking {
        let id = kept.get(&draft.machine.license_id).ok_or(Failure::Corrupt("claim set"))?;
        draft.machine.claim_set_id = *id;
    }
    Ok(())
}
