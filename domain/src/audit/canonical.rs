//! The one form of an audit row that is chained: the same whichever database it was read from.
//!
//! Every field has a length, so that no two rows have the same form. JSON is written anew, because
//! PostgreSQL orders the members of an object and writes numbers its own way: members are sorted,
//! and a number has one form for each value.

use std::fmt::Write;

use licentia_entity::audit_event;
use serde_json::{Map, Number, Value};

/// The canonical bytes of a row.
pub(super) fn row(event: &audit_event::Model) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    bytes.extend_from_slice(event.id.uuid().as_bytes());
    bytes.extend_from_slice(&event.at.micros().to_be_bytes());
    let license = event.license_id.map(|id| id.to_string());
    let detail = json(&event.detail);
    for field in [
        Some(event.actor_kind.as_str()),
        event.actor_id.as_deref(),
        Some(event.action.as_str()),
        Some(event.subject.as_str()),
        license.as_deref(),
        Some(detail.as_str()),
        event.ip.as_deref(),
        event.request_id.as_deref(),
    ] {
        put(&mut bytes, field);
    }
    // What was written before there were groups keeps its form.
    if let Some(group) = event.group_id {
        put(&mut bytes, Some(&group.to_string()));
    }
    bytes
}

/// One byte: whether it is there; then its length as eight bytes, and itself.
fn put(bytes: &mut Vec<u8>, field: Option<&str>) {
    let Some(text) = field else {
        bytes.push(0);
        return;
    };
    bytes.push(1);
    // No platform has a `usize` wider than 64 bits, so the fallback is never taken.
    bytes.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

fn json(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

fn write(text: &mut String, value: &Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => {
            let _ = write!(text, "{value}");
        }
        Value::Number(value) => number(text, value),
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write(text, item);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(members) => object(text, members),
    }
}

fn object(text: &mut String, members: &Map<String, Value>) {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    text.push('{');
    for (name, value) in sorted {
        let _ = write!(text, "{}:", Value::from(name.as_str()));
        write(text, value);
        text.push(',');
    }
    text.push('}');
}

/// A whole number is its digits, however it was written (`1e3`, `1000.0`); any other is the
/// shortest decimal fraction of the float that it was read as. Sealing and checking read the same
/// stored text, so they read the same float.
fn number(text: &mut String, number: &Number) {
    let _ = match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(whole), _, _) => write!(text, "{whole}"),
        (None, Some(whole), _) => write!(text, "{whole}"),
        // −0 is 0.
        (None, None, Some(0.0)) => write!(text, "0"),
        (None, None, Some(float)) => write!(text, "{float}"),
        (None, None, None) => write!(text, "{number}"),
    };
}

#[cfg(test)]
mod tests {
    use licentia_types::ids::{AuditEventId, GroupId};
    use licentia_types::time::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn event() -> audit_event::Model {
        audit_event::Model {
            id: AuditEventId::new(Uuid::from_u128(7)),
            at: Timestamp::from_micros(1),
            actor_kind: "api_key".to_owned(),
            actor_id: None,
            action: "license.issued".to_owned(),
            subject: "lic".to_owned(),
            license_id: None,
            detail: json!({}),
            ip: None,
            request_id: None,
            group_id: None,
        }
    }

    #[test]
    fn what_moves_from_one_field_to_the_next_changes_the_form() {
        let base = row(&event());
        for other in [
            audit_event::Model { actor_id: Some(String::new()), ..event() },
            audit_event::Model { action: "license.issuedl".to_owned(), subject: "ic".to_owned(), ..event() },
            audit_event::Model { ip: Some("1".to_owned()), ..event() },
            audit_event::Model { request_id: Some("1".to_owned()), ..event() },
            audit_event::Model { at: Timestamp::from_micros(2), ..event() },
            audit_event::Model { group_id: Some(GroupId::new(Uuid::from_u128(7))), ..event() },
            audit_event::Model { id: AuditEventId::new(Uuid::from_u128(8)), ..event() },
        ] {
            assert_ne!(row(&other), base, "{other:?}");
        }
        let ip = row(&audit_event::Model { ip: Some("1".to_owned()), ..event() });
        assert_ne!(ip, row(&audit_event::Model { request_id: Some("1".to_owned()), ..event() }));
    }

    #[test]
    fn json_has_one_form_for_each_value() {
        for (one, other) in [
            (r#"{"b":1,"a":[1,{"d":2,"c":null}]}"#, r#"{ "a": [1, {"c": null, "d": 2}], "b": 1 }"#),
            ("1e3", "1000"),
            ("1000.0", "1000"),
            ("1e15", "1000000000000000"),
            ("1e19", "10000000000000000000"),
            ("1e21", "1000000000000000000000"),
            ("1.5e-7", "0.00000015"),
            ("-0.0", "0"),
            ("-0.0", "0.0"),
            (r#""\u0041""#, r#""A""#),
        ] {
            let parse = |text: &str| json(&serde_json::from_str(text).unwrap());
            assert_eq!(parse(one), parse(other), "{one}");
        }
        for (one, other) in [
            (json!("1"), json!(1)),
            (json!(["a", "b"]), json!(["a,b"])),
            (json!({"a": {"b": 1}}), json!({"a": {}, "b": 1})),
            (json!({}), json!([])),
            (json!({"a": null}), json!({})),
            (json!(u64::MAX), json!(u64::MAX - 1)),
            (json!(0.1), json!(0.1 + f64::EPSILON)),
        ] {
            assert_ne!(json(&one), json(&other));
        }
    }

    proptest! {
        /// PostgreSQL writes a number without exponent, SQLite as it was written.
        #[test]
        fn a_number_is_the_same_written_out(digits in any::<i32>(), places in 0_usize..10) {
            let scale = 10_i64.pow(u32::try_from(places).unwrap());
            let (whole, rest) = (i64::from(digits) / scale, (i64::from(digits) % scale).abs());
            let sign = if digits < 0 && whole == 0 { "-" } else { "" };
            let written_out = format!("{sign}{whole}.{rest:0places$}0");
            let parse = |text: &str| json(&serde_json::from_str(text).unwrap());
            prop_assert_eq!(parse(&format!("{digits}e-{places}")), parse(&written_out));
        }
    }
}
