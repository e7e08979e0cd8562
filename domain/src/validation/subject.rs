//! Whom a verdict is on, and what is read to give it.

use std::sync::Arc;

use licentia_entity::{activation, license};
use licentia_types::activations::ActivationStatus;
use licentia_types::seats::Seats;
use licentia_types::text::{Key, ProductVersion};
use licentia_types::time::Timestamp;
use licentia_types::validation::ValidateResponse;

use super::rules::{Coverage, Credential, Facts, Machine, judge};
use crate::context::Context;
use crate::failure::Failure;
use crate::licenses;
use crate::licenses::grants::{self, Granted};
use crate::scope::Scope;
use crate::tokens::{self, Entitlements};
use crate::{activations, assemblies, releases};

/// What is asked of a licence and its machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Question<'a> {
    /// The feature that is about to be used.
    pub(crate) action: Option<&'a Key>,
    /// The version that is about to run; absent: the one that the machine last told.
    pub(crate) version: Option<&'a ProductVersion>,
    /// Whether every rule is told.
    pub(crate) explain: bool,
}

/// Which machine is meant.
#[derive(Clone, Debug)]
pub(crate) enum About {
    /// None: the licence alone is judged.
    License,
    /// One that is known.
    Machine(Box<activation::Model>),
    /// One that the licence never had.
    Stranger,
}

impl About {
    /// The machine that was asked for, or that there is none such.
    pub(crate) fn asked(machine: Option<activation::Model>) -> Self {
        machine.map_or(Self::Stranger, |machine| Self::Machine(Box::new(machine)))
    }

    pub(crate) fn machine(&self) -> Option<&activation::Model> {
        match self {
            Self::Machine(machine) => Some(machine),
            Self::License | Self::Stranger => None,
        }
    }
}

/// When a licence expires, as its token tells it: in whole seconds.
fn told_by(credential: Credential, expires_at: Option<Timestamp>) -> Option<Timestamp> {
    match credential {
        Credential::Key => expires_at,
        Credential::Token | Credential::BadToken(_) => {
            expires_at.map(|at| Timestamp::from_seconds(at.seconds()))
        }
    }
}

/// A licence, and which of its machines.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) granted: Arc<Granted>,
    /// Seats of the licence that are taken, in the same instant.
    pub(crate) seats_used: i32,
    pub(crate) about: About,
}

impl Subject {
    /// A licence that was read just now.
    pub(crate) async fn of(ctx: &Context, license: license::Model, about: About) -> Result<Self, Failure> {
        let seats_used = license.seats_used;
        Ok(Self { granted: grants::of_license(ctx, &ctx.db, license).await?, seats_used, about })
    }

    pub(crate) fn license(&self) -> &license::Model {
        &self.granted.license
    }

    /// The verdict with every rule, as support asks for it: by somebody who may see the licence.
    pub(crate) async fn explained(&self, ctx: &Context, now: Timestamp) -> Result<ValidateResponse, Failure> {
        let question = Question { explain: true, ..Question::default() };
        self.verdict(ctx, now, Credential::Key, question).await
    }

    /// Reads what there is to judge by, and judges.
    pub(super) async fn verdict(
        &self,
        ctx: &Context,
        now: Timestamp,
        credential: Credential,
        question: Question<'_>,
    ) -> Result<ValidateResponse, Failure> {
        let entitlements = &self.granted.entitlements;
        let facts = self.facts(ctx, now, question).await?;
        let judgement = judge(credential, Some(&facts));
        Ok(ValidateResponse {
            valid: judgement.is_valid(),
            code: judgement.code(),
            reasons: judgement.reasons(),
            tier: Some(entitlements.tier.clone()),
            features: entitlements.features.clone(),
            expires_at: told_by(credential, self.license().expires_at),
            license_id: Some(self.license().id),
            activation_id: self.about.machine().map(|machine| machine.id),
            rules: question.explain.then(|| judgement.into_rules()),
        })
    }

