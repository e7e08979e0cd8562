//! The verdict: a pure function of the facts. One table gives the reasons and explains them.

use licentia_types::activations::{ActivationStatus, Liveness};
use licentia_types::assemblies::Assembly;
use licentia_types::licenses::LicenseStatus;
use licentia_types::seats::Seats;
use licentia_types::text::Key;
use licentia_types::time::{Seconds, Timestamp};
use licentia_types::validation::{Rule, RuleVerdict, ValidationCode};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

use crate::releases::Dated;

#[cfg(test)]
mod tests;

/// How the licence was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// By its key.
    Key,
    /// By a good token.
    Token,
    /// By a token that is not good, and why.
    BadToken(&'static str),
}

/// What is known of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// The licence alone is judged.
    NotAsked,
    /// It is active, and last called then.
    Active { liveness: Liveness, last_contact_at: Timestamp },
    /// It was taken back.
    Revoked { at: Option<Timestamp>, grace_until: Option<Timestamp> },
    /// It was active once.
    Inactive { status: ActivationStatus, seat_free: bool },
    /// It never was. Whether others are, and whether it could be.
    Stranger { others: bool, seat_free: bool },
}

impl Machine {
    const fn status(self) -> Option<ActivationStatus> {
        match self {
            Self::NotAsked | Self::Stranger { .. } => None,
            Self::Active { .. } => Some(ActivationStatus::Active),
            Self::Revoked { .. } => Some(ActivationStatus::Revoked),
            Self::Inactive { status, .. } => Some(status),
        }
    }

    const fn liveness(self) -> Option<Liveness> {
        match self {
            Self::Active { liveness, .. } => Some(liveness),
            _ => None,
        }
    }

    const fn last_contact_at(self) -> Option<Timestamp> {
        match self {
            Self::Active { last_contact_at, .. } => Some(last_contact_at),
            _ => None,
        }
    }

    /// None: it needs none.
    const fn seat_free(self) -> Option<bool> {
        match self {
            Self::Inactive { seat_free, .. } | Self::Stranger { seat_free, .. } => Some(seat_free),
            _ => None,
        }
    }
}

/// The right to updates, and the version that it is held against.
#[derive(Clone, Debug)]
pub(super) struct Coverage {
    /// First instant at which a new version is not covered.
    pub(super) updates_until: Timestamp,
    /// None: no version is known.
    pub(super) version: Option<Dated>,
}

/// What is known of a licence, its machine and the question.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) now: Timestamp,
    pub(super) status: LicenseStatus,
    pub(super) suspended_at: Option<Timestamp>,
    pub(super) revoked_at: Option<Timestamp>,
    pub(super) grace_until: Option<Timestamp>,
    pub(super) expires_at: Option<Timestamp>,
    /// The expiry and its grace.
    pub(super) ends_at: Option<Timestamp>,
    pub(super) machine: Machine,
    /// None: not counted, as nobody needs one.
    pub(super) seats: Option<Seats>,
    pub(super) heartbeat_interval: Seconds,
    pub(super) offline_grace: Seconds,
    /// The first build that the machine activated with and that is not approved any more.
    pub(super) unapproved: Option<Assembly>,
    /// None: versions are not limited.
    pub(super) coverage: Option<Coverage>,
    pub(super) action: Option<Key>,
    pub(super) features: BTreeSet<Key>,
}

/// The verdict.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    rules: Vec<RuleVerdict>,
    fault: Option<&'static str>,
}

/// Judges by every rule that there is something for.
pub(super) fn judge(credential: Credential, facts: Option<&Facts>) -> Judgement {
    let apply = |rule: &Rule| {
        let (passed, inputs) = match (*rule, credential) {
            (Rule::TokenValid, Credential::Token) => (true, json!({})),
            (Rule::TokenValid, Credential::BadToken(fault)) => (false, json!({"fault": fault})),
            (Rule::TokenValid, Credential::Key) | (_, Credential::BadToken(_)) => return None,
            (Rule::LicenseKnown, _) => (facts.is_some(), json!({})),
            (rule, _) => facts?.judge(rule),
        };
        Some(RuleVerdict { rule: *rule, passed, inputs: members(inputs) })
    };
    let fault = match credential {
        Credential::BadToken(fault) => Some(fault),
        Credential::Key | Credential::Token => None,
    };
    Judgement { rules: Rule::ALL.iter().filter_map(apply).collect(), fault }
}

