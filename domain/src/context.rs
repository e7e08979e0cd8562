//! What every operation works with: the database, the outside world, the keys, the settings.

use std::sync::Arc;

use licentia_types::time::{Seconds, Timestamp};
use uuid::Uuid;

pub use licentia_crypto::multi_buffer::{MultiBuffer, MultiBufferError};
pub use licentia_crypto::rsa_keys::RsaKeyBits;
pub use licentia_crypto::sealing::{KeyEncryptionKey, KeyEncryptionKeyError};

pub use crate::accounts::Registration;
use crate::activations::Arrivals;
use crate::api_keys::Uses;
use crate::caches::Caches;
use crate::changes::Changes;
use crate::clock::Clock;
use crate::database::Database;
use crate::directory::Directory;
use crate::failure::Failure;
use crate::heartbeats::Queue;
use crate::lanes::Lanes;
use crate::mail::{Mail, Outages};
use crate::once::InFlight;
use crate::passwords::Hashing;
use crate::purging::Retention;
use crate::randomness::{Randomness, RandomnessExhausted};
use crate::refusals::Refusals;
use crate::secrets::Secrets;
use crate::sessions;
use crate::settings::{self, StartError};
use crate::signed_lists::SignedLists;
use crate::signing_keys::KeyRing;
use crate::system_events::Told;
use crate::usage::Usage;
use crate::validation::Keys;

/// What an operator chose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `iss` of every token; an URL without a slash at its end.
    pub issuer: String,
    /// RSA modulus of new signing keys, in bits.
    pub signing_key_bits: RsaKeyBits,
    /// When signing keys change.
    pub keys: KeyTimes,
    /// How far `iat` and `nbf` are set back.
    pub backdate: Seconds,
    /// Times where no tier says anything.
    pub times: DefaultTimes,
    /// How long a status list or revocation list that did not change may be kept.
    pub list_ttl: Seconds,
    /// Machines where no tier says anything.
    pub max_activations: u32,
    /// How long is kept what does not stay for good.
    pub retention: Retention,
    /// The largest import, in bytes.
    pub import_bytes: u64,
    /// How long admins are signed in.
    pub sessions: SessionTimes,
    /// Whether admins need a second factor.
    pub require_totp: bool,
    /// Which customers may register by themselves.
    pub registration: Registration,
}

/// How long admins are signed in.
#[derive(Clone, Copy, Debug)]
pub struct SessionTimes {
    /// Life of a session's token.
    pub access_ttl: Seconds,
    /// How long a session goes on that nobody renews.
    pub idle: Seconds,
    /// How long a session goes on at most.
    pub lifetime: Seconds,
}

/// When signing keys change.
#[derive(Clone, Copy, Debug)]
pub struct KeyTimes {
    /// For how long anybody may keep the published keys without asking again.
    pub jwks_max_age: Seconds,
    /// For how long a key signs tokens, or sessions; none: until somebody rotates.
    pub rotation: Option<Seconds>,
    /// For how long a key signs documents; none: until somebody rotates.
    pub document_rotation: Option<Seconds>,
}

/// Times where no tier says anything.
#[derive(Clone, Copy, Debug)]
pub struct DefaultTimes {
    /// Life of a token.
    pub token_ttl: Seconds,
    /// Between two heartbeats.
    pub heartbeat_interval: Seconds,
    /// From the last contact.
    pub offline_grace: Seconds,
    /// After the licence's expiry.
    pub expiry_grace: Seconds,
    /// After a revocation.
    pub revocation_grace: Seconds,
    /// Of a floating seat, from the last contact.
    pub lease: Seconds,
}

/// The world outside, as the operations see it.
pub struct Outside {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub randomness: Arc<dyn Randomness>,
    /// What signs several tokens at once; none: they are signed one by one.
    pub multi_buffer: Option<MultiBuffer>,
}

/// The operator's own systems that are spoken to, where he configured them.
#[derive(Debug, Default)]
pub struct Systems {
    /// How letters are sent; none: they are not.
    pub mail: Option<Mail>,
    /// Who knows admins beside us; none: nobody.
    pub directory: Option<Directory>,
}

