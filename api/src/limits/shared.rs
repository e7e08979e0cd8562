//! Buckets that all instances share, in Redis.
//!
//! One call is one round trip. Whoever gets no answer in time goes on by himself, and does not ask again until Redis
//! has answered a ping.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Script};
use secrecy::ExposeSecret;

use super::bucket::Bucket;
use super::{Rule, Standing};
use crate::config::{LimitsConfig, RedisConfig};

const TAKE: &str = include_str!("take.lua");
const TOO_SLOW: &str = "it did not answer in time";
const MINUTE_MICROS: u64 = 60_000_000;

/// `redis.url` leads nowhere. The address is not repeated.
#[derive(Debug, thiserror::Error)]
#[error("`redis.url` is no address of Redis, such as redis://:PASSWORD@HOST:6379/0")]
pub struct SharedError;

/// Buckets in Redis.
pub(super) struct Shared {
    redis: ConnectionManager,
    take: Script,
    prefix: String,
    patience: Duration,
    limits: LimitsConfig,
    /// Whether the last answer came in time.
    up: AtomicBool,
}

impl Shared {
    /// None where there is no Redis. Nothing is connected yet.
    pub(super) fn new(limits: &LimitsConfig, redis: &RedisConfig) -> Result<Option<Self>, SharedError> {
        let Some(url) = &redis.url else {
            return Ok(None);
        };
        let patience = Duration::from_millis(redis.timeout_ms.get().into());
        let settings = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience));
        let client = Client::open(url.expose_secret()).map_err(|_| SharedError)?;
        Ok(Some(Self {
            redis: ConnectionManager::new_lazy_with_config(client, settings).map_err(|_| SharedError)?,
            take: Script::new(TAKE),
            prefix: redis.key_prefix.clone(),
            patience,
            limits: limits.clone(),
            up: AtomicBool::new(false),
        }))
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    /// Takes one call out of a bucket; none when Redis does not say.
    pub(super) async fn take(&self, rule: Rule, bucket: &Bucket) -> Option<Standing> {
        if !self.is_up() {
            return None;
        }
        let limit = rule.per_minute(&self.limits);
        let mut asked = self.take.key(format!("{}{}", self.prefix, bucket.hex()));
        asked.arg(MINUTE_MICROS / u64::from(limit.get())).arg(limit.get());
        let mut redis = self.redis.clone();
        match tokio::time::timeout(self.patience, asked.invoke_async::<Taken>(&mut redis)).await {
            Ok(Ok(taken)) => return Some(standing(limit, taken)),
            Ok(Err(error)) => self.lose(&error.to_string()),
            Err(_) => self.lose(TOO_SLOW),
        }
        None
    }

    /// Finds out whether Redis answers.
    pub(super) async fn look_after(&self) {
        let mut redis = self.redis.clone();
        let ping = redis::cmd("PING");
        let answer = tokio::time::timeout(self.patience, ping.query_async::<()>(&mut redis)).await;
        match answer {
            Ok(Ok(())) => {
                if !self.up.swap(true, Ordering::AcqRel) {
                    tracing::info!("limits are shared through Redis");
                }
            }
            Ok(Err(error)) => self.lose(&error.to_string()),
            Err(_) => self.lose(TOO_SLOW),
        }
    }

    /// Told once, until Redis is back.
    fn lose(&self, why: &str) {
        if self.up.swap(false, Ordering::AcqRel) {
            tracing::warn!(error = why, "Redis is gone: each instance limits by itself");
        }
    }
}

/// What the script answers.
type Taken = (u32, u64, i64);

fn standing(limit: NonZeroU32, (remaining, reset, wait): Taken) -> Standing {
    Standing {
        limit: limit.get(),
        remaining,
        reset: Duration::from_micros(reset),
        wait: u64::try_from(wait).ok().map(Duration::from_micros),
    }
}
