//! The configuration: compiled-in defaults, then a file, then `LICENTIA__SECTION__KEY` variables.
//!
//! `config/default.toml` explains every key and holds every default. Nothing is mandatory in development; an unknown
//! key, or a value out of its range, stops the start and is named with the place it came from;
//! [`Config::check`] tells what production refuses, and how to mend it. Secrets do not show in `Debug`,
//! in errors, or in [`Config::render_checked`].

pub mod database;
mod encryption;
mod error;
mod finding;
mod issuer;
mod kek;
mod keys;
mod layers;
mod ldap;
mod log;
mod mail;
mod production;
mod ranges;
mod render;
mod secrets;
mod sections;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use serde::{Deserialize, Serialize};

pub use database::{DatabaseConfig, DatabaseUrl, DatabaseUrlError};
pub use encryption::EncryptionConfig;
pub use error::{ConfigError, Origin, UnknownKey};
pub use finding::Finding;
pub use issuer::{PublicUrl, PublicUrlError};
pub use kek::KekError;
pub use ldap::{LdapConfig, LdapRoles, LdapUrl};
pub use log::{Filter, FilterError, LogConfig, LogFormat};
pub use mail::{MailConfig, MailFrom, MailSender, SmtpConfig, SmtpTls};
pub use sections::{
    AdminConfig, DiscoveryConfig, Environment, ImportsConfig, JobsConfig, LimitsConfig, MultiBufferChoice,
    PortalConfig, RedisConfig, Registration, RetentionConfig, RevocationConfig, ServerConfig, SessionsConfig,
    SigningConfig, SigningKeysConfig, TokensConfig,
};

/// The variable that names the configuration file where `--config` does not.
pub const FILE_VARIABLE: &str = "LICENTIA_CONFIG";
/// The configuration file that is read, if it is there, when none is named.
pub const DEFAULT_FILE: &str = "licentia.toml";

/// Everything that can be configured. Each value has passed its own checks; [`Config::check`] looks at them together.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whether unsafe settings are let through (development) or refused (production).
    pub environment: Environment,
    /// Listening, and the issuer.
    pub server: ServerConfig,
    /// Who administers.
    pub admin: AdminConfig,
    /// Who knows admins beside this server.
    pub ldap: LdapConfig,
    /// How long somebody is signed in.
    pub sessions: SessionsConfig,
    /// What customers may do for themselves.
    pub portal: PortalConfig,
    /// Where the data lies.
    pub database: DatabaseConfig,
    /// The key that seals secrets at rest.
    pub encryption: EncryptionConfig,
    /// Times and limits where a tier names none.
    pub tokens: TokensConfig,
    /// Keys that are made from now on.
    pub signing_keys: SigningKeysConfig,
    /// How is signed.
    pub signing: SigningConfig,
    /// What is told of revocations.
    pub revocation: RevocationConfig,
    /// What runs by itself.
    pub jobs: JobsConfig,
    /// How long is kept what does not stay for good.
    pub retention: RetentionConfig,
    /// What is brought from other systems.
    pub imports: ImportsConfig,
    /// Letters.
    pub mail: MailConfig,
    /// The documents under `/.well-known`.
    pub discovery: DiscoveryConfig,
    /// How much one client may ask.
    pub limits: LimitsConfig,
    /// What instances share beside the database.
    pub redis: RedisConfig,
    /// What is logged, and how.
    pub log: LogConfig,
}

impl Config {
    /// Reads the configuration. `file` is what `--config` says; without it the variable `LICENTIA_CONFIG` in `env`,
    /// then `licentia.toml` in the working directory if there is one. `env` is usually [`process_environment`].
    ///
    /// # Errors
    /// What is unreadable, unknown, given twice or out of its range.
    pub fn load(
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Self::load_in(Path::new(""), file, env)
    }

    fn load_in(
        working_directory: &Path,
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let env: BTreeMap<String, String> = env.into_iter().collect();
        let named = file.or_else(|| env.get(FILE_VARIABLE).map(Path::new));
        let mut settings = match named {
            Some(path) => layers::file(path)?,
            None => layers::file_if_present(&working_directory.join(DEFAULT_FILE))?,
        };
        settings.extend(layers::environment(env)?);
        keys::refuse_unknown(&settings)?;
        layers::refuse_wrong_types(&settings)?;
        let secrets = secrets::read_files(&settings)?;
        let mut config: Self = layers::merge(&settings, &secrets)?;
        config.encryption.held_in = secrets::file_holding(encryption::KEY, &settings, &secrets);

        let mut findings = ranges::findings(&config);
        if findings.is_empty() {
            return Ok(config);
        }
        findings.extend(config.check());
        Err(ConfigError::Refused(findings))
    }

    /// The issuer: the text of `iss` in every token, and the base of every URL that the server names. `bound` is
    /// where the server listens; in development, without a public URL, the issuer follows from it.
    #[must_use]
    pub fn issuer(&self, bound: SocketAddr) -> String {
        match &self.server.public_url {
            Some(url) => url.as_str().to_owned(),
            None => issuer::of_listener(bound, self.server.tls_certificate_file.is_some()),
        }
    }

    /// Everything that production refuses, at once; nothing in development.
    #[must_use]
    pub fn check(&self) -> Vec<Finding> {
        match self.environment {
            Environment::Development => Vec::new(),
            Environment::Production => production::findings(self),
        }
    }

    /// The effective configuration as TOML, secrets masked as `***`.
    ///
    /// # Errors
    /// A value has no form in TOML, such as a path that is not Unicode; none that [`Config::load`] gave.
    pub fn render_checked(&self) -> Result<String, serde_json::Error> {
        render::toml(self)
    }
}

/// The variables of this process. Text that is not Unicode is replaced, so that its variable is refused, not ignored.
pub fn process_environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
}
