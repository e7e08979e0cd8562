//! Records of other systems, as rows of ours. Pure: a record goes in, the JSON of a row comes out, which is
//! then read like any other.

use licentia_types::imports::ImportPreset;
use licentia_types::problems::FieldProblem;
use licentia_types::time::Timestamp;
use serde_json::{Map, Value, json};

use super::ImportOptions;

mod gumroad;
mod issuance_log;
mod keygen;
mod lemonsqueezy;
#[cfg(test)]
mod tests;

type Record = Map<String, Value>;

/// The row that a record stands for; none when it stands for nothing that could be imported.
pub(super) fn row(
    preset: ImportPreset,
    options: &ImportOptions,
    record: &Record,
) -> Result<Option<Value>, FieldProblem> {
    match preset {
        ImportPreset::Native => Ok(Some(Value::Object(record.clone()))),
        ImportPreset::Keygen => keygen::row(options, record).map(Some),
        ImportPreset::LemonSqueezy => lemonsqueezy::row(options, record).map(Some),
        ImportPreset::Gumroad => gumroad::row(options, record),
        ImportPreset::IssuanceLog => issuance_log::row(options, record).map(Some),
    }
}

/// A text, or a number as one; none where nothing stands.
fn text(record: &Record, name: &str) -> Option<String> {
    match record.get(name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A licence key, which stays as it is.
fn key(record: &Record, name: &str) -> Option<String> {
    record.get(name)?.as_str().filter(|key| !key.is_empty()).map(str::to_owned)
}

/// A switch in any of the ways in which exports write one.
fn is_on(record: &Record, name: &str) -> bool {
    match record.get(name) {
        Some(Value::Bool(on)) => *on,
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        Some(Value::String(text)) => matches!(text.to_lowercase().as_str(), "1" | "true" | "yes"),
        _ => false,
    }
}

fn object<'a>(record: &'a Record, name: &str) -> Option<&'a Record> {
    record.get(name)?.as_object()
}

/// The tier that stands for the first of these names that is known.
fn tier(options: &ImportOptions, names: &[Option<String>]) -> Option<String> {
    let known = names.iter().flatten().find_map(|name| options.tiers.get(name));
    known.map(|key| key.as_str().to_owned())
}

/// A customer who is known by an e-mail address; it is its external id as well, in lower case, so that the
/// same person is the same customer wherever the rows come from.
fn customer(name: Option<String>, email: Option<&str>) -> Option<Value> {
    if name.is_none() && email.is_none() {
        return None;
    }
    let known = email.map(str::to_lowercase);
    Some(Value::Object(present([
        ("externalId", known.map(Value::from)),
        ("name", name.map(Value::from)),
        ("email", email.map(Value::from)),
    ])))
}

/// Those members that are there.
fn present<const N: usize>(members: [(&str, Option<Value>); N]) -> Record {
    let there = |(name, value): (&str, Option<Value>)| value.map(|value| (name.to_owned(), value));
    members.into_iter().filter_map(there).collect()
}

/// An instant as exports write them: RFC 3339, or a date, perhaps with a time, perhaps with a zone.
fn instant(record: &Record, name: &str, pointer: &str) -> Result<Option<Value>, FieldProblem> {
    let Some(text) = text(record, name) else { return Ok(None) };
    let mut words = text.split_whitespace();
    let (date, time, zone) = (words.next().unwrap_or_default(), words.next(), words.next());
    let zone = match zone {
        None | Some("UTC" | "Z" | "+0000" | "+00:00") => "Z",
        Some(_) => "?",
    };
    let written = match (text.parse::<Timestamp>(), time) {
        (Ok(at), _) => Ok(at),
        (Err(_), None) => format!("{date}T00:00:00Z").parse(),
        (Err(_), Some(time)) => format!("{date}T{time}{zone}").parse(),
    };
    match written {
        Ok(at) => Ok(Some(json!(at))),
        Err(_) => Err(FieldProblem::new(pointer, "INVALID", format!("{name} is not a time"))),
    }
}
