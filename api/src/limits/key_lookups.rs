//! Guessing licence keys: each client has a budget of failed look-ups.
//!
//! Only failures cost. Once the budget is used up, further look-ups are refused before they are
//! made, so that a good key looks no different from a bad one, until the budget has grown by one.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::header;
use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;

use super::network::Network;
use crate::config::LimitsConfig;
use crate::problem::ApiError;

/// The budgets of all clients.
pub(crate) struct KeyLookups<C: Clock = DefaultClock> {
    failures: RateLimiter<Network, DefaultKeyedStateStore<Network>, C, StateInformationMiddleware>,
    /// Clients without budget, and when it grows again.
    exhausted: Mutex<HashMap<Network, C::Instant>>,
    /// How long one failure takes to be forgiven.
    interval: Duration,
    clock: C,
    enabled: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("there were too many wrong licence keys from this address; try again later")]
struct TooManyFailures;

impl Refusal for TooManyFailures {
    fn code(&self) -> ProblemCode {
        ProblemCode::RateLimited
    }
}

/// How long a client has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wait(Duration);

impl From<Wait> for ApiError {
    fn from(wait: Wait) -> Self {
        let seconds = wait.0.as_secs() + u64::from(wait.0.subsec_nanos() > 0);
        Self::from(TooManyFailures).with_header(header::RETRY_AFTER, &seconds.max(1).to_string())
    }
}

impl KeyLookups {
    /// As an operator chose.
    pub(crate) fn new(config: &LimitsConfig) -> Self {
        Self::with_clock(config, DefaultClock::default())
    }
}

impl<C: Clock + Clone> KeyLookups<C> {
    fn with_clock(config: &LimitsConfig, clock: C) -> Self {
        let quota = Quota::per_minute(config.failed_key_lookups_per_minute)
            .allow_burst(config.failed_key_lookups_burst);
        Self {
            failures: RateLimiter::new(quota, DefaultKeyedStateStore::default(), clock.clone()),
            exhausted: Mutex::default(),
            interval: quota.replenish_interval(),
            clock,
            enabled: config.enabled,
        }
    }

    /// Runs a look-up from `ip`, whose failure is an error `NOT_FOUND` or an answer that `failed`
    /// tells. Without an address there is no look-up to be limited.
    pub(crate) async fn watch<T, E: Refusal>(
        &self,
        ip: Option<IpAddr>,
        lookup: impl Future<Output = Result<T, E>>,
        failed: impl FnOnce(&T) -> bool,
    ) -> Result<T, ApiError> {
        let Some(network) = ip.filter(|_| self.enabled).map(Network::of) else {
            return Ok(lookup.await?);
        };
        self.expect_budget(network)?;
        let outcome = lookup.await;
        let has_failed = match &outcome {
            Ok(answer) => failed(answer),
            Err(error) => error.code() == ProblemCode::NotFound,
        };
        if has_failed {
            self.charge(network)?;
        }
        Ok(outcome?)
    }

    /// Forgets clients whose budget is whole again.
    pub(crate) fn forget_old(&self) {
        let now = self.clock.now();
        self.failures.retain_recent();
        self.failures.shrink_to_fit();
        self.lock().retain(|_, until| left(*until, now).is_some());
    }

    fn expect_budget(&self, network: Network) -> Result<(), Wait> {
        let until = self.lock().get(&network).copied();
        match until.and_then(|until| left(until, self.clock.now())) {
            Some(wait) => Err(Wait(wait)),
            None => Ok(()),
        }
    }

    /// Look-ups that ran side by side may find that the others used the budget up.
    fn charge(&self, network: Network) -> Result<(), Wait> {
        match self.failures.check_key(&network) {
            Ok(state) if state.remaining_burst_capacity() > 0 => Ok(()),
            Ok(_) => {
                let until = self.clock.now() + self.interval.into();
                self.lock().insert(network, until);
                Ok(())
            }
            Err(not_until) => Err(Wait(not_until.wait_time_from(self.clock.now()))),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Network, C::Instant>> {
        self.exhausted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is left until `until`; none when it has passed.
fn left<I: Reference>(until: I, now: I) -> Option<Duration> {
    let left = Duration::from(until.duration_since(now));
    (!left.is_zero()).then_some(left)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use actix_web::ResponseError;
    use governor::clock::FakeRelativeClock;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("refused")]
    struct Refused(ProblemCode);

    impl Refusal for Refused {
        fn code(&self) -> ProblemCode {
            self.0
        }
    }

    const HERE: &str = "192.0.2.1";

    fn lookups(clock: &FakeRelativeClock) -> KeyLookups<FakeRelativeClock> {
        let number = |number| NonZeroU32::new(number).unwrap();
        let config = LimitsConfig {
            failed_key_lookups_per_minute: number(6),
            failed_key_lookups_burst: number(3),
            ..LimitsConfig::of_tests()
        };
        KeyLookups::with_clock(&config, clock.clone())
    }

    /// The status of a look-up that ends so.
    async fn status(
        lookups: &KeyLookups<FakeRelativeClock>,
        ip: &str,
        outcome: Result<bool, ProblemCode>,
    ) -> u16 {
        let lookup = async { outcome.map_err(Refused) };
        match lookups.watch(Some(ip.parse().unwrap()), lookup, |known| !known).await {
            Ok(_) => 200,
            Err(error) => error.status_code().as_u16(),
        }
    }

    const WRONG: Result<bool, ProblemCode> = Err(ProblemCode::NotFound);

    #[actix_web::test]
    async fn good_keys_cost_nothing() {
        let lookups = lookups(&FakeRelativeClock::default());
        for _ in 0..100 {
            assert_eq!(status(&lookups, HERE, Ok(true)).await, 200);
            assert_eq!(status(&lookups, HERE, Err(ProblemCode::SeatLimitReached)).await, 409);
        }
    }

    #[actix_web::test]
    async fn after_the_budget_good_and_bad_keys_look_the_same() {
        let clock = FakeRelativeClock::default();
        let lookups = lookups(&clock);
        for outcome in [WRONG, Ok(false), WRONG] {
            assert_ne!(status(&lookups, HERE, outcome).await, 429);
        }
        assert_eq!(status(&lookups, HERE, WRONG).await, 429);
        assert_eq!(status(&lookups, HERE, Ok(true)).await, 429);
        assert_eq!(status(&lookups, "192.0.2.2", Ok(true)).await, 200);
        clock.advance(Duration::from_secs(10));
        assert_eq!(status(&lookups, HERE, Ok(true)).await, 200);
        assert_eq!(status(&lookups, HERE, WRONG).await, 404);
        assert_eq!(status(&lookups, HERE, Ok(true)).await, 429);
    }

    #[actix_web::test]
    async fn a_refused_client_is_told_when_to_come_back() {
        let clock = FakeRelativeClock::default();
        let lookups = lookups(&clock);
        for _ in 0..3 {
            status(&lookups, HERE, WRONG).await;
        }
        clock.advance(Duration::from_millis(500));
        let wait = lookups.expect_budget(Network::of(HERE.parse().unwrap())).unwrap_err();
        assert_eq!(wait, Wait(Duration::from_millis(9_500)));
    }

    #[actix_web::test]
    async fn old_clients_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let lookups = lookups(&clock);
        for _ in 0..3 {
            status(&lookups, HERE, WRONG).await;
        }
        clock.advance(Duration::from_mins(10));
        lookups.forget_old();
        assert!(lookups.lock().is_empty() && lookups.failures.is_empty());
    }
}
