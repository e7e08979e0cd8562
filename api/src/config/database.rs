//! `[database]`: which database, and how many connections.

mod credentials;

use std::{fmt, num::NonZeroU32, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

pub(super) use credentials::weakness;

pub(super) const URL: &str = "database.url";

/// `[database]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// Where the data lies, also when it came from `url_file`.
    pub url: DatabaseUrl,
    /// The file that holds the address.
    pub url_file: Option<PathBuf>,
    /// The most connections to PostgreSQL.
    pub max_connections: NonZeroU32,
    /// Connections that read from SQLite.
    pub readers: NonZeroU32,
    /// How long to wait for a free connection, in seconds.
    pub acquire_timeout_seconds: NonZeroU32,
}

/// Which database an address leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A SQLite file.
    Sqlite {
        /// The file; relative paths start from the working directory.
        path: PathBuf,
    },
    /// A PostgreSQL server.
    Postgres,
}

/// The address of a database, which may carry a password: it shows masked.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseUrl {
    text: SecretString,
    kind: Kind,
}

impl DatabaseUrl {
    /// Which database it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The address to connect to, with its password. A SQLite address says whether a missing file is made: `mode=rwc`,
    /// unless it was configured with `mode=rw`.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.text.expose_secret()
    }

    /// The address without its password.
    fn masked(&self) -> String {
        match self.kind {
            Kind::Sqlite { .. } => self.expose_secret().to_owned(),
            Kind::Postgres => credentials::mask(self.expose_secret()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatabaseUrl").field(&self.masked()).finish()
    }
}

/// Masked: what is serialised is shown, never connected to.
impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

/// Why a text is no address of a database. The texts do not repeat it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Another kind of database, or no address.
    #[error("must begin with sqlite:// or postgres://; Licentia runs on SQLite and PostgreSQL")]
    Scheme,
    /// A PostgreSQL address that does not parse.
    #[error(
        "is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE: {0}; \
         write `@`, `:`, `/`, `?`, `#` and `%` in a password as %40, %3A, %2F, %3F, %23 and %25"
    )]
    Postgres(&'static str),
    /// SQLite in memory.
    #[error(
        "names a SQLite database in memory, which each connection would have for itself, and which ends with the \
         process; name a file, such as sqlite://licentia.db"
    )]
    InMemory,
    /// A SQLite address without a file.
    #[error("names no file; write sqlite://licentia.db, or sqlite:///var/lib/licentia/licentia.db")]
    NoFile,
    /// A SQLite path that would be read in two ways.
    #[error("names a SQLite file with `%`, or as a file: URI; write its plain path")]
    EscapedPath,
    /// A parameter that would harm, or does nothing.
    #[error("has a parameter besides mode=rwc and mode=rw; leave it out, Licentia sets the others itself")]
    Parameter,
}

impl TryFrom<String> for DatabaseUrl {
    type Error = DatabaseUrlError;

    fn try_from(text: String) -> Result<Self, DatabaseUrlError> {
        let (scheme, rest) = text.split_once(':').ok_or(DatabaseUrlError::Scheme)?;
        match scheme {
            "sqlite" => sqlite(rest),
            "postgres" | "postgresql" => {
                check_postgres(&text)?;
                Ok(Self { text: text.into(), kind: Kind::Postgres })
            }
            _ => Err(DatabaseUrlError::Scheme),
        }
    }
}

/// `rest` is what stands behind `sqlite:`.
fn sqlite(rest: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, mode) = match rest.split_once('?') {
        None => (rest, "mode=rwc"),
        Some((path, mode @ ("mode=rwc" | "mode=rw"))) => (path, mode),
        Some((_, parameters)) if parameters.split('&').any(|one| one == "mode=memory") => {
            return Err(DatabaseUrlError::InMemory);
        }
        Some(_) => return Err(DatabaseUrlError::Parameter),
    };
    if path.contains(":memory:") {
        return Err(DatabaseUrlError::InMemory);
    }
    if path.contains('%') || path.starts_with("file:") {
        return Err(DatabaseUrlError::EscapedPath);
    }
    if path.is_empty() || path.ends_with('/') {
        return Err(DatabaseUrlError::NoFile);
    }
    Ok(DatabaseUrl {
        text: format!("sqlite://{path}?{mode}").into(),
        kind: Kind::Sqlite { path: path.into() },
    })
}

