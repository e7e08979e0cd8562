//! From a configuration to an open [`Context`]: what `serve` and the other commands have in common.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use licentia_domain::api_keys::{self, ApiKeyError};
use licentia_domain::context::{
    self, Context, DefaultTimes, KeyEncryptionKey, KeyTimes, MultiBufferError, Outside, SessionTimes,
    Settings, Systems,
};
use licentia_domain::database::{ConnectError, Database, DatabaseOptions};
use licentia_domain::purging::Retention;
use licentia_domain::randomness::{Randomness, RandomnessExhausted};
use licentia_domain::settings::StartError;
use licentia_migration::Migrator;
use licentia_types::api_keys::{ApiKeyOrigin, ApiKeyResponse, ApiKeyStatus};
use licentia_types::time::Seconds;
use sea_orm_migration::MigratorTrait;
use secrecy::ExposeSecret;

use crate::api_key_file::ApiKeyFileError;
use crate::config::{Config, Environment, Finding, KekError, Registration, RetentionConfig};
use crate::directory::{self, DirectorySetupError};
use crate::limits::SharedError;
use crate::mail::{self, MailSetupError};
use crate::tls::TlsError;

/// What to do about migrations that were not applied yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrations {
    /// Apply them.
    Apply,
    /// Refuse to go on.
    Expect,
}

