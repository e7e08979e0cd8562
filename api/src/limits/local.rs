//! Buckets of this process, in shards that do not wait for each other.

use std::sync::atomic::{AtomicBool, Ordering};

use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::bucket::Bucket;
use super::{Rule, Standing};
use crate::config::LimitsConfig;

/// Most buckets of a rule that are told apart, some 20 MB. Above, calls are counted by their network alone.
const MOST: usize = 200_000;

type Limiter<C> = RateLimiter<Bucket, DashMapStateStore<Bucket>, C, StateInformationMiddleware>;

/// The buckets of all rules.
pub(super) struct Local<C: Clock> {
    activate: Buckets<C>,
    validate: Buckets<C>,
    heartbeat: Buckets<C>,
    logins: Buckets<C>,
    others: Buckets<C>,
    crowded: AtomicBool,
    clock: C,
}

struct Buckets<C: Clock> {
    quota: Quota,
    limiter: Limiter<C>,
}

impl<C: Clock + Clone> Local<C> {
    pub(super) fn new(config: &LimitsConfig, clock: C) -> Self {
        let buckets = |rule: Rule| {
            let quota = rule.quota(config);
            Buckets { quota, limiter: RateLimiter::new(quota, DashMapStateStore::default(), clock.clone()) }
        };
        Self {
            activate: buckets(Rule::Activate),
            validate: buckets(Rule::Validate),
            heartbeat: buckets(Rule::Heartbeat),
            logins: buckets(Rule::Login),
            others: buckets(Rule::Default),
            crowded: AtomicBool::new(false),
            clock,
        }
    }

    /// Whether there are so many buckets that no more should be told apart.
    pub(super) fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    /// Takes one call out of a bucket.
    pub(super) fn take(&self, rule: Rule, bucket: Bucket) -> Standing {
        let Buckets { quota, limiter } = self.of(rule);
        let limit = quota.burst_size().get();
        let (remaining, wait) = match limiter.check_key(&bucket) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(not_until) => (0, Some(not_until.wait_time_from(self.clock.now()))),
        };
        let reset = quota.replenish_interval().saturating_mul(limit.saturating_sub(remaining));
        Standing { limit, remaining, reset, wait }
    }

    /// Forgets buckets that are whole again.
    pub(super) fn forget_old(&self) {
        let mut most = 0;
        for rule in Rule::ALL {
            let limiter = &self.of(rule).limiter;
            if limiter.is_empty() {
                continue;
            }
            limiter.retain_recent();
            if limiter.len() > MOST {
                limiter.shrink_to_fit();
            }
            most = most.max(limiter.len());
        }
        self.crowded.store(most > MOST, Ordering::Relaxed);
    }

    const fn of(&self, rule: Rule) -> &Buckets<C> {
        match rule {
            Rule::Activate => &self.activate,
            Rule::Validate => &self.validate,
            Rule::Heartbeat => &self.heartbeat,
            // The names of their buckets tell them apart.
            Rule::Login | Rule::LoginCode | Rule::Letter => &self.logins,
            Rule::Default => &self.others,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn local(clock: &FakeRelativeClock) -> Local<FakeRelativeClock> {
        Local::new(&LimitsConfig::of_tests(), clock.clone())
    }

    const ONE: Bucket = Bucket::numbered(1);

    #[test]
    fn a_bucket_takes_a_minute_at_once_and_then_one_in_its_share_of_it() {
        let clock = FakeRelativeClock::default();
        let local = local(&clock);
        for left in (0..10).rev() {
            let standing = local.take(Rule::Activate, ONE);
            assert_eq!((standing.limit, standing.remaining, standing.wait), (10, left, None));
        }
        let refused = local.take(Rule::Activate, ONE);
        assert_eq!(refused.wait, Some(Duration::from_secs(6)));
        assert_eq!(refused.reset, Duration::from_mins(1));
        assert_eq!(local.take(Rule::Activate, Bucket::numbered(2)).wait, None);
        assert_eq!(local.take(Rule::Validate, ONE).wait, None);
        clock.advance(Duration::from_secs(6));
        assert_eq!(local.take(Rule::Activate, ONE).wait, None);
        assert_eq!(local.take(Rule::Activate, ONE).wait, Some(Duration::from_secs(6)));
    }

    #[test]
    fn what_was_refused_costs_nothing_more() {
        let clock = FakeRelativeClock::default();
        let local = local(&clock);
        for _ in 0..1000 {
            local.take(Rule::Activate, ONE);
        }
        clock.advance(Duration::from_mins(1));
        assert_eq!(local.take(Rule::Activate, ONE).remaining, 9);
    }

    #[test]
    fn whole_buckets_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let local = local(&clock);
        for number in 0..100 {
            local.take(Rule::Heartbeat, Bucket::numbered(number));
        }
        clock.advance(Duration::from_mins(3));
        local.forget_old();
        assert!(local.of(Rule::Heartbeat).limiter.is_empty() && !local.is_crowded());
    }
}