    async fn facts(&self, ctx: &Context, now: Timestamp, question: Question<'_>) -> Result<Facts, Failure> {
        let Granted { license, entitlements, .. } = &*self.granted;
        let (machine, seats) = self.machine(ctx, now, entitlements, question.explain).await?;
        let unapproved = match self.about.machine() {
            None => None,
            Some(machine) => Box::pin(assemblies::unapproved(ctx, machine, now)).await?,
        };
        Ok(Facts {
            now,
            status: licenses::status(license, now),
            suspended_at: license.suspended_at,
            revoked_at: license.revoked_at,
            grace_until: license.grace_until,
            expires_at: license.expires_at,
            ends_at: tokens::license_end(license.expires_at, entitlements.times),
            machine,
            seats,
            heartbeat_interval: entitlements.times.heartbeat_interval,
            offline_grace: entitlements.times.offline_grace,
            unapproved,
            coverage: self.coverage(ctx, now, question.version).await?,
            action: question.action.cloned(),
            features: entitlements.features.clone(),
        })
    }

    /// Seats are counted where a machine would need one, or all is explained.
    async fn machine(
        &self,
        ctx: &Context,
        now: Timestamp,
        entitlements: &Entitlements,
        explain: bool,
    ) -> Result<(Machine, Option<Seats>), Failure> {
        let limit = entitlements.limits.max_activations;
        let settled = match &self.about {
            About::License => Some(Machine::NotAsked),
            About::Stranger => None,
            About::Machine(machine) => match activations::status_at(machine, now) {
                ActivationStatus::Active => Some(Machine::Active {
                    liveness: activations::liveness_of(
                        machine,
                        machine.last_contact_at,
                        now,
                        entitlements.times,
                    ),
                    last_contact_at: machine.last_contact_at,
                }),
                ActivationStatus::Revoked => {
                    Some(Machine::Revoked { at: machine.revoked_at, grace_until: machine.grace_until })
                }
                ActivationStatus::Deactivated | ActivationStatus::Lapsed => None,
            },
        };
        if let Some(machine) = settled {
            let seats = if explain { Some(self.seats(ctx, now, limit).await?) } else { None };
            return Ok((machine, seats));
        }
        let seats = self.seats(ctx, now, limit).await?;
        let any_free = limit.is_none_or(|limit| seats.used < limit);
        let machine = match &self.about {
            About::Machine(machine) => Machine::Inactive {
                status: activations::status_at(machine, now),
                // It comes back on the seat that it still holds, or to a free place.
                seat_free: any_free || machine.holds_seat || machine.free_environment.is_some(),
            },
            About::License | About::Stranger => {
                let scope = Scope::License(self.license().id);
                let others = activations::store::any_active(&ctx.db, scope).await?;
                Machine::Stranger { others, seat_free: any_free }
            }
        };
        Ok((machine, Some(seats)))
    }

    async fn seats(&self, ctx: &Context, now: Timestamp, limit: Option<u32>) -> Result<Seats, Failure> {
        let due = activations::store::seats_due(&ctx.db, &[self.license().id], now).await?;
        let used = u32::try_from(self.seats_used).unwrap_or_default();
        let used = used.saturating_sub(due.get(&self.license().id).copied().unwrap_or_default());
        Ok(Seats { used, limit })
    }

    /// Versions are looked up only where the licence limits them.
    async fn coverage(
        &self,
        ctx: &Context,
        now: Timestamp,
        version: Option<&ProductVersion>,
    ) -> Result<Option<Coverage>, Failure> {
        let Some(updates_until) = self.license().updates_until else { return Ok(None) };
        let told = || self.about.machine().and_then(|machine| machine.product_version.as_ref());
        let version = match version.or_else(told) {
            None => None,
            Some(version) => {
                Some(releases::date(&ctx.db, self.license().product_id, version.clone(), now).await?)
            }
        };
        Ok(Some(Coverage { updates_until, version }))
    }
}
