//! The keys that exist: the fields of [`Config`] and its sections, as serde knows them.

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
    forward_to_deserialize_any,
};

use super::{
    AdminConfig, Config, DatabaseConfig, DiscoveryConfig, EncryptionConfig, ImportsConfig, JobsConfig,
    LdapConfig, LimitsConfig, LogConfig, MailConfig, PortalConfig, RedisConfig, RetentionConfig,
    RevocationConfig, ServerConfig, SessionsConfig, SigningConfig, SigningKeysConfig, SmtpConfig,
    TokensConfig,
    error::{ConfigError, Origin, UnknownKey},
    layers::{self, Setting},
};

/// Refuses every setting whose key does not exist, all at once.
pub(super) fn refuse_unknown(settings: &[Setting]) -> Result<(), ConfigError> {
    let known = known();
    let unknown: Vec<_> = settings
        .iter()
        .filter(|setting| !known.contains(&setting.key))
        .map(|setting| UnknownKey {
            key: setting.key.clone(),
            origin: setting.origin.clone(),
            hint: hint(setting, &known),
        })
        .collect();
    if unknown.is_empty() { Ok(()) } else { Err(ConfigError::UnknownKeys(unknown)) }
}

/// Every key, such as `server.bind`.
pub(super) fn known() -> Vec<String> {
    let sections = sections();
    let is_section = |field: &str| sections.iter().any(|(section, _)| *section == field);
    let top = fields::<Config>().iter().filter(|field| !is_section(field)).map(|&field| field.to_owned());
    let nested = sections
        .iter()
        .flat_map(|(section, fields)| fields.iter().map(move |field| format!("{section}.{field}")))
        .filter(|key| !is_section(key));
    top.chain(nested).collect()
}

/// Every section with its fields. A test holds it against the fields of [`Config`].
pub(super) fn sections() -> [(&'static str, &'static [&'static str]); 20] {
    [
        ("server", fields::<ServerConfig>()),
        ("admin", fields::<AdminConfig>()),
        ("ldap", fields::<LdapConfig>()),
        ("sessions", fields::<SessionsConfig>()),
        ("portal", fields::<PortalConfig>()),
        ("database", fields::<DatabaseConfig>()),
        ("encryption", fields::<EncryptionConfig>()),
        ("tokens", fields::<TokensConfig>()),
        ("signing_keys", fields::<SigningKeysConfig>()),
        ("signing", fields::<SigningConfig>()),
        ("revocation", fields::<RevocationConfig>()),
        ("jobs", fields::<JobsConfig>()),
        ("retention", fields::<RetentionConfig>()),
        ("imports", fields::<ImportsConfig>()),
        ("mail", fields::<MailConfig>()),
        ("mail.smtp", fields::<SmtpConfig>()),
        ("discovery", fields::<DiscoveryConfig>()),
        ("limits", fields::<LimitsConfig>()),
        ("redis", fields::<RedisConfig>()),
        ("log", fields::<LogConfig>()),
    ]
}

fn hint(setting: &Setting, known: &[String]) -> Option<String> {
    let within = format!("{}.", setting.key);
    if let Some(example) = known.iter().find(|key| key.starts_with(&within)) {
        return Some(format!(
            "this is a section; set a key in it, such as `{}`",
            spelt(example, &setting.origin)
        ));
    }
    let nearest = nearest(&setting.key, known)?;
    Some(format!("did you mean `{}`?", spelt(nearest, &setting.origin)))
}

/// The key as it is written where the wrong one stands.
fn spelt(key: &str, origin: &Origin) -> String {
    match origin {
        Origin::File(_) => key.to_owned(),
        Origin::Variable(_) => layers::variable(key),
    }
}

/// The known key with the fewest differences, if they are few; else the only one that has the same last part.
fn nearest<'a>(key: &str, known: &'a [String]) -> Option<&'a str> {
    let key = key.to_lowercase().replace('-', "_");
    let most = 1 + key.len() / 5;
    let close = known
        .iter()
        .map(|candidate| (distance(&key, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min();
    if let Some((_, candidate)) = close {
        return Some(candidate);
    }
    // Who names a section that there is means a key of that one.
    if key.split_once('.').is_some_and(|(section, _)| sections().iter().any(|(known, _)| *known == section)) {
        return None;
    }
    let last_part = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let mut same_end = known.iter().filter(|candidate| last_part(candidate) == last_part(&key));
    same_end.next().filter(|_| same_end.next().is_none()).map(String::as_str)
}

/// How many letters must be added, left out or changed to make one text of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut next = vec![index + 1];
        let mut left = index + 1;
        for (pair, candidate) in row.windows(2).zip(&other) {
            if let [diagonal, above] = pair {
                let changed = diagonal + usize::from(letter != *candidate);
                left = changed.min(above + 1).min(left + 1);
                next.push(left);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// The names of a struct's fields: asked of its `Deserialize`, answered through the error.
fn fields<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    T::deserialize(FieldNames).err().map_or(&[], |Fields(names)| names)
}

struct FieldNames;

#[derive(Debug, thiserror::Error)]
#[error("not a value, only the names of its fields")]
struct Fields(&'static [&'static str]);

impl de::Error for Fields {
    fn custom<T>(_: T) -> Self {
        Self(&[])
    }
}

impl<'de> Deserializer<'de> for FieldNames {
    type Error = Fields;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fields> {
        Err(Fields(&[]))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Fields> {
        Err(Fields(fields))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_configuration_is_a_section_or_the_environment() {
        // A section within another one is a field of that.
        let mut listed: Vec<_> =
            sections().iter().map(|(section, _)| *section).filter(|section| !section.contains('.')).collect();
        listed.insert(0, "environment");
        assert_eq!(listed, fields::<Config>());
        assert!(sections().iter().all(|(_, fields)| !fields.is_empty()));
    }

    #[test]
    fn the_nearest_key_is_found() {
        let known = known();
        for (wrong, right) in [
            ("server.bnid", Some("server.bind")),
            ("server.publicUrl", Some("server.public_url")),
            ("server_bind", Some("server.bind")),
            ("sever.bind", Some("server.bind")),
            ("enviroment", Some("environment")),
            ("db.readers", Some("database.readers")),
            // There are two.
            ("db.url", None),
            ("bind", Some("server.bind")),
            ("tokens.token-ttl", Some("tokens.token_ttl")),
            ("server.port", None),
            ("colour", None),
        ] {
            assert_eq!(nearest(wrong, &known), right, "{wrong}");
        }
    }

    #[test]
    fn distances_count_letters() {
        for (one, other, letters) in [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3)] {
            assert_eq!(distance(one, other), letters);
        }
    }
}
