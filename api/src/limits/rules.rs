//! Which limits there are.

use std::num::NonZeroU32;

use governor::Quota;

use crate::config::LimitsConfig;

/// How often something may be done in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// Activating, by licence key and network.
    Activate,
    /// Validating, by licence key (or token) and network.
    Validate,
    /// Heartbeats, by activation and network.
    Heartbeat,
    /// Signing in with a password, by account, and by network.
    Login,
    /// Showing a code, by account, and by network.
    LoginCode,
    /// Asking for a letter, by address, and by network.
    Letter,
    /// Everything else, by principal, or by network where there is none.
    Default,
}

impl Rule {
    /// Every rule, in the order of their numbers.
    pub(super) const ALL: [Self; 7] = [
        Self::Activate,
        Self::Validate,
        Self::Heartbeat,
        Self::Login,
        Self::LoginCode,
        Self::Letter,
        Self::Default,
    ];

    /// Tells the buckets of the rules apart.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Validate => "validate",
            Self::Heartbeat => "heartbeat",
            Self::Login => "login",
            Self::LoginCode => "login_code",
            Self::Letter => "letter",
            Self::Default => "default",
        }
    }

    /// Calls a minute, and calls at once.
    pub(super) const fn per_minute(self, config: &LimitsConfig) -> NonZeroU32 {
        match self {
            Self::Activate => config.activate_per_minute,
            Self::Validate => config.validate_per_minute,
            Self::Heartbeat => config.heartbeat_per_minute,
            Self::Login | Self::LoginCode | Self::Letter => config.login_per_minute,
            Self::Default => config.default_per_minute,
        }
    }

    pub(super) const fn quota(self, config: &LimitsConfig) -> Quota {
        Quota::per_minute(self.per_minute(config))
    }
}