fn check_postgres(text: &str) -> Result<(), DatabaseUrlError> {
    if !text.contains("://") {
        return Err(DatabaseUrlError::Postgres("the `//` is missing"));
    }
    let url =
        Url::parse(text).map_err(|_| DatabaseUrlError::Postgres("the host or the port cannot be read"))?;
    if url.fragment().is_some() {
        return Err(DatabaseUrlError::Postgres("there is a `#`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
        text.to_owned().try_into()
    }

    #[test]
    fn sqlite_forms_lead_to_a_file_that_is_made_when_missing() {
        for (text, path, connect) in [
            ("sqlite://licentia.db", "licentia.db", "sqlite://licentia.db?mode=rwc"),
            ("sqlite:licentia.db", "licentia.db", "sqlite://licentia.db?mode=rwc"),
            ("sqlite:///var/lib/l.db", "/var/lib/l.db", "sqlite:///var/lib/l.db?mode=rwc"),
            ("sqlite:/var/lib/l.db", "/var/lib/l.db", "sqlite:///var/lib/l.db?mode=rwc"),
            ("sqlite://a b.db?mode=rwc", "a b.db", "sqlite://a b.db?mode=rwc"),
            ("sqlite://l.db?mode=rw", "l.db", "sqlite://l.db?mode=rw"),
        ] {
            let url = parse(text).unwrap();
            assert_eq!(*url.kind(), Kind::Sqlite { path: path.into() });
            assert_eq!(url.expose_secret(), connect);
        }
    }

    #[test]
    fn postgres_addresses_keep_their_text() {
        for text in [
            "postgres://licentia:p%40ss@db:5432/licentia?sslmode=verify-full",
            "postgresql://localhost/licentia",
            "postgres:///licentia?host=/run/postgresql",
            "postgres://licentia@%2Frun%2Fpostgresql/licentia",
        ] {
            let url = parse(text).unwrap();
            assert_eq!(*url.kind(), Kind::Postgres);
            assert_eq!(url.expose_secret(), text);
        }
    }

    #[test]
    fn other_addresses_are_refused_without_repeating_them() {
        for (text, error) in [
            ("canary", DatabaseUrlError::Scheme),
            ("12345", DatabaseUrlError::Scheme),
            ("mysql://root:canary@db/l", DatabaseUrlError::Scheme),
            ("sqlite::memory:", DatabaseUrlError::InMemory),
            ("sqlite://:memory:", DatabaseUrlError::InMemory),
            ("sqlite://canary.db?mode=memory", DatabaseUrlError::InMemory),
            ("sqlite://canary.db?cache=shared&mode=memory", DatabaseUrlError::InMemory),
            ("sqlite://canary.db?mode=ro", DatabaseUrlError::Parameter),
            ("sqlite://canary.db?cache=shared", DatabaseUrlError::Parameter),
            ("sqlite:", DatabaseUrlError::NoFile),
            ("sqlite://", DatabaseUrlError::NoFile),
            ("sqlite:///canary/", DatabaseUrlError::NoFile),
            ("sqlite://can%61ry.db", DatabaseUrlError::EscapedPath),
            ("sqlite:file:canary.db", DatabaseUrlError::EscapedPath),
            ("postgres:canary", DatabaseUrlError::Postgres("the `//` is missing")),
            ("postgres://l:can#ary@db/l", DatabaseUrlError::Postgres("the host or the port cannot be read")),
            ("postgres://l@db/l#canary", DatabaseUrlError::Postgres("there is a `#`")),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(!refused.to_string().contains("canary"));
            assert_eq!(refused, error, "{text}");
        }
    }
}
