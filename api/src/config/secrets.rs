//! Secret keys: each `x` may be given as `x_file`, a file that holds it.

use std::{fs, path::PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serializer};

use super::{
    database, encryption,
    error::{ConfigError, Origin},
    layers::Setting,
    ldap, mail, sections,
};

/// Every secret key. Beside each stands the key `…_file`.
pub(super) const SECRET_KEYS: [&str; 5] =
    [database::URL, encryption::KEY, ldap::BIND_PASSWORD, mail::SMTP_PASSWORD, sections::REDIS_URL];

/// Reads the secrets that are given as files; each becomes a setting whose origin is its file.
pub(super) fn read_files(settings: &[Setting]) -> Result<Vec<Setting>, ConfigError> {
    SECRET_KEYS.into_iter().filter_map(|key| read_file(key, settings).transpose()).collect()
}

fn read_file(key: &'static str, settings: &[Setting]) -> Result<Option<Setting>, ConfigError> {
    let file_key = format!("{key}_file");
    let Some(named) = last(&file_key, settings) else {
        return Ok(None);
    };
    if let Some(given) = last(key, settings) {
        return Err(ConfigError::Both { key, one: given.origin.clone(), other: named.origin.clone() });
    }
    let path = PathBuf::from(named.value.to_string());
    let text = fs::read_to_string(&path).map_err(|source| ConfigError::SecretFile {
        key: file_key.clone(),
        path: path.clone(),
        source,
    })?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(ConfigError::EmptySecretFile { key: file_key, path });
    }
    Ok(Some(Setting { key: key.to_owned(), value: secret.into(), origin: Origin::File(path) }))
}

/// The file in which the secret lies in clear, or none.
pub(super) fn file_holding(key: &str, settings: &[Setting], secrets: &[Setting]) -> Option<PathBuf> {
    let setting = last(key, secrets).or_else(|| last(key, settings))?;
    match &setting.origin {
        Origin::File(path) => Some(path.clone()),
        Origin::Variable(_) => None,
    }
}

/// The setting that counts: the last one, since sources stand in order of precedence.
fn last<'a>(key: &str, settings: &'a [Setting]) -> Option<&'a Setting> {
    settings.iter().rfind(|setting| setting.key == key)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
pub(super) fn mask<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(_) => serializer.serialize_str("***"),
        None => serializer.serialize_none(),
    }
}
