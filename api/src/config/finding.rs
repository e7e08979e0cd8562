//! One thing that is wrong with a configuration.

use std::fmt;

/// A setting that cannot stay as it is. The texts hold no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The key to change, such as `server.public_url`.
    pub key: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub mend: String,
}

impl Finding {
    pub(super) fn new(key: &'static str, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { key, problem: problem.into(), mend: mend.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}. To mend it: {}.", self.key, self.problem, self.mend)
    }
}
