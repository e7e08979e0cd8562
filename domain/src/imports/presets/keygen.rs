//! Keygen: a licence as its API lists them (JSON:API), one a line, with what belongs to it joined beside it:
//! its machines under `machines`, its user or owner under `user`, as the API lists those.

use licentia_types::problems::FieldProblem;
use serde_json::{Value, json};

use super::{Record, customer, instant, is_on, key, object, present, text, tier};
use crate::imports::ImportOptions;

pub(super) fn row(options: &ImportOptions, record: &Record) -> Result<Value, FieldProblem> {
    let empty = Record::new();
    let attributes = object(record, "attributes").unwrap_or(&empty);
    let license = present([
        ("key", key(attributes, "key").map(Value::from)),
        ("tier", tier(options, &[related(record, "policy"), related(record, "product")]).map(Value::from)),
        ("issuedAt", instant(attributes, "created", "/license/issuedAt")?),
        ("expiresAt", instant(attributes, "expiry", "/license/expiresAt")?),
        ("status", Some(json!(status(attributes)))),
        ("maxActivations", attributes.get("maxMachines").filter(|limit| limit.is_number()).cloned()),
        ("maxUsers", attributes.get("maxUsers").filter(|limit| limit.is_number()).cloned()),
        ("source", Some(json!("keygen"))),
        ("sourceOrderId", text(record, "id").map(Value::from)),
        ("notes", text(attributes, "name").map(Value::from)),
        ("metadata", attributes.get("metadata").filter(|metadata| metadata.is_object()).cloned()),
    ]);
    Ok(Value::Object(present([
        ("customer", owner(record)),
        ("license", Some(Value::Object(license))),
        ("machines", Some(Value::Array(machines(record)))),
    ])))
}

fn status(attributes: &Record) -> &'static str {
    match text(attributes, "status").as_deref() {
        Some("BANNED") => "revoked",
        Some("SUSPENDED") => "suspended",
        _ if is_on(attributes, "suspended") => "suspended",
        _ => "active",
    }
}

/// The id of what a relationship leads to.
fn related(record: &Record, name: &str) -> Option<String> {
    text(object(object(object(record, "relationships")?, name)?, "data")?, "id")
}

/// By e-mail where the user stands beside the licence, else by the id that Keygen knows it by.
fn owner(record: &Record) -> Option<Value> {
    let attributes = object(record, "user").and_then(|user| object(user, "attributes"));
    if let Some(attributes) = attributes {
        let names = [text(attributes, "firstName"), text(attributes, "lastName")];
        let name = text(attributes, "fullName").or_else(|| {
            let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
            Some(name).filter(|name| !name.is_empty())
        });
        return customer(name, text(attributes, "email").as_deref());
    }
    let id = related(record, "owner").or_else(|| related(record, "user"))?;
    Some(json!({"externalId": format!("keygen:{id}")}))
}

fn machines(record: &Record) -> Vec<Value> {
    let machines = record.get("machines").and_then(Value::as_array);
    let attributes = |machine: &Value| machine.get("attributes").and_then(Value::as_object).cloned();
    let machine = |machine: &Value| {
        let attributes = attributes(machine).unwrap_or_default();
        Value::Object(present([
            ("fingerprint", key(&attributes, "fingerprint").map(Value::from)),
            ("hostname", text(&attributes, "hostname").map(Value::from)),
        ]))
    };
    machines.into_iter().flatten().map(machine).collect()
}