fn members(inputs: Value) -> Map<String, Value> {
    match inputs {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

impl Judgement {
    /// The codes of what does not hold, gravest first; none when all is well.
    pub(super) fn codes(&self) -> impl Iterator<Item = ValidationCode> {
        self.rules.iter().filter(|judged| !judged.passed).map(|judged| judged.rule.code())
    }

    /// The verdict in one word.
    pub(super) fn code(&self) -> ValidationCode {
        self.codes().next().unwrap_or(ValidationCode::Valid)
    }

    /// Whether every grave rule holds.
    pub(super) fn is_valid(&self) -> bool {
        !self.codes().any(ValidationCode::is_grave)
    }

    /// As the answer tells them.
    pub(super) fn reasons(&self) -> Vec<String> {
        self.codes().map(ValidationCode::as_str).chain(self.fault).map(str::to_owned).collect()
    }

    /// Every rule, in the order judged.
    pub(super) fn into_rules(self) -> Vec<RuleVerdict> {
        self.rules
    }
}

impl Facts {
    /// Whether a rule holds, and what it was judged by. Inputs hold nothing that the holder of the
    /// key or token may not know: no people, no reasons, no other machines.
    fn judge(&self, rule: Rule) -> (bool, Value) {
        match rule {
            // Judged before there were facts.
            Rule::TokenValid | Rule::LicenseKnown => (true, json!({})),
            Rule::NotRevoked => self.not_revoked(),
            Rule::NotSuspended => (
                self.status != LicenseStatus::Suspended,
                json!({"licenseStatus": self.status, "suspendedAt": self.suspended_at}),
            ),
            Rule::NotExpired => (
                self.ends_at.is_none_or(|end| self.now < end),
                json!({"expiresAt": self.expires_at, "endsAt": self.ends_at, "now": self.now}),
            ),
            Rule::Activated => (
                !matches!(self.machine, Machine::Inactive { .. } | Machine::Stranger { others: false, .. }),
                json!({"activationStatus": self.machine.status()}),
            ),
            Rule::FingerprintMatches => {
                let elsewhere = matches!(self.machine, Machine::Stranger { others: true, .. });
                (!elsewhere, json!({"othersActive": elsewhere}))
            }
            Rule::SeatFree => self.seat_free(),
            Rule::WithinOfflineGrace => (
                self.machine.liveness() != Some(Liveness::GraceExpired),
                self.contact("offlineGrace", self.offline_grace),
            ),
            Rule::AssembliesApproved => self.assemblies_approved(),
            Rule::VersionCovered => self.version_covered(),
            Rule::FeatureIncluded => (
                self.action.as_ref().is_none_or(|action| self.features.contains(action)),
                json!({"action": self.action, "features": self.features}),
            ),
            Rule::NoGraceNeeded => self.no_grace_needed(),
            Rule::HeartbeatInTime => (
                self.machine.liveness().is_none_or(|liveness| liveness == Liveness::Active),
                self.contact("heartbeatInterval", self.heartbeat_interval),
            ),
        }
    }

    fn not_revoked(&self) -> (bool, Value) {
        let (machine_at, machine_grace) = match self.machine {
            Machine::Revoked { at, grace_until } => (at, grace_until),
            _ => (None, None),
        };
        let inputs = json!({
            "licenseStatus": self.status,
            "revokedAt": self.revoked_at,
            "graceUntil": self.grace_until,
            "activationStatus": self.machine.status(),
            "activationRevokedAt": machine_at,
            "activationGraceUntil": machine_grace,
        });
        (self.status != LicenseStatus::Revoked && !matches!(self.machine, Machine::Revoked { .. }), inputs)
    }

    fn seat_free(&self) -> (bool, Value) {
        let inputs = json!({
            "seatNeeded": self.machine.seat_free().is_some(),
            "used": self.seats.map(|seats| seats.used),
            "limit": self.seats.and_then(|seats| seats.limit),
        });
        (self.machine.seat_free().unwrap_or(true), inputs)
    }

    fn assemblies_approved(&self) -> (bool, Value) {
        let unapproved = self.unapproved.as_ref();
        let inputs = json!({
            "assemblyName": unapproved.map(|assembly| &assembly.assembly_name),
            "version": unapproved.map(|assembly| &assembly.version),
            "sha256": unapproved.map(|assembly| &assembly.sha256),
        });
        (unapproved.is_none(), inputs)
    }

    fn version_covered(&self) -> (bool, Value) {
        let updates_until = self.coverage.as_ref().map(|coverage| coverage.updates_until);
        let dated = self.coverage.as_ref().and_then(|coverage| coverage.version.as_ref());
        let inputs = json!({
            "updatesUntil": updates_until,
            "productVersion": dated.map(|dated| &dated.version),
            "date": dated.map(|dated| dated.at),
            "dateFrom": dated.map(|dated| dated.from.as_str()),
        });
        let covered = match (updates_until, dated) {
            (Some(until), Some(dated)) => dated.at < until,
            _ => true,
        };
        (covered, inputs)
    }

    fn no_grace_needed(&self) -> (bool, Value) {
        let in_expiry_grace =
            self.status == LicenseStatus::Expired && self.ends_at.is_none_or(|end| self.now < end);
        let inputs = json!({
            "licenseStatus": self.status,
            "expiresAt": self.expires_at,
            "endsAt": self.ends_at,
            "liveness": self.machine.liveness(),
        });
        (!in_expiry_grace && self.machine.liveness() != Some(Liveness::Grace), inputs)
    }

    fn contact(&self, deadline: &str, length: Seconds) -> Value {
        json!({
            "liveness": self.machine.liveness(),
            "lastContactAt": self.machine.last_contact_at(),
            deadline: length,
            "now": self.now,
        })
    }
}
