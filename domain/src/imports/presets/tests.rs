//! Records as the other systems write them.

use serde_json::{Value, json};

use super::*;

fn options(tiers: &Value) -> ImportOptions {
    ImportOptions { tiers: serde_json::from_value(tiers.clone()).unwrap(), ..ImportOptions::default() }
}

fn read(preset: ImportPreset, tiers: &Value, record: &Value) -> Result<Option<Value>, FieldProblem> {
    row(preset, &options(tiers), record.as_object().unwrap())
}

#[test]
fn a_license_of_keygen_with_its_machines_and_its_user() {
    let record = json!({
        "id": "b18e3f3a-0f5a-4b42-8a1f-6a7c0f1c2d3e", "type": "licenses",
        "attributes": {"name": "Team of Ada", "key": "C1B6DE-39A6E3-DE1529-8559A0-4AF593-V3", "expiry": "2031-06-10T19:16:43.102Z",
                       "status": "SUSPENDED", "suspended": true, "maxMachines": 5, "maxUsers": null,
                       "metadata": {"plan": "team"}, "created": "2022-06-10T19:16:43.102Z"},
        "relationships": {"policy": {"data": {"type": "policies", "id": "pol-1"}}, "owner": {"data": {"type": "users", "id": "usr-1"}}},
        "user": {"attributes": {"firstName": "Ada", "lastName": "L.", "email": "Ada@Example.com"}},
        "machines": [{"attributes": {"fingerprint": "4d:Eq:UV", "hostname": "ada-pc", "platform": "macOS"}}],
    });
    let row = read(ImportPreset::Keygen, &json!({"pol-1": "team"}), &record).unwrap().unwrap();
    assert_eq!(
        row["customer"],
        json!({"externalId": "ada@example.com", "name": "Ada L.", "email": "Ada@Example.com"})
    );
    let license = &row["license"];
    assert_eq!(license["key"], "C1B6DE-39A6E3-DE1529-8559A0-4AF593-V3");
    assert_eq!((&license["tier"], &license["status"]), (&json!("team"), &json!("suspended")));
    assert_eq!((&license["maxActivations"], license.get("maxUsers")), (&json!(5), None));
    assert_eq!(license["issuedAt"], "2022-06-10T19:16:43.102Z");
    assert_eq!(license["sourceOrderId"], "b18e3f3a-0f5a-4b42-8a1f-6a7c0f1c2d3e");
    assert_eq!(row["machines"], json!([{"fingerprint": "4d:Eq:UV", "hostname": "ada-pc"}]));
    let mut banned = record;
    banned["attributes"]["status"] = json!("BANNED");
    banned.as_object_mut().unwrap().remove("user");
    let row = read(ImportPreset::Keygen, &json!({}), &banned).unwrap().unwrap();
    assert_eq!((&row["license"]["status"], row["license"].get("tier")), (&json!("revoked"), None));
    assert_eq!(row["customer"], json!({"externalId": "keygen:usr-1"}));
}

#[test]
fn a_license_key_of_lemon_squeezy_from_the_api_and_from_csv() {
    let attributes = json!({"product_id": 7, "user_name": "Ada", "user_email": "ada@example.com",
                            "key": "80e15db5-c796-436b-850c-8f9c98a48abe", "activation_limit": 5, "disabled": 0,
                            "status": "active", "expires_at": null, "created_at": "2021-05-24T14:15:07.000000Z"});
    let instances =
        json!([{"attributes": {"identifier": "f90ec370-fd83-46a5-8bbd-44a241e78665", "name": "ada-pc"}}]);
    let record = json!({"id": "1", "attributes": attributes, "instances": instances});
    let row = read(ImportPreset::LemonSqueezy, &json!({"7": "pro"}), &record).unwrap().unwrap();
    let license = &row["license"];
    assert_eq!((&license["tier"], &license["maxActivations"]), (&json!("pro"), &json!(5)));
    assert_eq!((&license["issuedAt"], license.get("expiresAt")), (&json!("2021-05-24T14:15:07Z"), None));
    assert_eq!(row["machines"][0]["fingerprint"], "f90ec370-fd83-46a5-8bbd-44a241e78665");
    let csv = json!({"id": "2", "key": "80e15db5", "user_email": "ada@example.com", "activation_limit": "3",
                     "disabled": "1", "created_at": "2021-05-24 14:15:07"});
    let row = read(ImportPreset::LemonSqueezy, &json!({}), &csv).unwrap().unwrap();
    assert_eq!(
        (&row["license"]["status"], &row["license"]["maxActivations"]),
        (&json!("suspended"), &json!(3))
    );
    assert_eq!(row["license"]["issuedAt"], "2021-05-24T14:15:07Z");
    let unlimited = json!({"key": "k", "activation_limit": null});
    let row = read(ImportPreset::LemonSqueezy, &json!({}), &unlimited).unwrap().unwrap();
    assert!(row["license"].get("maxActivations").is_some_and(Value::is_null));
}

