//! Machines that are imported together with their licence: each has its place before it comes for the
//! first time. No token of theirs was ever signed, which is what [`super::identify`] knows them by.

use std::collections::{BTreeMap, BTreeSet};

use licentia_entity::{activation, license};
use licentia_types::ids::ActivationId;
use licentia_types::imports::ImportedMachine;
use licentia_types::text::{Environment, Fingerprint, Instance, Reference};
use licentia_types::tiers::ActivationModel;

use super::identify::blank;
use super::rules::hold_lease;
use crate::context::Moment;
use crate::failure::Failure;
use crate::tokens::Entitlements;

/// Why a machine has no place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPlace {
    /// More machines than seats.
    #[error("the licence has seats for {limit} machines")]
    Machines {
        /// How many.
        limit: u32,
    },
    /// More users than may sit there.
    #[error("the licence is for {limit} users")]
    Users {
        /// How many.
        limit: u32,
    },
    /// More tenants than may be served.
    #[error("the licence is for {limit} tenants")]
    Tenants {
        /// How many.
        limit: u32,
    },
    /// The same machine once more.
    #[error("the machine is there twice")]
    Twice,
    /// Replicas are told apart on floating licences only.
    #[error("instance is for floating licences")]
    Instance,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Failure),
}

crate::failure::failed_from!(NoPlace: crate::randomness::RandomnessExhausted);

/// The machines of a licence that nobody else knows yet, each in its place: their claim set, their place
/// in the status lists, and the licence's count of seats are the caller's to write. In error, which one it is.
pub(crate) fn seated(
    moment: &Moment<'_>,
    license: &license::Model,
    granted: &Entitlements,
    machines: Vec<ImportedMachine>,
) -> Result<Vec<activation::Model>, (usize, NoPlace)> {
    let mut places = Places::of(granted);
    let each = machines.into_iter().enumerate();
    each.map(|(index, machine)| places.seat(moment, license, machine).map_err(|no_place| (index, no_place)))
        .collect()
}

/// The places of a new licence.
struct Places<'a> {
    granted: &'a Entitlements,
    free: BTreeMap<Environment, u32>,
    known: BTreeSet<(Fingerprint, Option<Instance>)>,
    seats: u32,
    users: BTreeSet<Reference>,
    without_user: u32,
    tenants: BTreeSet<Reference>,
}

impl<'a> Places<'a> {
    fn of(granted: &'a Entitlements) -> Self {
        Self {
            free: granted.free_environments.clone(),
            granted,
            known: BTreeSet::new(),
            seats: 0,
            users: BTreeSet::new(),
            without_user: 0,
            tenants: BTreeSet::new(),
        }
    }

    fn seat(
        &mut self,
        moment: &Moment<'_>,
        license: &license::Model,
        machine: ImportedMachine,
    ) -> Result<activation::Model, NoPlace> {
        let floating = self.granted.activation_model == ActivationModel::Floating;
        if machine.instance.is_some() && !floating {
            return Err(NoPlace::Instance);
        }
        if !self.known.insert((machine.fingerprint.clone(), machine.instance.clone())) {
            return Err(NoPlace::Twice);
        }
        let free = self.take_free_place(machine.environment.as_ref());
        if !free {
            self.take_seat(&machine)?;
        }
        let id = ActivationId::new(moment.new_uuid().map_err(Failure::from)?);
        let mut row = activation::Model {
            holds_seat: !free,
            free_environment: machine.environment.clone().filter(|_| free),
            hostname: machine.hostname,
            environment: machine.environment,
            product_version: machine.product_version,
            user_ref: machine.user_ref,
            tenant_ref: machine.tenant_ref,
            version: 1,
            ..blank(id, license.id, &machine.fingerprint, machine.instance.as_ref(), moment.now)
        };
        hold_lease(&mut row, self.granted.activation_model, self.granted.times, moment.now);
        Ok(row)
    }

    fn take_free_place(&mut self, environment: Option<&Environment>) -> bool {
        let Some(left) = environment.and_then(|environment| self.free.get_mut(environment)) else {
            return false;
        };
        let free = *left > 0;
        *left = left.saturating_sub(1);
        free
    }

    /// Counted as an activation counts: a machine without a user is a user of its own.
    fn take_seat(&mut self, machine: &ImportedMachine) -> Result<(), NoPlace> {
        self.seats += 1;
        match &machine.user_ref {
            Some(user) => drop(self.users.insert(user.clone())),
            None => self.without_user += 1,
        }
        self.tenants.extend(machine.tenant_ref.clone());
        let users = count(&self.users).saturating_add(self.without_user);
        let over = |limit: Option<u32>, used: u32| limit.filter(|limit| used > *limit);
        let limits = self.granted.limits;
        if let Some(limit) = over(limits.max_activations, self.seats) {
            return Err(NoPlace::Machines { limit });
        }
        if let Some(limit) = over(limits.max_users, users) {
            return Err(NoPlace::Users { limit });
        }
        match over(limits.max_tenants, count(&self.tenants)) {
            Some(limit) => Err(NoPlace::Tenants { limit }),
            None => Ok(()),
        }
    }
}

fn count(references: &BTreeSet<Reference>) -> u32 {
    u32::try_from(references.len()).unwrap_or(u32::MAX)
}
