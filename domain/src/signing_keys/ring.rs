//! The keys as this instance last saw them: a snapshot that anybody reads without waiting, and that
//! is read anew when it is old.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use licentia_crypto::rsa_keys::RsaKeyBits;
use licentia_crypto::sealing::KeyEncryptionKey;
use licentia_entity::signing_key::{Model, Purpose};
use licentia_types::time::{Seconds, Timestamp};
use tokio::sync::{Mutex, MutexGuard};

use super::key::SigningKey;
use super::publication::{Publication, Published};
use super::verifying_key::VerifyingKey;
use super::{creation, rules, store};
use crate::context::Context;
use crate::database::Database;
use crate::failure::Failure;
use crate::lanes::Lanes;
use crate::settings::StartError;

/// How old a snapshot may be that is used without looking again.
const FRESH: Seconds = Seconds::constant(5);
/// How old a snapshot may be that signs. Shorter than what rotation and retiring allow for.
const TRUSTED: Seconds = Seconds::constant(60);
/// How often the database is asked at most, for keys that nobody knows and while it fails.
const AGAIN: Seconds = Seconds::constant(1);
/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The keys of this instance.
pub(crate) struct KeyRing {
    seen: RwLock<Seen>,
    /// Held by whoever reads the keys anew; says when that was tried last.
    attempt: Mutex<Timestamp>,
}

/// What was seen, when, and why not later.
#[derive(Clone)]
struct Seen {
    keys: Arc<Keys>,
    at: Timestamp,
    failure: Option<Arc<Failure>>,
}

/// What a key is opened with.
type Opening<'a> = (&'a KeyEncryptionKey, &'a Lanes);

/// The published keys.
struct Keys {
    rows: Vec<Model>,
    signing: HashMap<String, Arc<SigningKey>>,
    verifying: HashMap<String, VerifyingKey>,
    publication: Arc<Publication>,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("seen_at", &self.seen().at).finish_non_exhaustive()
    }
}

impl KeyRing {
    /// Loads the keys, and makes those that are missing.
    pub(crate) async fn open(
        db: &Database,
        kek: &KeyEncryptionKey,
        bits: RsaKeyBits,
        lanes: &Lanes,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        creation::complete(db, kek, bits, now).await?;
        let keys = Arc::new(Keys::of(store::believed(db).await?, None, (kek, lanes))?);
        for purpose in [Purpose::Token, Purpose::Document, Purpose::Session] {
            keys.signer(purpose, now).ok_or(Failure::Corrupt("signing key"))?;
        }
        Ok(Self { seen: RwLock::new(Seen { keys, at: now, failure: None }), attempt: Mutex::new(now) })
    }

