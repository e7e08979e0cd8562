//! How long a token lives: a pure function of the contact, the times and the licence's end.

use licentia_types::time::{Seconds, Timestamp};

use crate::tiers::Times;

/// How long one token lives; whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// `iat` and `nbf`: set back, for clocks that are a little behind.
    pub issued: Timestamp,
    /// First instant at which the token is not valid; never past the licence's end.
    pub expires: Timestamp,
    /// When to call again.
    pub refresh_after: Timestamp,
    /// Until when an unreachable server must not stop the program; never below `expires`.
    pub stale_until: Timestamp,
}

/// The first instant at which a licence is worth nothing any more: its expiry and the grace.
#[must_use]
pub fn license_end(expires_at: Option<Timestamp>, times: Times) -> Option<Timestamp> {
    expires_at.map(|at| at + times.expiry_grace)
}

impl Window {
    /// The window of a token minted on a contact at `now`; none when the licence has ended. Of a
    /// floating machine it is its lease, which is all that its times say.
    #[must_use]
    pub fn at(now: Timestamp, times: Times, end: Option<Timestamp>, backdate: Seconds) -> Option<Self> {
        let whole = |at: Timestamp| Timestamp::from_seconds(at.seconds());
        let not_past_end = |at: Timestamp| end.map_or(at, |end| at.min(end));
        let issued = whole(now - backdate);
        let expires = whole(not_past_end(now + times.token_ttl));
        if expires <= now {
            return None;
        }
        let stale_until = whole(not_past_end(now + times.offline_grace)).max(expires);
        Some(Self { issued, expires, refresh_after: issued + times.heartbeat_interval, stale_until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: u32 = 3_600;

    fn times() -> Times {
        Times {
            token_ttl: Seconds::constant(48 * HOUR),
            heartbeat_interval: Seconds::constant(24 * HOUR),
            offline_grace: Seconds::constant(7 * 24 * HOUR),
            expiry_grace: Seconds::ZERO,
            revocation_grace: Seconds::ZERO,
            lease: Seconds::constant(900),
        }
    }

    #[test]
    fn a_licence_that_has_ended_gives_no_window() {
        let now = Timestamp::from_seconds(1_900_000_000);
        let at = |end| Window::at(now, times(), Some(end), Seconds::constant(60));
        assert_eq!(at(now), None);
        assert_eq!(
            at(now + Seconds::constant(1)).map(|window| window.expires),
            Some(now + Seconds::constant(1))
        );
    }

    proptest! {
        #[test]
        fn nothing_outlives_the_licence_and_stale_is_never_before_expiry(
            micros in 1_900_000_000_000_000_i64..2_000_000_000_000_000,
            left in 1_i64..100_000_000_000_000,
            ttl in 1_u32..10_000_000,
            grace in 0_u32..10_000_000,
        ) {
            let now = Timestamp::from_micros(micros);
            let end = Timestamp::from_micros(micros + left);
            let times = Times { token_ttl: Seconds::constant(ttl), offline_grace: Seconds::constant(grace), ..times() };
            if let Some(window) = Window::at(now, times, Some(end), Seconds::constant(60)) {
                prop_assert!(window.expires <= end && window.stale_until <= end);
                prop_assert!(window.stale_until >= window.expires && window.expires > now);
                prop_assert!(window.issued < now);
            }
        }
    }
}