/// What every operation works with.
pub struct Context {
    /// The database.
    pub db: Database,
    /// What an operator chose.
    pub settings: Settings,
    /// Under which secrets are sealed at rest.
    pub kek: KeyEncryptionKey,
    /// The server's own secrets.
    pub secrets: Secrets,
    /// The signing keys.
    pub(crate) keys: KeyRing,
    /// Tokens that wait to be signed together.
    pub(crate) lanes: Lanes,
    /// What was changed lately.
    pub(crate) changes: Changes,
    pub(crate) told: Told,
    /// The signed lists that were asked for lately.
    pub(crate) lists: SignedLists,
    pub(crate) caches: Caches,
    /// Heartbeats that wait for the next commit.
    pub(crate) heartbeats: Queue,
    /// Machines that wait for the next commit.
    pub(crate) arrivals: Arrivals,
    /// Licence keys that wait to be looked up.
    pub(crate) asked_keys: Keys,
    /// What was refused and not written down yet.
    pub refusals: Refusals,
    /// When API keys were used, and not written down yet.
    pub(crate) api_key_uses: Uses,
    /// Whose sign-in was refused lately.
    pub(crate) login_refusals: sessions::Refusals,
    /// Where passwords are hashed.
    pub(crate) hashing: Hashing,
    /// What is being done for somebody who asked for it once.
    pub(crate) in_flight: InFlight,
    /// What was counted and not written down yet.
    pub(crate) usage: Arc<Usage>,
    /// How letters are sent; none: they are not.
    pub(crate) mail: Option<Mail>,
    /// Who knows admins beside us; none: nobody.
    pub(crate) directory: Option<Directory>,
    /// Whether anybody was there lately to take them.
    pub(crate) outages: Outages,
    outside: Outside,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Context {
    /// Opens a migrated database: settles the issuer, and makes the server's secrets and signing
    /// keys where they are missing. Of several instances that do this at once, all end with the
    /// same ones.
    ///
    /// # Errors
    /// When the issuer is not the one of the first start, or a secret does not open.
    pub async fn open(
        db: Database,
        settings: Settings,
        kek: KeyEncryptionKey,
        mut outside: Outside,
        systems: Systems,
    ) -> Result<Self, StartError> {
        let lanes = Lanes::of(outside.multi_buffer.take());
        let now = outside.clock.now();
        settings::settle_issuer(&db, &settings.issuer, now).await?;
        settings::settle_defaults(&db, &settings, now).await?;
        let secrets = Secrets::open(&db, &kek, outside.randomness.as_ref(), now).await?;
        let keys = KeyRing::open(&db, &kek, settings.signing_key_bits, &lanes, now).await?;
        Ok(Self {
            db,
            settings,
            kek,
            secrets,
            keys,
            lanes,
            changes: Changes::default(),
            told: Told::default(),
            lists: SignedLists::default(),
            caches: Caches::default(),
            heartbeats: Queue::default(),
            arrivals: Arrivals::default(),
            asked_keys: Keys::default(),
            refusals: Refusals::default(),
            api_key_uses: Uses::default(),
            login_refusals: sessions::Refusals::default(),
            hashing: Hashing::default(),
            in_flight: InFlight::default(),
            usage: Arc::default(),
            mail: systems.mail,
            directory: systems.directory,
            outages: Outages::default(),
            outside,
        })
    }

    /// The instant of an operation: ask once, then pass it on.
    #[must_use]
    pub fn moment(&self) -> Moment<'_> {
        Moment { now: self.outside.clock.now(), randomness: self.outside.randomness.as_ref() }
    }
}

/// The instant of one operation, and the randomness for what it makes.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// When the operation takes place.
    pub now: Timestamp,
    randomness: &'a dyn Randomness,
}

impl std::fmt::Debug for Moment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Moment").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Moment<'_> {
    /// A new id: a `UUIDv7` of this instant (RFC 9562 §5.7).
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new_uuid(&self) -> Result<Uuid, RandomnessExhausted> {
        let millis = u64::try_from(self.now.micros().div_euclid(1000)).unwrap_or_default();
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &self.random()?).into_uuid())
    }

    /// `N` unpredictable bytes.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], RandomnessExhausted> {
        let mut bytes = [0; N];
        self.randomness.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// Runs a long computation (making an RSA key) off the threads that serve.
pub(crate) async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Failure::Cancelled)
}