/// Why the server does not start, and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What production refuses.
    #[error("production refuses this configuration:{}", lines(.0))]
    Refused(Vec<Finding>),
    /// Settings out of their range.
    #[error("the configured {0} is out of its range")]
    Range(&'static str),
    /// Not without a fixed address.
    #[error(
        "server.bind has port 0, so the issuer is not known here: set server.public_url, or another port"
    )]
    NoIssuer,
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The database was not taken.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A migration failed.
    #[error("a migration of the database failed")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database is older than this program.
    #[error("{0} migrations of the database are pending: run `licentia migrate` first")]
    Pending(usize),
    /// There is no key-encryption key.
    #[error(transparent)]
    NoKek(#[from] KekError),
    /// The key-encryption key is none.
    #[error("`encryption.key` cannot be used")]
    BadKek(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another issuer, another key, or a failure.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Keys that were made for trying things out.
    #[error("production does not start with API keys that were made for development: run `licentia admin revoke-key` for {}", ids(.0))]
    DevelopmentKeys(Vec<ApiKeyResponse>),
    /// The keys could not be read.
    #[error("the API keys cannot be read")]
    ApiKeys(#[from] ApiKeyError),
    /// The limits cannot be shared so.
    #[error(transparent)]
    Shared(#[from] SharedError),
    /// The certificate or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Letters cannot be sent so.
    #[error(transparent)]
    Mail(#[from] MailSetupError),
    /// The directory cannot be asked so.
    #[error(transparent)]
    Directory(#[from] DirectorySetupError),
    /// The declared API key.
    #[error(transparent)]
    ApiKeyFile(#[from] ApiKeyFileError),
    /// The lanes are required.
    #[error("signing.multi_buffer is \"require\", but {0}")]
    MultiBuffer(#[from] MultiBufferError),
    /// There is no randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[from] RandomnessExhausted),
    /// A document could not be written.
    #[error("a document cannot be written as JSON")]
    Document(#[from] serde_json::Error),
}

fn lines(findings: &[Finding]) -> String {
    findings.iter().flat_map(|finding| ["\n  - ".to_owned(), finding.to_string()]).collect()
}

fn ids(keys: &[ApiKeyResponse]) -> String {
    keys.iter().map(|key| key.id.to_string()).collect::<Vec<_>>().join(", ")
}

/// Connects, sees to the migrations, and opens the context of the server with this issuer.
pub(crate) async fn open(
    config: &Config,
    issuer: String,
    outside: Outside,
    migrations: Migrations,
) -> Result<Context, OpenError> {
    refuse_findings(config)?;
    let settings = settings(config, issuer)?;
    let kek = kek(config, outside.randomness.as_ref())?;
    let database = connect(config).await?;
    match migrations {
        Migrations::Apply => migrate(&database).await?,
        Migrations::Expect => expect_migrated(&database).await?,
    }
    let mail = mail::configured(config, &settings.issuer)?;
    let systems = Systems { mail, directory: directory::configured(&config.ldap)? };
    Ok(Context::open(database, settings, kek, outside, systems).await?)
}

/// The context of a command that does not listen. The issuer is that of the configured address.
///
/// # Errors
/// Whatever refuses the start.
pub async fn open_for_command(config: &Config, outside: Outside) -> Result<Context, OpenError> {
    let bind = config.server.bind;
    if bind.port() == 0 && config.server.public_url.is_none() {
        return Err(OpenError::NoIssuer);
    }
    open(config, config.issuer(bind), outside, Migrations::Apply).await
}

/// Connects to the configured database.
pub(crate) async fn connect(config: &Config) -> Result<Database, OpenError> {
    let options = DatabaseOptions {
        url: config.database.url.expose_secret().into(),
        max_connections: config.database.max_connections.get(),
        readers: config.database.readers.get(),
        acquire_timeout: Duration::from_secs(config.database.acquire_timeout_seconds.get().into()),
    };
    Ok(Database::connect(&options).await?)
}

/// Applies every pending migration in one transaction: of several instances that start together the
/// others wait, and find nothing left to do.
pub(crate) async fn migrate(database: &Database) -> Result<(), OpenError> {
    let failed = |error| OpenError::Migration(error);
    let tx = database.write_schema().await.map_err(|error| failed(error.into()))?;
    Migrator::up(tx.schema(), None).await.map_err(|error| failed(error.into()))?;
    tx.commit().await.map_err(|error| failed(error.into()))
}

async fn expect_migrated(database: &Database) -> Result<(), OpenError> {
    match pending(database).await? {
        0 => Ok(()),
        left => Err(OpenError::Pending(left)),
    }
}

async fn pending(database: &Database) -> Result<usize, OpenError> {
    let pending = Migrator::get_pending_migrations_read_only(database.schema()).await;
    pending.map(|pending| pending.len()).map_err(|error| OpenError::Migration(error.into()))
}

/// What production refuses in the configuration.
pub(crate) fn refuse_findings(config: &Config) -> Result<(), OpenError> {
    let findings = config.check();
    if findings.is_empty() { Ok(()) } else { Err(OpenError::Refused(findings)) }
}

/// Production is not opened by a key that was printed for trying things out.
pub(crate) async fn refuse_development_keys(config: &Config, ctx: &Context) -> Result<(), OpenError> {
    if config.environment != Environment::Production {
        return Ok(());
    }
    let printed = [ApiKeyOrigin::FirstStart, ApiKeyOrigin::Demo];
    let mut keys = api_keys::list_all(ctx).await?;
    keys.retain(|key| key.status != ApiKeyStatus::Revoked && printed.contains(&key.origin));
    if keys.is_empty() { Ok(()) } else { Err(OpenError::DevelopmentKeys(keys)) }
}

fn settings(config: &Config, issuer: String) -> Result<Settings, OpenError> {
    let tokens = &config.tokens;
    Ok(Settings {
        issuer,
        signing_key_bits: config
            .signing_keys
            .bits
            .try_into()
            .map_err(|_| OpenError::Range("signing_keys.bits"))?,
        keys: key_times(config),
        backdate: Seconds::constant(tokens.backdate_seconds),
        times: DefaultTimes {
            token_ttl: Seconds::constant(tokens.token_ttl),
            heartbeat_interval: Seconds::constant(tokens.heartbeat_interval),
            offline_grace: Seconds::constant(tokens.offline_grace),
            expiry_grace: Seconds::constant(tokens.expiry_grace),
            revocation_grace: Seconds::constant(tokens.revocation_grace),
            lease: Seconds::constant(tokens.lease),
        },
        list_ttl: Seconds::constant(config.revocation.list_ttl_seconds),
        max_activations: tokens.default_max_activations.get(),
        retention: retention(&config.retention)?,
        import_bytes: u64::from(config.imports.max_upload_mb.get()) * 1_048_576,
        sessions: SessionTimes {
            access_ttl: Seconds::constant(config.sessions.access_ttl_seconds),
            idle: Seconds::constant(config.sessions.idle_seconds),
            lifetime: Seconds::constant(config.sessions.lifetime_seconds),
        },
        require_totp: config.admin.require_totp,
        registration: match config.portal.registration {
            Registration::Open => context::Registration::Open,
            Registration::Invited => context::Registration::Invited,
            Registration::Off => context::Registration::Off,
        },
    })
}

fn retention(config: &RetentionConfig) -> Result<Retention, OpenError> {
    let days = |days: NonZeroU32, key| {
        Seconds::try_from(i64::from(days.get()) * 86_400).map_err(|_| OpenError::Range(key))
    };
    Ok(Retention {
        events: days(config.events_days, "retention.events_days")?,
        system_events: days(config.system_events_days, "retention.system_events_days")?,
        usage: days(config.usage_days, "retention.usage_days")?,
        mails: days(config.mails_days, "retention.mails_days")?,
    })
}

fn key_times(config: &Config) -> KeyTimes {
    const DAY: u32 = 86_400;
    let days = |days: u32| (days > 0).then(|| Seconds::constant(days.saturating_mul(DAY)));
    KeyTimes {
        jwks_max_age: Seconds::constant(config.discovery.max_age_seconds),
        rotation: days(config.signing_keys.rotation_days),
        document_rotation: days(config.signing_keys.document_rotation_days),
    }
}

fn kek(config: &Config, randomness: &dyn Randomness) -> Result<KeyEncryptionKey, OpenError> {
    let text = config.key_encryption_key(|bytes| randomness.fill(bytes).map_err(std::io::Error::other))?;
    KeyEncryptionKey::parse(text.expose_secret()).map_err(|error| OpenError::BadKek(error.into()))
}
