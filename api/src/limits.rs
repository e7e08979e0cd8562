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
use crate::{discovery, openapi};

pub(crate) use rules::Rule;
pub(crate) use shared::SharedError;
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

    /// Takes one call out of its bucket.
    async fn take(&self, ctx: &Context, rule: Rule, ip: Option<IpAddr>, subject: &[u8]) -> Option<Standing> {
        let (local, network) = (self.local.as_ref()?, ip.map(Network::of));
        if let Some(shared) = &self.shared
            && let Some(standing) = shared.take(rule, &Bucket::of(ctx, rule, network, subject)).await
        {
            return Some(standing);
        }
        // So many at once are an attack, or somebody behind one address: those are counted together.
        let subject = if local.is_crowded() { &[] } else { subject };
        Some(local.take(rule, Bucket::of(ctx, rule, network, subject)))
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
    match actor {
        None | Some(Actor::Anonymous) => take(request, Rule::Default, ip, &[]).await,
        Some(actor) => take(request, Rule::Default, None, actor.name().as_bytes()).await,
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
    take(request, named.rule(), ip, &named.subject()).await
}

/// The answer shows what is left.
async fn take(request: &HttpRequest, rule: Rule, ip: Option<IpAddr>, subject: &[u8]) -> Result<(), ApiError> {
    let (Some(limits), Some(ctx)) =
        (request.app_data::<web::Data<Limits>>(), request.app_data::<crate::Ctx>())
    else {
        return Ok(());
    };
    let Some(standing) = limits.take(ctx, rule, ip, subject).await else {
        return Ok(());
    };
    request.extensions_mut().insert(standing);
    standing.expect()
}
