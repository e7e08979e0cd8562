//! `[encryption]`: where the key-encryption key comes from.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::secrets;

pub(super) const KEY: &str = "encryption.key";

/// `[encryption]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptionConfig {
    /// The key as text, base64 or hex, also when it came from `key_file`. Take it through
    /// [`super::Config::key_encryption_key`].
    #[serde(default, deserialize_with = "secrets::deserialize", serialize_with = "secrets::mask")]
    pub key: Option<SecretString>,
    /// The file that holds the key.
    pub key_file: Option<PathBuf>,
    /// The file in which the key lies: `key_file`, or the configuration file. None: a variable, or no key.
    #[serde(skip)]
    pub(super) held_in: Option<PathBuf>,
}
