//! Gumroad: the CSV of sales. A sale without a licence key, a renewal of a sale that is there, and the totals
//! at the end stand for nothing.

use licentia_types::problems::FieldProblem;
use serde_json::{Value, json};

use super::{Record, customer, instant, is_on, key, present, text, tier};
use crate::imports::ImportOptions;

pub(super) fn row(options: &ImportOptions, record: &Record) -> Result<Option<Value>, FieldProblem> {
    let Some(license_key) = key(record, "License Key") else { return Ok(None) };
    if is_on(record, "Recurring Charge?") {
        return Ok(None);
    }
    let bought = match instant(record, "Purchase Time (UTC timezone)", "/license/issuedAt")? {
        Some(at) => Some(at),
        None => instant(record, "Purchase Date", "/license/issuedAt")?,
    };
    let (status, reason) = standing(record);
    let license = present([
        ("key", Some(json!(license_key))),
        ("tier", tier(options, &[text(record, "Variants"), text(record, "Item Name")]).map(Value::from)),
        ("issuedAt", bought),
        ("expiresAt", instant(record, "Subscription End Date", "/license/expiresAt")?),
        ("status", Some(json!(status))),
        ("reason", reason.map(Value::from)),
        ("source", Some(json!("gumroad"))),
        ("sourceOrderId", text(record, "Purchase ID").map(Value::from)),
    ]);
    // Who was given it, where it was a gift.
    let giftee = text(record, "Giftee Email");
    let name = text(record, "Buyer Name").filter(|_| giftee.is_none());
    let email = giftee.or_else(|| text(record, "Purchase Email"));
    Ok(Some(Value::Object(present([
        ("customer", customer(name, email.as_deref())),
        ("license", Some(Value::Object(license))),
    ]))))
}

fn standing(record: &Record) -> (&'static str, Option<&'static str>) {
    if is_on(record, "Fully Refunded?") {
        ("revoked", Some("refunded"))
    } else if is_on(record, "Disputed?") && !is_on(record, "Dispute Won?") {
        ("revoked", Some("disputed"))
    } else if is_on(record, "Access Revoked?") {
        ("revoked", Some("access revoked"))
    } else if record.contains_key("License Key Enabled?") && !is_on(record, "License Key Enabled?") {
        ("suspended", Some("disabled"))
    } else {
        ("active", None)
    }
}
