//! `licentia config check`

use std::fmt::Write;

use licentia_domain::context::KeyEncryptionKey;
use secrecy::ExposeSecret;

use super::{CommandError, output};
use crate::config::{Config, Finding};

/// Prints the configuration in effect, then everything for which the server would not start with it.
pub(super) fn check(config: &Config) -> Result<(), CommandError> {
    let shown = config.render_checked();
    let mut text = shown.map_err(CommandError::failed("the configuration cannot be shown"))?;
    let mut findings = config.check();
    findings.extend(unusable_key(config));
    for finding in &findings {
        let _ = writeln!(text, "\n# refused: {finding}");
    }
    output::print(&text)?;
    if findings.is_empty() { Ok(()) } else { Err(CommandError::Unfit) }
}

/// A key-encryption key that is there, but is none. Nothing is made where it is missing.
fn unusable_key(config: &Config) -> Option<Finding> {
    config.encryption.key.as_ref()?;
    // One of development is a finding already, in production.
    let text = config.key_encryption_key(|_| Ok(())).ok()?;
    let error = KeyEncryptionKey::parse(text.expose_secret()).err()?;
    Some(Finding {
        key: "encryption.key",
        problem: error.to_string(),
        mend: "make one with `openssl rand -base64 32`, and name its file in LICENTIA__ENCRYPTION__KEY_FILE"
            .to_owned(),
    })
}