    /// The key that signs for `purpose` at `now`.
    pub(crate) async fn signer(
        &self,
        ctx: &Context,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Arc<SigningKey>, Failure> {
        let seen = self.current(ctx, now).await;
        if !seen.is_younger(TRUSTED, now) {
            return Err(Failure::KeysUnread(seen.failure));
        }
        seen.keys.signer(purpose, now).ok_or(Failure::Corrupt("signing key"))
    }

    /// What everybody may fetch: as the database has it, or as it was when it last answered.
    pub(crate) async fn publication(&self, ctx: &Context, now: Timestamp) -> Published {
        self.current(ctx, now).await.published(now)
    }

    /// The same, looked for again when nothing of this name is in it.
    pub(crate) async fn publication_with(&self, ctx: &Context, kid: &str, now: Timestamp) -> Published {
        self.knowing(ctx, kid, now).await.published(now)
    }

    /// The public key of this name, if it is still believed and signs for `purpose`.
    pub(crate) async fn verifying_key(
        &self,
        ctx: &Context,
        purpose: Purpose,
        kid: &str,
        now: Timestamp,
    ) -> Option<VerifyingKey> {
        let seen = self.knowing(ctx, kid, now).await;
        seen.keys.verifying.get(kid).filter(|key| key.purpose() == purpose).cloned()
    }

    /// Reads the keys anew, whatever was seen: they were changed here.
    pub(crate) async fn refresh(&self, ctx: &Context, now: Timestamp) {
        let attempt = self.attempt.lock().await;
        self.read(ctx, attempt, now).await;
    }

    /// A snapshot that is fresh, or as fresh as can be had. While one reads the keys, others go on
    /// with what was seen, unless that is too old to sign.
    async fn current(&self, ctx: &Context, now: Timestamp) -> Seen {
        let seen = self.seen();
        if seen.is_younger(FRESH, now) {
            return seen;
        }
        let may_wait = seen.failure.is_none() && !seen.is_younger(TRUSTED, now);
        let attempt = if may_wait {
            self.attempt.lock().await
        } else {
            let Ok(attempt) = self.attempt.try_lock() else { return seen };
            attempt
        };
        let seen = self.seen();
        if seen.is_younger(FRESH, now) || seen.failure.is_some() && apart(*attempt, now) < AGAIN {
            return seen;
        }
        self.read(ctx, attempt, now).await
    }

    /// A snapshot that knows `kid`, if there is such a key. Whoever reads now reads for all who wait
    /// here, and fails for all of them: while the database is away nobody waits for a second attempt.
    async fn knowing(&self, ctx: &Context, kid: &str, now: Timestamp) -> Seen {
        let seen = self.current(ctx, now).await;
        let is_known = seen.keys.verifying.contains_key(kid);
        if is_known || seen.failure.is_some() || apart(seen.at, now) < AGAIN {
            return seen;
        }
        let attempt = self.attempt.lock().await;
        let seen = self.seen();
        if seen.failure.is_some() || apart(*attempt, now) < AGAIN {
            return seen;
        }
        self.read(ctx, attempt, now).await
    }

    /// Whoever holds the attempt reads.
    async fn read(&self, ctx: &Context, mut attempt: MutexGuard<'_, Timestamp>, now: Timestamp) -> Seen {
        *attempt = now;
        let former = self.seen();
        let answer = tokio::time::timeout(PATIENCE, store::believed(&ctx.db)).await;
        let keys = match answer {
            Ok(rows) => rows
                .map_err(Failure::from)
                .and_then(|rows| former.keys.replaced_by(rows, (&ctx.kek, &ctx.lanes))),
            Err(_) => Err(Failure::Unanswered),
        };
        let seen = match keys {
            Ok(keys) => Seen { keys, at: now, failure: None },
            // What was seen is not fresh any more, and said to be so: the next one tries again.
            Err(failure) => {
                let at = if apart(former.at, now) < FRESH { now - FRESH } else { former.at };
                Seen { keys: former.keys, at, failure: Some(Arc::new(failure)) }
            }
        };
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = seen.clone();
        seen
    }

    fn seen(&self) -> Seen {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Seen {
    /// A clock that was set back makes it old, too.
    fn is_younger(&self, than: Seconds, now: Timestamp) -> bool {
        apart(self.at, now) < than
    }

    fn published(&self, now: Timestamp) -> Published {
        Published { keys: Arc::clone(&self.keys.publication), is_recent: self.is_younger(TRUSTED, now) }
    }
}

/// How far apart two instants are, in whole seconds.
fn apart(one: Timestamp, other: Timestamp) -> Seconds {
    let seconds = one.micros().abs_diff(other.micros()) / 1_000_000;
    i64::try_from(seconds).ok().and_then(|seconds| seconds.try_into().ok()).unwrap_or(Seconds::MAX)
}

impl Keys {
    /// Opens every key that may sign, but those that `former` has open. A retired key signs nothing
    /// and is not published; it still tells its own tokens, whose time is over, from forgeries.
    fn of(believed: Vec<Model>, former: Option<&Self>, opening: Opening<'_>) -> Result<Self, StartError> {
        let (kek, lanes) = opening;
        let mut signing = HashMap::new();
        let mut verifying = HashMap::new();
        for row in &believed {
            let known = former.and_then(|former| former.verifying.get(&row.kid));
            verifying.insert(row.kid.clone(), VerifyingKey::of(row, known)?);
            if row.retired_at.is_some() {
                continue;
            }
            let key = match former.and_then(|former| former.signing.get(&row.kid)) {
                Some(open) => Arc::clone(open),
                None => Arc::new(SigningKey::open(row, kek, lanes)?),
            };
            key.mark(row.signs_until);
            signing.insert(row.kid.clone(), key);
        }
        let published: Vec<Model> = believed.iter().filter(|row| rules::is_published(row)).cloned().collect();
        let publication = Arc::new(Publication::of(&published)?);
        Ok(Self { rows: believed, signing, verifying, publication })
    }

    /// The keys as they are now; the same ones when nothing changed.
    fn replaced_by(self: &Arc<Self>, rows: Vec<Model>, opening: Opening<'_>) -> Result<Arc<Self>, Failure> {
        if rows == self.rows {
            return Ok(Arc::clone(self));
        }
        match Self::of(rows, Some(self), opening) {
            Ok(keys) => Ok(Arc::new(keys)),
            Err(StartError::Failed(failure)) => Err(failure),
            Err(StartError::OtherKey { .. } | StartError::OtherIssuer { .. }) => {
                Err(Failure::Corrupt("signing key"))
            }
        }
    }

    fn signer(&self, purpose: Purpose, now: Timestamp) -> Option<Arc<SigningKey>> {
        let row = rules::signer(self.rows.iter().filter(|row| row.purpose == purpose), now)?;
        self.signing.get(&row.kid).cloned()
    }
}
