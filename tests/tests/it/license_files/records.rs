//! `document: true`: a record of what was issued, in the answer to the issue.

use licentia_tests::{Backend, TestServer, on_both};

use super::*;

on_both![an_issue_answers_with_a_record_of_it, each_licence_of_a_bulk_issue_has_its_own];

async fn an_issue_answers_with_a_record_of_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let owner = json!({"organization": "Acme", "email": "buy@example.com"});
    let issued = shop.issue(&server, json!({"document": true, "customer": owner, "validDays": 90})).await;
    let record = &issued["document"];
    assert_eq!(issued["signingKeyId"], record["signingKeyId"]);
    assert_eq!((&record["activationId"], &record["licenseId"]), (&Value::Null, &issued["id"]));
    let audience = format!("urn:licentia:license-record:{}", shop.slug);
    crate::status_lists::verify(&server, &token(record), &audience).await;
    let said = claims(record);
    assert_eq!(
        (&said["licensee"], &said["tier"], &said["exp"]),
        (&owner, &json!("pro"), &said["license_exp"])
    );
    assert!(said.get("fingerprint").is_none() && said.get("activation_id").is_none());
    assert_eq!(issued["seats"]["used"], 0);
    let path =
        format!("/license-keys/{}/files/{}", issued["id"].as_str().unwrap(), record["id"].as_str().unwrap());
    assert_eq!(server.admin_get(&path).await.expect(200)["file"], record["file"]);
    let without = shop.issue(&server, json!({})).await;
    assert!(without.get("document").is_none() && without.get("signingKeyId").is_none());
}

async fn each_licence_of_a_bulk_issue_has_its_own(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let licenses: Vec<Value> = (0..5)
        .map(|n| json!({"productId": shop.product, "tierId": shop.pro, "document": n % 2 == 0, "customer": {"name": format!("Customer {n}")}}))
        .collect();
    let issued = server.admin_post("/license-keys/bulk", json!({"licenses": licenses})).await.expect(201);
    for (n, license) in issued["licenses"].as_array().unwrap().iter().enumerate() {
        if n % 2 == 0 {
            let said = claims(&license["document"]);
            assert_eq!(
                (&said["license_id"], &said["licensee"]["name"]),
                (&license["id"], &json!(format!("Customer {n}")))
            );
        } else {
            assert!(license.get("document").is_none());
        }
    }
}
