//! Secrets in requests.

use serde::Deserialize;

/// A secret in a request: read, never shown. None was sent: it is empty.
#[derive(Clone, Default, Deserialize)]
pub struct SecretText(String);

impl SecretText {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(…)")
    }
}
