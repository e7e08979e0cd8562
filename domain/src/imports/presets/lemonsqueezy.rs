//! Lemon Squeezy: a licence key as its API lists them (JSON:API), one a line, with its instances joined
//! beside it under `instances`; or CSV with the names of its attributes as columns.

use licentia_types::problems::FieldProblem;
use serde_json::{Value, json};

use super::{Record, customer, instant, is_on, key, object, present, text, tier};
use crate::imports::ImportOptions;

pub(super) fn row(options: &ImportOptions, record: &Record) -> Result<Value, FieldProblem> {
    let attributes = object(record, "attributes").unwrap_or(record);
    let names = [text(attributes, "variant_id"), text(attributes, "product_id")];
    let disabled = is_on(attributes, "disabled") || text(attributes, "status").as_deref() == Some("disabled");
    let license = present([
        ("key", key(attributes, "key").map(Value::from)),
        ("tier", tier(options, &names).map(Value::from)),
        ("issuedAt", instant(attributes, "created_at", "/license/issuedAt")?),
        ("expiresAt", instant(attributes, "expires_at", "/license/expiresAt")?),
        ("status", Some(json!(if disabled { "suspended" } else { "active" }))),
        ("maxActivations", limit(attributes)?),
        ("source", Some(json!("lemonsqueezy"))),
        ("sourceOrderId", text(record, "id").map(Value::from)),
    ]);
    let email = text(attributes, "user_email");
    Ok(Value::Object(present([
        ("customer", customer(text(attributes, "user_name"), email.as_deref())),
        ("license", Some(Value::Object(license))),
        ("machines", Some(Value::Array(instances(record)))),
    ])))
}

/// Without one, there is none.
fn limit(attributes: &Record) -> Result<Option<Value>, FieldProblem> {
    let Some(given) = attributes.get("activation_limit") else { return Ok(None) };
    if given.is_null() {
        return Ok(Some(Value::Null));
    }
    let limit = text(attributes, "activation_limit").and_then(|limit| limit.parse::<u32>().ok());
    let wanted = || {
        let detail = "activation_limit is not a number";
        FieldProblem::new("/license/maxActivations", "INVALID", detail)
    };
    Ok(Some(json!(limit.ok_or_else(wanted)?)))
}

/// A program knows the identifier of its instance.
fn instances(record: &Record) -> Vec<Value> {
    let instances = record.get("instances").and_then(Value::as_array);
    let instance = |instance: &Value| {
        let attributes = instance.get("attributes").and_then(Value::as_object).cloned().unwrap_or_default();
        Value::Object(present([
            ("fingerprint", key(&attributes, "identifier").map(Value::from)),
            ("hostname", text(&attributes, "name").map(Value::from)),
        ]))
    };
    instances.into_iter().flatten().map(instance).collect()
}
