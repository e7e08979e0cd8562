//! Sources, precedence, refusals.

mod key_file;
mod ldap;
mod mail;
mod production;
mod sources;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{Config, ConfigError};

/// A folder of its own for a test, removed afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("licentia-config-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and tells its path.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `NAME=value` each.
fn variables(texts: &[&str]) -> Vec<(String, String)> {
    texts
        .iter()
        .map(|text| text.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The configuration of a folder without a file.
fn load(env: &[&str]) -> Result<Config, ConfigError> {
    Config::load_in(Folder::new().path(), None, variables(env))
}

/// The keys that are complained of; none: it was taken.
fn refused(config: Result<Config, ConfigError>) -> Vec<&'static str> {
    match config {
        Err(ConfigError::Refused(findings)) => findings.iter().map(|finding| finding.key).collect(),
        Err(other) => panic!("{other}"),
        Ok(_) => Vec::new(),
    }
}

/// The configuration of a file with this text.
fn load_file(text: &str) -> Result<Config, ConfigError> {
    let folder = Folder::new();
    Config::load_in(folder.path(), Some(&folder.write("own.toml", text)), [])
}
