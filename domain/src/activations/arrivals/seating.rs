//! Who of a batch has a seat: judged one after the other, by the licences as they are held.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use licentia_entity::activation;
use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::products::FirstActivation;
use licentia_types::seats::Seats as SeatCount;
use licentia_types::text::Fingerprint;

use super::Arrival;
use super::store::{Busy, Held};
use crate::activations::activate::refresh;
use crate::activations::grant::Grant;
use crate::activations::identify::blank;
use crate::actors::{Actor, Caller};
use crate::context::{Context, Moment};
use crate::failure::Failure;
use crate::licenses::grants::Granted;
use crate::signing_keys::SigningKey;

/// A machine that has its seat once it is written.
#[derive(Debug)]
pub(super) struct Seated {
    pub(super) caller: Caller,
    pub(super) machine: activation::Model,
    pub(super) grant: Grant,
    pub(super) seats: SeatCount,
    /// Whether its seat was the last one.
    pub(super) fills: bool,
    /// The row that keeps what its token claims; none as long as no token did.
    pub(super) claim_set: Option<i64>,
}

/// The licences of a batch, while its machines are seated.
pub(super) struct Seating<'a> {
    ctx: &'a Context,
    moment: &'a Moment<'a>,
    signing_key: &'a SigningKey,
    held: HashMap<Vec<u8>, Held>,
    granted: HashMap<LicenseId, Arc<Granted>>,
    busy: HashSet<LicenseId>,
    known: HashSet<(LicenseId, Fingerprint)>,
}

impl<'a> Seating<'a> {
    pub(super) fn of(
        ctx: &'a Context,
        moment: &'a Moment<'a>,
        signing_key: &'a SigningKey,
        (held, granted): (Vec<Held>, HashMap<LicenseId, Arc<Granted>>),
        Busy { licenses, machines }: Busy,
    ) -> Self {
        let held = held.into_iter().map(|held| (held.key_digest.clone(), held)).collect();
        Self { ctx, moment, signing_key, held, granted, busy: licenses, known: machines }
    }

    /// The licences as they are now.
    pub(super) fn into_held(self) -> Vec<Held> {
        self.held.into_values().collect()
    }

    /// Seats a machine; none where there is more to it.
    pub(super) fn seat(&mut self, arrival: &Arrival) -> Result<Option<Seated>, Failure> {
        let Some(held) = self.held.get_mut(&arrival.key_digest) else { return Ok(None) };
        let license = held.grant.license;
        let Some(granted) = self.granted.get(&license).filter(|granted| granted.name() == held.grant) else {
            return Ok(None);
        };
        if self.busy.contains(&license) || !is_simple(granted, held, arrival) {
            return Ok(None);
        }
        let now = self.moment.now;
        let Ok(grant) = Grant::at(self.ctx, Arc::clone(granted), now) else { return Ok(None) };
        let Some(seats) = held.with_another(grant.limits().max_activations) else { return Ok(None) };
        // Whoever comes twice at once is known the second time.
        if !self.known.insert((license, arrival.request.fingerprint.clone())) {
            return Ok(None);
        }
        held.take(seats);
        let id = ActivationId::new(self.moment.new_uuid()?);
        let mut machine = blank(id, license, &arrival.request.fingerprint, None, now);
        machine.user_ref.clone_from(&arrival.request.user_ref);
        machine.tenant_ref.clone_from(&arrival.request.tenant_ref);
        machine.environment.clone_from(&arrival.request.environment);
        machine.holds_seat = true;
        refresh(&mut machine, &arrival.request, &arrival.caller, now);
        grant.promise(&mut machine, self.signing_key, now);
        machine.claim_set_id = held.claim_set.unwrap_or_default();
        let fills = seats.limit == Some(seats.used);
        let caller = arrival.caller.acting_as(Actor::Machine(license));
        Ok(Some(Seated { caller, machine, grant, seats, fills, claim_set: held.claim_set }))
    }
}

/// Whether a seat is all that the machine needs, and nobody else is concerned.
fn is_simple(granted: &Granted, held: &Held, arrival: &Arrival) -> bool {
    let (license, limits) = (&granted.license, granted.entitlements.limits);
    let replaces = granted.product.one_active_key && held.has_siblings;
    let environment = arrival.request.environment.as_ref();
    let free = environment.is_some_and(|name| granted.claim_set.free_environments.contains_key(name));
    let counted = limits.max_users.is_some() || limits.max_tenants.is_some();
    let waits = granted.product.first_activation == FirstActivation::OwnerApproval;
    let begins = !held.was_activated && (license.awaits_start || replaces || waits);
    !(license.trial || begins || free || counted)
}