#[test]
fn a_sale_of_gumroad() {
    let sale = json!({"Purchase ID": "abc==", "Item Name": "Desk", "Buyer Name": "Ada", "Purchase Email": "ada@example.com",
                      "Purchase Date": "2023-01-31", "Purchase Time (UTC timezone)": "2023-01-31 12:30:00 UTC", "Variants": "Team",
                      "Fully Refunded?": "0", "License Key": "A1B2C3D4-E5F60718-293A4B5C-6D7E8F90", "License Key Enabled?": "1"});
    let tiers = json!({"Desk": "basic", "Team": "team"});
    let row = read(ImportPreset::Gumroad, &tiers, &sale).unwrap().unwrap();
    assert_eq!((&row["license"]["tier"], &row["license"]["status"]), (&json!("team"), &json!("active")));
    assert_eq!(row["license"]["issuedAt"], "2023-01-31T12:30:00Z");
    for (column, value, status) in [
        ("Fully Refunded?", "1", "revoked"),
        ("Disputed?", "1", "revoked"),
        ("Access Revoked?", "1", "revoked"),
        ("License Key Enabled?", "0", "suspended"),
    ] {
        let mut sale = sale.clone();
        sale[column] = json!(value);
        let row = read(ImportPreset::Gumroad, &tiers, &sale).unwrap().unwrap();
        assert_eq!(row["license"]["status"], status, "{column}");
    }
    let mut renewal = sale.clone();
    renewal["Recurring Charge?"] = json!("1");
    assert_eq!(read(ImportPreset::Gumroad, &tiers, &renewal).unwrap(), None);
    assert_eq!(read(ImportPreset::Gumroad, &tiers, &json!({"Purchase ID": "Totals"})).unwrap(), None);
    let mut gift = sale;
    gift["Giftee Email"] = json!("bob@example.com");
    let row = read(ImportPreset::Gumroad, &tiers, &gift).unwrap().unwrap();
    assert_eq!(row["customer"], json!({"externalId": "bob@example.com", "email": "bob@example.com"}));
}

#[test]
fn an_entry_of_an_issuance_log() {
    let entry = json!({"license_key": "K-1", "name": "Ada", "email": "ada@example.com", "tier": "pro",
                       "issued_at": "2024-01-02", "expires_at": "2031-01-02T00:00:00Z", "blob": "abc"});
    let row = read(ImportPreset::IssuanceLog, &json!({}), &entry).unwrap().unwrap();
    assert_eq!(
        (&row["license"]["tier"], &row["license"]["issuedAt"]),
        (&json!("pro"), &json!("2024-01-02T00:00:00Z"))
    );
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(row["license"]["metadata"], json!({"blobSha256": sha256}));
    let row = read(ImportPreset::IssuanceLog, &json!({"pro": "team"}), &entry).unwrap().unwrap();
    assert_eq!(row["license"]["tier"], "team");
    let mut unknown = entry.clone();
    unknown["seats"] = json!(3);
    assert_eq!(read(ImportPreset::IssuanceLog, &json!({}), &unknown).unwrap_err().pointer, "/seats");
    let mut undated = entry;
    undated["issued_at"] = json!("yesterday");
    let wrong = read(ImportPreset::IssuanceLog, &json!({}), &undated).unwrap_err();
    assert_eq!((wrong.pointer.as_str(), wrong.detail.contains("yesterday")), ("/license/issuedAt", false));
    let missing = read(ImportPreset::IssuanceLog, &json!({}), &json!({"name": "Ada"})).unwrap_err();
    assert_eq!((missing.pointer.as_str(), missing.code.as_str()), ("/license_key", "REQUIRED"));
}

#[test]
fn instants_are_read_as_exports_write_them() {
    let at = |text: &str| {
        let record = json!({"at": text});
        instant(record.as_object().unwrap(), "at", "/at").ok().flatten()
    };
    for text in [
        "2024-01-02T03:04:05Z",
        "2024-01-02 03:04:05",
        "2024-01-02 03:04:05 UTC",
        "2024-01-02 03:04:05 +0000",
    ] {
        assert_eq!(at(text), Some(json!("2024-01-02T03:04:05Z")), "{text}");
    }
    assert_eq!(at("2024-01-02"), Some(json!("2024-01-02T00:00:00Z")));
    for text in ["2024-01-02 03:04:05 CET", "02/01/2024", "soon"] {
        assert_eq!(at(text), None, "{text}");
    }
}
