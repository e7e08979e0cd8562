//! A log of what was issued: `license_key`, `name`, `email`, `tier`, `issued_at`, `expires_at`, `blob`. Of the
//! blob, what the customer was handed, its SHA-256 is kept in the licence's metadata: it may be told by it.

use aws_lc_rs::digest::{SHA256, digest};
use licentia_types::problems::FieldProblem;
use serde_json::{Value, json};

use super::{Record, customer, instant, key, present, text, tier};
use crate::imports::ImportOptions;

const MEMBERS: [&str; 7] = ["license_key", "name", "email", "tier", "issued_at", "expires_at", "blob"];

pub(super) fn row(options: &ImportOptions, record: &Record) -> Result<Value, FieldProblem> {
    if let Some(unknown) = record.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        let pointer = format!("/{}", unknown.replace('~', "~0").replace('/', "~1"));
        return Err(FieldProblem::new(pointer, "UNKNOWN_FIELD", "there is no such field"));
    }
    let Some(license_key) = key(record, "license_key") else {
        return Err(FieldProblem::new("/license_key", "REQUIRED", "is required"));
    };
    let named = text(record, "tier");
    let license = present([
        ("key", Some(json!(license_key))),
        // A name that stands for no other tier is the key of one.
        ("tier", tier(options, std::slice::from_ref(&named)).or(named).map(Value::from)),
        ("issuedAt", instant(record, "issued_at", "/license/issuedAt")?),
        ("expiresAt", instant(record, "expires_at", "/license/expiresAt")?),
        ("source", Some(json!("issuance_log"))),
        ("metadata", blob(record).map(|sha256| json!({"blobSha256": sha256}))),
    ]);
    Ok(Value::Object(present([
        ("customer", customer(text(record, "name"), text(record, "email").as_deref())),
        ("license", Some(Value::Object(license))),
    ])))
}

fn blob(record: &Record) -> Option<String> {
    let blob = match record.get("blob")? {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(hex::encode(digest(&SHA256, blob.as_bytes())))
}
