//! The key-encryption key: the configured one, or in development one that the first start makes.
//!
//! The made one lies in `licentia.kek` beside the SQLite database (in the working directory for PostgreSQL), readable
//! by its owner only. Processes that start together all end with the key that lies there.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{Config, Environment, database::Kind};

/// The name of the file that development makes.
const FILE_NAME: &str = "licentia.kek";
const DEVELOPMENT_PREFIX: &str = "dev-";
const KEY_BYTES: usize = 32;

/// Why there is no key-encryption key.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// Production makes none.
    #[error("production needs a key-encryption key; set LICENTIA__ENCRYPTION__KEY_FILE")]
    Missing,
    /// Production uses none that was made for development.
    #[error("the key-encryption key was made for development (it begins with `dev-`)")]
    Development,
    /// The source of randomness failed.
    #[error("no random bytes for a key-encryption key: {0}")]
    Randomness(io::Error),
    /// The file of development could not be made or read.
    #[error(
        "the key-encryption key in `{}` cannot be made or read: {source}; \
         mend that, or set LICENTIA__ENCRYPTION__KEY",
        path.display()
    )]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Config {
    /// The key-encryption key as text (base64 or hex of 32 bytes), without the mark of development. `fill` fills its
    /// argument with random bytes; it is asked only where development makes a key.
    ///
    /// # Errors
    /// No key, or one made for development, in production; the file of development cannot be made or read.
    pub fn key_encryption_key(
        &self,
        fill: impl FnMut(&mut [u8]) -> io::Result<()>,
    ) -> Result<SecretString, KekError> {
        let key = match (&self.encryption.key, self.environment) {
            (Some(key), Environment::Production) if is_for_development(key) => {
                return Err(KekError::Development);
            }
            (Some(key), _) => key.clone(),
            (None, Environment::Production) => return Err(KekError::Missing),
            (None, Environment::Development) => read_or_make(&self.development_key_file(), fill)?,
        };
        let text = key.expose_secret().trim();
        Ok(text.strip_prefix(DEVELOPMENT_PREFIX).unwrap_or(text).into())
    }

    fn development_key_file(&self) -> PathBuf {
        match self.database.url.kind() {
            Kind::Sqlite { path } => path.with_file_name(FILE_NAME),
            Kind::Postgres => FILE_NAME.into(),
        }
    }
}

pub(super) fn is_for_development(key: &SecretString) -> bool {
    key.expose_secret().trim_start().starts_with(DEVELOPMENT_PREFIX)
}

fn read_or_make(
    path: &Path,
    fill: impl FnMut(&mut [u8]) -> io::Result<()>,
) -> Result<SecretString, KekError> {
    let failed = |source| KekError::File { path: path.to_owned(), source };
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        result => return result.map_err(failed),
    }
    let (key, name) = random(fill).map_err(KekError::Randomness)?;
    publish(&key, &path.with_file_name(name), path).map_err(failed)?;
    read(path).map_err(failed)
}

fn read(path: &Path) -> io::Result<SecretString> {
    let text = Zeroizing::new(fs::read_to_string(path)?);
    match text.trim() {
        "" => Err(io::Error::new(io::ErrorKind::InvalidData, "the file is empty")),
        key => Ok(key.into()),
    }
}

/// A new key as text, and a name for its file until it is whole.
fn random(mut fill: impl FnMut(&mut [u8]) -> io::Result<()>) -> io::Result<(Zeroizing<String>, String)> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    fill(key.as_mut_slice())?;
    let mut suffix = [0; 8];
    fill(&mut suffix)?;
    let text = Zeroizing::new(STANDARD.encode(key.as_slice()));
    Ok((
        Zeroizing::new(format!("{DEVELOPMENT_PREFIX}{}\n", *text)),
        format!(".{FILE_NAME}.{}", hex::encode(suffix)),
    ))
}

/// Gives the file its name only when it is whole and durable; if another process was first, its key stays.
fn publish(key: &str, draft: &Path, path: &Path) -> io::Result<()> {
    let written = write_private(key, draft).and_then(|()| fs::hard_link(draft, path));
    let removed = fs::remove_file(draft);
    match written {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => removed,
    }
}

fn write_private(key: &str, path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(key.as_bytes())?;
    file.sync_all()
}
