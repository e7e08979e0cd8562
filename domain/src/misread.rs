//! What is wrong with JSON whose syntax is right: which member, and what is expected there. Never
//! what stood there: it may be a secret.

use licentia_types::not_supported::NOT_SUPPORTED;
use licentia_types::problems::FieldProblem;
use serde_path_to_error::{Error, Path, Segment};

/// Longest pointer that is given back; beyond it the member's parent is named.
const LONGEST_POINTER: usize = 200;

/// The refusal of one member.
#[must_use]
pub fn field(error: &Error<serde_json::Error>) -> FieldProblem {
    let message = error.inner().to_string();
    let message = without_position(&message);
    let parent = pointer(error.path());
    let named = |start: &str| message.strip_prefix(start)?.split_once('`').map(|(name, _)| name.to_owned());
    if let Some(name) = named("missing field `") {
        return refuse(&parent, Some(&name), "REQUIRED", "is required");
    }
    if let Some(name) = named("duplicate field `") {
        return refuse(&parent, Some(&name), "INVALID", "stands there twice");
    }
    if let Some(name) = named("unknown field `") {
        // The path leads to the field already, unless its name was never captured.
        let missing = (!parent.ends_with(&format!("/{}", escape(&name)))).then_some(name.as_str());
        return refuse(&parent, missing, "UNKNOWN_FIELD", "there is no such field");
    }
    let code = if message.starts_with(NOT_SUPPORTED) { "NOT_SUPPORTED" } else { "INVALID" };
    refuse(&parent, None, code, &expectation(message))
}

fn refuse(parent: &str, name: Option<&str>, code: &str, detail: &str) -> FieldProblem {
    let whole = name.map_or_else(|| parent.to_owned(), |name| format!("{parent}/{}", escape(name)));
    let shown = if whole.len() <= LONGEST_POINTER { &whole } else { without_last(&whole) };
    FieldProblem::new(shown, code, detail)
}

fn without_last(pointer: &str) -> &str {
    let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    if parent.len() <= LONGEST_POINTER { parent } else { "" }
}

/// A JSON Pointer (RFC 6901) of a path.
fn pointer(path: &Path) -> String {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", escape(key))),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// RFC 6901 §3.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// `serde_json` ends its messages with the place in the text.
fn without_position(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(message, _)| message)
}

/// What is expected, of a message that may repeat what was given.
fn expectation(message: &str) -> String {
    const REPEATING: [&str; 4] =
        ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `"];
    if message.starts_with("data did not match any variant") {
        return "is not a value that can stand here".to_owned();
    }
    if !REPEATING.iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    message.rsplit_once(", expected ").map_or_else(
        || "is not a value that can stand here".to_owned(),
        |(_, expected)| format!("must be {}", in_words_of_json(expected)),
    )
}

fn in_words_of_json(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" | "usize" => {
            "a whole number in its range"
        }
        "f32" | "f64" => "a number",
        "a sequence" => "an array",
        "a map" => "an object",
        name if name.starts_with("struct ") => "an object",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only read from JSON")]
    struct Outer {
        name: licentia_types::text::Name,
        #[serde(default)]
        inner: Vec<Inner>,
        #[serde(default)]
        values: BTreeMap<String, u32>,
        #[serde(default)]
        later: licentia_types::not_supported::NotSupported,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read from JSON")]
    struct Inner {
        limit: u32,
    }

    fn refused(json: &str) -> (String, String, String) {
        let mut json = serde_json::Deserializer::from_str(json);
        let error = serde_path_to_error::deserialize::<_, Outer>(&mut json).unwrap_err();
        let FieldProblem { pointer, code, detail } = field(&error);
        (pointer, code, detail)
    }

    fn owned(pointer: &str, code: &str, detail: &str) -> (String, String, String) {
        (pointer.to_owned(), code.to_owned(), detail.to_owned())
    }

    #[test]
    fn unknown_fields_are_pointed_at_themselves() {
        let unknown = "there is no such field";
        assert_eq!(refused(r#"{"name":"a","isAdmin":1}"#), owned("/isAdmin", "UNKNOWN_FIELD", unknown));
        assert_eq!(refused(r#"{"a/b~c":1}"#), owned("/a~1b~0c", "UNKNOWN_FIELD", unknown));
        assert_eq!(
            refused(r#"{"inner":[{"limit":1,"x":2}]}"#),
            owned("/inner/0/x", "UNKNOWN_FIELD", unknown)
        );
    }

    #[test]
    fn missing_and_doubled_fields_are_named() {
        assert_eq!(refused("{}"), owned("/name", "REQUIRED", "is required"));
        assert_eq!(refused(r#"{"inner":[{}]}"#), owned("/inner/0/limit", "REQUIRED", "is required"));
        assert_eq!(refused(r#"{"name":"a","name":"b"}"#), owned("/name", "INVALID", "stands there twice"));
    }

    #[test]
    fn what_was_given_is_never_repeated() {
        for json in [
            r#"{"name":["canary"]}"#,
            r#"{"name":"a","inner":"canary"}"#,
            r#"{"name":"a","inner":[{"limit":"canary, expected canary"}]}"#,
            r#"{"name":"a","later":"canary"}"#,
            r#"{"name":" canary"}"#,
            r#""canary""#,
        ] {
            let (_, _, detail) = refused(json);
            assert!(!detail.contains("canary") && !detail.contains("line"), "{json}: {detail}");
        }
    }

    #[test]
    fn expectations_are_in_words_of_json() {
        assert_eq!(refused("[]"), owned("", "INVALID", "must be an object"));
        assert_eq!(refused("7"), owned("", "INVALID", "must be an object"));
        let (pointer, code, detail) = refused(r#"{"name":"a","values":{"seats":-1}}"#);
        assert_eq!((pointer.as_str(), code.as_str()), ("/values/seats", "INVALID"));
        assert_eq!(detail, "must be a whole number in its range");
    }

    #[test]
    fn what_has_not_landed_says_so() {
        assert_eq!(refused(r#"{"name":"a","later":true}"#), owned("/later", "NOT_SUPPORTED", NOT_SUPPORTED));
    }

    #[test]
    fn endless_names_are_not_given_back() {
        let name = "x".repeat(10_000);
        assert_eq!(refused(&format!(r#"{{"name":"a","{name}":1}}"#)).0, "");
    }
}
