//! The sources, each as a list of settings, and their merging. A later setting takes precedence.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use ::config::{File, FileFormat, Map, Source, Value, ValueKind};
use serde::Deserialize;

use super::{
    error::{ConfigError, Origin},
    keys,
};

/// The defaults, with their explanation.
pub(super) const DEFAULTS: &str = include_str!("../../../config/default.toml");
const PREFIX: &str = "LICENTIA";
const SEPARATOR: &str = "__";

/// A key with its value, and where it stands.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// The settings of a configuration file.
pub(super) fn file(path: &Path) -> Result<Vec<Setting>, ConfigError> {
    let text =
        fs::read_to_string(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
    let values = toml(&text)
        .map_err(|error| ConfigError::Syntax { path: path.to_owned(), problem: without_excerpt(&error) })?;
    Ok(flatten(values, &Origin::File(path.to_owned())))
}

/// The settings of a file that need not be there.
pub(super) fn file_if_present(path: &Path) -> Result<Vec<Setting>, ConfigError> {
    match file(path) {
        Err(ConfigError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        settings => settings,
    }
}

/// The settings of the variables `LICENTIA__SECTION__KEY`; others are not ours.
///
/// Values stay text here: with `try_parsing` a secret such as `0123` would become a number and lose its zero. The
/// fields that are numbers parse them later.
pub(super) fn environment(env: BTreeMap<String, String>) -> Result<Vec<Setting>, ConfigError> {
    let values = ::config::Environment::with_prefix(PREFIX)
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .source(Some(env.into_iter().collect()))
        .collect()
        .map_err(ConfigError::Assembly)?;
    let mut settings: Vec<_> = values
        .into_iter()
        .map(|(key, value)| Setting { origin: Origin::Variable(variable(&key)), key, value })
        .collect();
    settings.sort_by(|one, other| one.key.cmp(&other.key));
    let empty = settings
        .iter()
        .find(|setting| matches!(&setting.value.kind, ValueKind::String(text) if text.is_empty()));
    match empty {
        Some(setting) => Err(ConfigError::EmptyVariable(variable(&setting.key))),
        None => Ok(settings),
    }
}

/// The variable that sets the key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{SEPARATOR}{}", key.replace('.', SEPARATOR).to_uppercase())
}

/// Holds each value against the kind of its default; those without one are texts and numbers that parse themselves.
/// The `config` crate would take `true` for 1, and 2.7 for 3.
pub(super) fn refuse_wrong_types(settings: &[Setting]) -> Result<(), ConfigError> {
    let defaults: BTreeMap<_, _> =
        flatten(toml(DEFAULTS).map_err(ConfigError::Assembly)?, &Origin::File(PathBuf::new()))
            .into_iter()
            .map(|setting| (setting.key, setting.value.kind))
            .collect();
    let wrong = settings.iter().find_map(|setting| {
        wrong_type(defaults.get(&setting.key), &setting.value.kind).map(|problem| (setting, problem))
    });
    wrong.map_or(Ok(()), |(setting, problem)| {
        Err(ConfigError::Value {
            key: setting.key.clone(),
            origin: Some(setting.origin.clone()),
            problem: problem.to_owned(),
        })
    })
}

fn wrong_type(default: Option<&ValueKind>, given: &ValueKind) -> Option<&'static str> {
    use ValueKind::{Array, Boolean, Float, I64, Nil, String, Table};
    match (default, given) {
        (_, Array(_) | Table(_) | Nil) => Some("must be a single value"),
        (Some(I64(_)), I64(0..)) | (Some(Boolean(_)), Boolean(_)) => None,
        (Some(I64(_)), String(text)) if text.parse::<u64>().is_ok() => None,
        (Some(Boolean(_)), String(text)) if matches!(text.as_str(), "true" | "false") => None,
        (Some(I64(_)), _) => Some("must be a whole number, without a sign or a unit"),
        (Some(Boolean(_)), _) => Some("must be `true` or `false`"),
        (_, Float(_) | Boolean(_)) => Some("must not be a fraction or a switch"),
        _ => None,
    }
}

/// Puts the settings over the defaults.
pub(super) fn merge<T: for<'de> Deserialize<'de>>(
    settings: &[Setting],
    secrets: &[Setting],
) -> Result<T, ConfigError> {
    let mut builder = ::config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    for setting in settings.iter().chain(secrets) {
        builder = builder.set_override(&setting.key, setting.value.clone()).map_err(ConfigError::Assembly)?;
    }
    let merged = builder.build().map_err(ConfigError::Assembly)?;
    merged.try_deserialize().map_err(|error| explain(error, settings, secrets))
}

/// Names the key, the place and the problem of a value that does not fit.
fn explain(error: ::config::ConfigError, settings: &[Setting], secrets: &[Setting]) -> ConfigError {
    let (key, problem) = match error {
        ::config::ConfigError::Type { key: Some(key), unexpected, expected, .. } => {
            (key, format!("must be {expected}, not the {unexpected}"))
        }
        ::config::ConfigError::At { key: Some(key), error, .. } => (key, error.to_string()),
        other => return ConfigError::Assembly(other),
    };
    let origin = settings.iter().chain(secrets).rfind(|setting| setting.key == key);
    ConfigError::Value { origin: origin.map(|setting| setting.origin.clone()), key, problem }
}

fn toml(text: &str) -> Result<Map<String, Value>, ::config::ConfigError> {
    File::from_str(text, FileFormat::Toml).collect()
}

/// The settings of nested tables under their dotted keys. An empty table is a setting too, unless it is a section.
fn flatten(values: Map<String, Value>, origin: &Origin) -> Vec<Setting> {
    let sections = keys::sections();
    let mut open: Vec<(String, Value)> = values.into_iter().collect();
    let mut settings = Vec::new();
    while let Some((key, value)) = open.pop() {
        match value.kind {
            ValueKind::Table(table) if !table.is_empty() => {
                open.extend(table.into_iter().map(|(name, value)| (format!("{key}.{name}"), value)));
            }
            ValueKind::Table(_) if sections.iter().any(|(section, _)| *section == key) => {}
            _ => settings.push(Setting { key, value, origin: origin.clone() }),
        }
    }
    settings.sort_by(|one, other| one.key.cmp(&other.key));
    settings
}

/// The parser's message without the lines that it quotes: they may hold a secret.
fn without_excerpt(error: &::config::ConfigError) -> String {
    let text = error.to_string();
    let told = text.lines().filter(|line| {
        let margin = line.trim_start().trim_start_matches(|digit: char| digit.is_ascii_digit());
        !margin.trim_start().starts_with('|')
    });
    told.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}
