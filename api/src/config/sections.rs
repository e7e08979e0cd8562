//! The sections that are plain numbers and switches. Defaults: `config/default.toml`.

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{issuer::PublicUrl, secrets};
use crate::origins::Origins;
use crate::proxies::TrustedProxies;

/// How strict the start is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum Environment {
    /// Nothing needs to be configured.
    Development,
    /// Unsafe settings stop the start.
    Production,
}

impl TryFrom<String> for Environment {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "development" => Ok(Self::Development),
            "production" => Ok(Self::Production),
            _ => Err("is either \"development\" or \"production\""),
        }
    }
}

/// `[server]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Where to listen for whoever administers; none: at `bind`.
    pub admin_bind: Option<SocketAddr>,
    /// The issuer, where it was configured. Ask [`super::Config::issuer`].
    pub public_url: Option<PublicUrl>,
    /// The server's certificate and those that it was issued by, as PEM; none: no TLS.
    pub tls_certificate_file: Option<PathBuf>,
    /// The certificate's private key, as PEM.
    pub tls_key_file: Option<PathBuf>,
    /// Threads that serve requests; none: one for each CPU.
    pub workers: Option<NonZeroUsize>,
    /// Reverse proxies whose word is taken for whom a request comes from.
    pub trusted_proxies: Option<TrustedProxies>,
    /// Web origins whose scripts may use the API.
    pub cors_origins: Option<Origins>,
    /// Whether browsers are told to come by https only, where the issuer is https.
    pub hsts: bool,
    /// How long the head of a request may take to arrive, in seconds: 1 to 600.
    pub header_timeout_seconds: NonZeroU32,
    /// How long a body may take to arrive, and one that is streamed its next piece, in seconds: 1 to 600.
    pub body_timeout_seconds: NonZeroU32,
    /// How long running requests may go on after SIGTERM, in seconds.
    pub shutdown_grace_seconds: u32,
}

/// `[admin]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig {
    /// The file that holds an API key which may do everything; read again on SIGHUP.
    pub api_key_file: Option<PathBuf>,
    /// Whether nobody signs in without a second factor.
    pub require_totp: bool,
    /// From which origins pages may sign in, beside the issuer's own.
    pub origins: Option<Origins>,
}

/// `[sessions]`: in seconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SessionsConfig {
    /// Life of a session's token: 30 to 3,600.
    pub access_ttl_seconds: u32,
    /// How long a session goes on that nobody renews: at least `access_ttl_seconds`, at most 30 days.
    pub idle_seconds: u32,
    /// How long a session goes on at most: at least `idle_seconds`, at most a year.
    pub lifetime_seconds: u32,
}

/// `[portal]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PortalConfig {
    /// Which customers may register by themselves.
    pub registration: Registration,
}

/// Which customers may register by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum Registration {
    /// Everybody who has an address.
    Open,
    /// Whom the vendor made a customer with that address.
    Invited,
    /// Nobody.
    Off,
}

impl TryFrom<String> for Registration {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "open" => Ok(Self::Open),
            "invited" => Ok(Self::Invited),
            "off" => Ok(Self::Off),
            _ => Err("is \"open\", \"invited\" or \"off\""),
        }
    }
}

/// `[tokens]`: times in seconds, for licences whose tier does not say otherwise.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TokensConfig {
    /// How far `iat` and `nbf` lie in the past: 0 to 300 s.
    pub backdate_seconds: u32,
    /// How long a token is valid, in seconds; at least twice `heartbeat_interval`.
    pub token_ttl: u32,
    /// How often a machine calls, in seconds; at least 1.
    pub heartbeat_interval: u32,
    /// How long after its last contact a machine may go on alone, in seconds.
    pub offline_grace: u32,
    /// How long a licence goes on after its end, in seconds.
    pub expiry_grace: u32,
    /// How long machines are told that their licence was revoked before they stop, in seconds.
    pub revocation_grace: u32,
    /// How long a floating seat is held without contact, in seconds; at least 3.
    pub lease: u32,
    /// How many machines may use a licence: 1 to ten million.
    pub default_max_activations: NonZeroU32,
}

