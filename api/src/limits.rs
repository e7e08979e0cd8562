//! How much one client may ask.
//!
//! Each call is counted once, in one bucket. Machines activate, validate and call in by what they name (licence key
//! or activation) and the network they come from; everybody else by the API key, or by the network where there is
//! none. What was refused counts too. Public documents, health and the pages for people are not limited: they are
//! prepared bytes, which caches keep.
//!
//! Buckets leak ([GCRA](https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm)): as many calls at once as a
//! minute allows, and after that one whenever its share of the minute has passed. They lie in this process, or in
//! Redis, where all instances share them; without Redis each instance goes on by itself.

pub(crate) mod key_lookups;
pub(crate) mod network;

mod bucket;
mod local;
mod rules;
mod shared;
mod sign_ins;
mod standing;
mod subjects;

use std::net::IpAddr;
use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest, web};
use governor::clock::DefaultClock;
use licentia_domain::actors::Actor;
use licentia_domain::context::Context;

use self::bucket::Bucket;
use self::local::Local;
use self::network::Network;
use self::shared::Shared;
use crate::config::{LimitsConfig, RedisConfig};
use crate::problem::ApiError;
use crate::{Ctx, discovery, openapi};

pub(crate) use rules::Rule;
pub(crate) use shared::SharedError;
pub(crate) use sign_ins::{Attempt, Attempted};
pub(crate) use standing::{Standing, mark};
pub(crate) use subjects::Named;

/// How often buckets that are whole again are forgotten, and how often Redis is looked after.
const UPKEEP: Duration = Duration::from_secs(1);

/// Where buckets are that should be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// In Redis.
    Shared,
    /// In this process, because Redis does not answer.
    Local,
}

/// The limits of this instance.
pub(crate) struct Limits {
    /// None where nothing is limited.
    local: Option<Local<DefaultClock>>,
    /// None where instances do not share.
    shared: Option<Shared>,
}

impl Limits {
    /// As an operator chose.
    ///
    /// # Errors
    /// When the address of Redis is none.
    pub(crate) fn new(limits: &LimitsConfig, redis: &RedisConfig) -> Result<Self, SharedError> {
        let shared = if limits.enabled { Shared::new(limits, redis)? } else { None };
        let local = limits.enabled.then(|| Local::new(limits, DefaultClock::default()));
        Ok(Self { local, shared })
    }

    /// Where the buckets are, when they should be shared.
    pub(crate) fn sharing(&self) -> Option<Sharing> {
        self.shared.as_ref().map(|shared| if shared.is_up() { Sharing::Shared } else { Sharing::Local })
    }

    /// Forgets buckets that are whole again, and looks after Redis, for as long as it is awaited.
    pub(crate) async fn upkeep(&self) {
        let mut timer = tokio::time::interval(UPKEEP);
        loop {
            timer.tick().await;
            if let Some(local) = &self.local {
                local.forget_old();
            }
            if let Some(shared) = &self.shared {
                shared.look_after().await;
            }
        }
    }
}

/// Whether calls of this path are counted. A path that is not is a public document, which caches keep.
pub(crate) fn cover(path: &str) -> bool {
    path.starts_with("/api/") && !discovery::is_for_browsers(path) && path != openapi::PATH
}

/// Counts a call by who makes it; without credentials that are good, by the network it comes from.
///
/// # Errors
/// 429 when its bucket is empty.
pub(crate) async fn count(
    request: &HttpRequest,
    ip: Option<IpAddr>,
    actor: Option<&Actor>,
) -> Result<(), ApiError> {
    let Some(counting) = Counting::of(request) else { return Ok(()) };
    match actor {
        None | Some(Actor::Anonymous) => counting.take(Rule::Default, ip, &[]).await,
        Some(actor) => counting.take(Rule::Default, None, actor.name().as_bytes()).await,
    }
}

/// Counts a call by what it names, and the network it comes from.
///
/// # Errors
/// 429 when its bucket is empty.
pub(crate) async fn count_named(
    request: &HttpRequest,
    ip: Option<IpAddr>,
    named: &impl Named,
) -> Result<(), ApiError> {
    let Some(counting) = Counting::of(request) else { return Ok(()) };
    counting.take(named.rule(), ip, &named.subject()).await
}

/// Counts a try to sign in: by the network it comes from, and by the account that it names, from wherever.
///
/// # Errors
/// 429 when either bucket is empty.
pub(crate) async fn count_sign_in(
    request: &HttpRequest,
    ip: Option<IpAddr>,
    attempt: &Attempt,
) -> Result<(), ApiError> {
    let Some(counting) = Counting::of(request) else { return Ok(()) };
    counting.take(attempt.rule, ip, &[]).await?;
    match &attempt.account {
        Some(account) => counting.take(attempt.rule, None, account.as_bytes()).await,
        None => Ok(()),
    }
}

/// A request that is counted.
struct Counting<'a> {
    request: &'a HttpRequest,
    ctx: &'a Context,
    local: &'a Local<DefaultClock>,
    shared: Option<&'a Shared>,
}

impl<'a> Counting<'a> {
    /// None where nothing is limited.
    fn of(request: &'a HttpRequest) -> Option<Self> {
        let limits = request.app_data::<web::Data<Limits>>()?;
        let (local, shared) = (limits.local.as_ref()?, limits.shared.as_ref());
        Some(Self { request, ctx: request.app_data::<Ctx>()?, local, shared })
    }

    /// Takes one call out of its bucket. The answer shows what is left.
    async fn take(&self, rule: Rule, ip: Option<IpAddr>, subject: &[u8]) -> Result<(), ApiError> {
        let network = ip.map(Network::of);
        let bucket = Bucket::of(self.ctx, rule, network, subject);
        let shared = match self.shared {
            Some(shared) => shared.take(rule, &bucket).await,
            None => None,
        };
        let standing = shared.unwrap_or_else(|| {
            // So many at once are an attack, or somebody behind one address: those are counted together. Who is counted
            // from wherever he comes stays apart.
            let crowded = self.local.is_crowded() && !subject.is_empty() && network.is_some();
            let bucket = if crowded { Bucket::of(self.ctx, rule, network, &[]) } else { bucket };
            self.local.take(rule, bucket)
        });
        self.request.extensions_mut().insert(standing);
        standing.admit()
    }
}
