//! Why a configuration could not be read.

use std::{fmt, io, path::PathBuf};

use super::Finding;

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A configuration file, or the file of a secret.
    File(PathBuf),
    /// An environment variable, by its name.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file `{}`", path.display()),
            Self::Variable(name) => write!(f, "the environment variable `{name}`"),
        }
    }
}

/// A key that Licentia does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// The key, such as `server.bnid`.
    pub key: String,
    /// Where it stands.
    pub origin: Origin,
    /// What was probably meant, as a sentence's end.
    pub hint: Option<String>,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in {}", self.key, self.origin)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, ": {hint}"))
    }
}

/// Why a configuration could not be read. The texts hold no secrets.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file is missing or not readable.
    #[error("the configuration file `{}` cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file `{}` is not TOML: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why, without the line itself: it may hold a secret.
        problem: String,
    },
    /// Keys that do not exist, all of them.
    #[error("unknown configuration keys:{}", list(.0))]
    UnknownKeys(Vec<UnknownKey>),
    /// A variable that is set, but to nothing.
    #[error("the environment variable `{0}` is empty; give it a value, or unset it")]
    EmptyVariable(String),
    /// A value of the wrong type or form.
    #[error("`{key}`{} {problem}", from(origin.as_ref()))]
    Value {
        /// The key.
        key: String,
        /// Where its value stands.
        origin: Option<Origin>,
        /// What is wrong with it, as a sentence's end.
        problem: String,
    },
    /// A secret that is given in clear and as a file.
    #[error("`{key}` is given by {one}, and `{key}_file` by {other}; keep one of them")]
    Both {
        /// The key.
        key: &'static str,
        /// Where the secret stands.
        one: Origin,
        /// Where its file is named.
        other: Origin,
    },
    /// The file of a secret is missing or not readable.
    #[error("`{key}` names the file `{}`, which cannot be read: {source}", path.display())]
    SecretFile {
        /// The key that names the file.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file of a secret holds nothing.
    #[error("`{key}` names the file `{}`, which is empty", path.display())]
    EmptySecretFile {
        /// The key that names the file.
        key: String,
        /// The file.
        path: PathBuf,
    },
    /// Values out of their range, and in production whatever else it refuses.
    #[error("the configuration is refused:{}", list(.0))]
    Refused(Vec<Finding>),
    /// The sources could not be put together.
    #[error("the configuration could not be put together: {0}")]
    Assembly(::config::ConfigError),
}

fn list(items: &[impl fmt::Display]) -> String {
    items.iter().fold(String::new(), |text, item| text + "\n  - " + &item.to_string())
}

fn from(origin: Option<&Origin>) -> String {
    origin.map(|origin| format!(", from {origin},")).unwrap_or_default()
}