/// `[signing_keys]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKeysConfig {
    /// The length of new RSA keys in bits: 2048, 3072 or 4096.
    pub bits: u32,
    /// For how long a key signs tokens and sessions, in days; 0: until somebody rotates.
    pub rotation_days: u32,
    /// For how long a key signs documents, in days; 0: until somebody rotates.
    pub document_rotation_days: u32,
}

/// `[signing]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SigningConfig {
    /// Whether tokens that were committed together are signed together.
    pub multi_buffer: MultiBufferChoice,
    /// The library that does; none: the system's own.
    pub multi_buffer_library: Option<PathBuf>,
}

/// Whether several tokens are signed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum MultiBufferChoice {
    /// Where library and processor are there.
    Auto,
    /// Never.
    Off,
    /// Always: without them the server does not start.
    Require,
}

impl TryFrom<String> for MultiBufferChoice {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            "require" => Ok(Self::Require),
            _ => Err("is \"auto\", \"off\" or \"require\""),
        }
    }
}

/// `[revocation]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationConfig {
    /// How long a list that did not change may be kept: 15 s to 12 hours.
    pub list_ttl_seconds: u32,
}

/// `[jobs]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JobsConfig {
    /// Whether this instance runs background jobs.
    pub enabled: bool,
}

/// `[retention]`: in days, up to ten years.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionConfig {
    /// Events for mail and webhooks.
    pub events_days: NonZeroU32,
    /// Warnings and errors of the server itself.
    pub system_events_days: NonZeroU32,
    /// Usage.
    pub usage_days: NonZeroU32,
    /// Letters that were sent or given up.
    pub mails_days: NonZeroU32,
}

/// `[imports]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImportsConfig {
    /// The largest body of an import: 1 to 10,240 MB (of 1,048,576 bytes).
    pub max_upload_mb: NonZeroU32,
}

/// `[discovery]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoveryConfig {
    /// `Cache-Control: max-age` of the documents under `/.well-known`, in seconds: up to a day.
    pub max_age_seconds: u32,
}

/// `[limits]`. A network is an IPv4 address or an IPv6 /64.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Whether anything is limited.
    pub enabled: bool,
    /// Activations per minute of one licence key from one network.
    pub activate_per_minute: NonZeroU32,
    /// Validations per minute of one licence key, or token, from one network.
    pub validate_per_minute: NonZeroU32,
    /// Heartbeats per minute of one activation from one network.
    pub heartbeat_per_minute: NonZeroU32,
    /// Tries to sign in per minute, of one account and of one network.
    pub login_per_minute: NonZeroU32,
    /// Other calls per minute of one principal, or of one network without one.
    pub default_per_minute: NonZeroU32,
    /// Wrong licence keys per minute from one network, on average.
    pub failed_key_lookups_per_minute: NonZeroU32,
    /// Wrong licence keys at once, before the average counts.
    pub failed_key_lookups_burst: NonZeroU32,
}

pub(super) const REDIS_URL: &str = "redis.url";

/// `[redis]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// The address, also when it came from `url_file`. None: instances do not share their limits.
    #[serde(default, deserialize_with = "secrets::deserialize", serialize_with = "secrets::mask")]
    pub url: Option<SecretString>,
    /// The file that holds the address.
    pub url_file: Option<PathBuf>,
    /// What every key begins with.
    pub key_prefix: String,
    /// How long an answer is waited for, in milliseconds.
    pub timeout_ms: NonZeroU32,
}

#[cfg(test)]
impl LimitsConfig {
    /// The defaults.
    pub(crate) fn of_tests() -> Self {
        super::Config::load(None, []).unwrap().limits
    }
}
