//! What a contact is worth to a machine: a pure function of licence, machine and the time.

use licentia_entity::{activation, license};
use licentia_types::activations::ActivationStatus;
use licentia_types::heartbeats::HeartbeatStatus;
use licentia_types::licenses::LicenseStatus;
use licentia_types::time::{Seconds, Timestamp};

use crate::licenses;
use crate::tiers::Times;
use crate::tokens::{self, Window};

/// What a contact is worth to a machine. Only [`Worth::Token`] ends in a licence token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// A licence token.
    Token {
        /// Active, or expired within the grace.
        status: HeartbeatStatus,
        /// How long it lives.
        window: Window,
    },
    /// The same, if a seat is free: its lease had ended.
    Revival {
        /// Active, or expired within the grace.
        status: HeartbeatStatus,
        /// How long the token would live.
        window: Window,
    },
    /// The next nonce, and nothing else.
    Nothing(HeartbeatStatus),
    /// Revoked: word of how long it may go on.
    Grace {
        /// First instant at which it may not.
        until: Timestamp,
    },
}

impl Worth {
    pub(super) fn of(
        license: &license::Model,
        machine: &activation::Model,
        times: Times,
        now: Timestamp,
        backdate: Seconds,
    ) -> Self {
        let standing = licenses::status(license, now);
        if standing == LicenseStatus::Revoked || machine.status == ActivationStatus::Revoked {
            return grace_end(license, machine, times, now)
                .map_or(Self::Nothing(HeartbeatStatus::Revoked), |until| Self::Grace { until });
        }
        let status = match standing {
            LicenseStatus::Active => HeartbeatStatus::Active,
            LicenseStatus::Expired => HeartbeatStatus::Expired,
            LicenseStatus::Suspended => return Self::Nothing(HeartbeatStatus::Suspended),
            LicenseStatus::Revoked => return Self::Nothing(HeartbeatStatus::Revoked),
        };
        let end = tokens::license_end(license.expires_at, times);
        match (Window::at(now, times, end, backdate), machine.status) {
            (None, _) => Self::Nothing(status),
            (Some(window), ActivationStatus::Active) => Self::Token { status, window },
            (Some(window), ActivationStatus::Lapsed) => Self::Revival { status, window },
            // Neither comes this far.
            (Some(_), ActivationStatus::Deactivated | ActivationStatus::Revoked) => {
                Self::Nothing(HeartbeatStatus::Revoked)
            }
        }
    }

    pub(super) const fn status(&self) -> HeartbeatStatus {
        match self {
            Self::Token { status, .. } | Self::Revival { status, .. } | Self::Nothing(status) => *status,
            Self::Grace { .. } => HeartbeatStatus::Revoked,
        }
    }

    /// Of the licence token, where there will be one.
    pub(super) const fn window(&self) -> Option<Window> {
        match self {
            Self::Token { window, .. } => Some(*window),
            Self::Revival { .. } | Self::Nothing(_) | Self::Grace { .. } => None,
        }
    }
}

/// Until when a revoked machine may go on: as long as whatever was revoked lets it, in whole seconds,
/// and never past the licence's end. Whoever had nothing to go on with (no seat, a licence on hold)
/// has no grace.
fn grace_end(
    license: &license::Model,
    machine: &activation::Model,
    times: Times,
    now: Timestamp,
) -> Option<Timestamp> {
    let mut until =
        tokens::license_end(license.expires_at, times).unwrap_or(Timestamp::from_micros(i64::MAX));
    match license.status {
        license::Status::Suspended => return None,
        _ if license.suspended_at.is_some() => return None,
        license::Status::Revoked => until = until.min(license.grace_until?),
        license::Status::Active => {}
    }
    match machine.status {
        ActivationStatus::Active => {}
        ActivationStatus::Revoked => until = until.min(machine.grace_until?),
        ActivationStatus::Lapsed | ActivationStatus::Deactivated => return None,
    }
    Some(Timestamp::from_seconds(until.seconds())).filter(|until| *until > now)
}

#[cfg(test)]
mod tests;
