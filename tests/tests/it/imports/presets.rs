//! Exports of other systems, sent as they are.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, try_activate};
use serde_json::{Value, json};

use super::{finish, import, of_shop, results, send_as};

on_both![
    keygens_licenses_come_with_their_machines,
    lemon_squeezys_keys_come_from_json_and_from_csv,
    gumroads_sales_come_as_csv,
    an_issuance_log_is_read,
];

async fn license(server: &TestServer, row: &Value) -> Value {
    let path = format!("/license-keys/{}", row["licenseId"].as_str().unwrap());
    server.admin_get(&path).await.expect(200)
}

async fn keygens_licenses_come_with_their_machines(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let key = "C1B6DE-39A6E3-DE1529-8559A0-4AF593-V3";
    let row = json!({
        "id": "b18e3f3a", "type": "licenses",
        "attributes": {"key": key, "expiry": "2090-06-10T19:16:43.102Z", "status": "ACTIVE", "maxMachines": 2,
                       "metadata": {"plan": "team"}, "created": "2022-06-10T19:16:43.102Z"},
        "relationships": {"policy": {"data": {"id": "pol-1"}}, "owner": {"data": {"id": "usr-1"}}},
        "machines": [{"attributes": {"fingerprint": "4d:Eq:UV", "hostname": "ada-pc"}}],
    });
    let query = format!("product={}&preset=keygen&tiers=%7B%22pol-1%22%3A%22basic%22%7D", shop.slug);
    let done = import(&server, &query, &[row]).await;
    let results = results(&server, &done, "").await;
    let made = license(&server, &results[0]).await;
    assert_eq!((&made["source"], &made["sourceOrderId"]), (&json!("keygen"), &json!("b18e3f3a")));
    let answer = try_activate(&server, key, "4d:Eq:UV", json!({})).await.expect(200);
    assert_eq!(answer["seats"], json!({"used": 1, "limit": 2}));
    assert_eq!(Machine::of(key, "4d:Eq:UV", &answer).claims()["tier"], "basic");
}

async fn lemon_squeezys_keys_come_from_json_and_from_csv(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let keys = ["80e15db5-c796-436b-850c-8f9c98a48abe", "38b1460a-5104-4067-a91d-77b872934d51"];
    let query = format!("{}&preset=lemonsqueezy", of_shop(&shop));
    let row = json!({"id": "1", "attributes": {"key": keys[0], "user_email": "ada@example.com", "activation_limit": 1,
                                               "created_at": "2021-05-24T14:15:07.000000Z", "expires_at": null}});
    import(&server, &query, &[row]).await;
    let csv = format!(
        "id,key,user_name,user_email,activation_limit\r\n2,{},\"Ada, \"\"A\"\"\",Ada@example.com,\r\n",
        keys[1]
    );
    let begun = send_as(&server, &query, "text/csv; charset=utf-8", csv).await.expect(201);
    let done = finish(&server, &begun).await;
    assert_eq!(done["rowsCreated"], 1, "{:?}", results(&server, &done, "").await);
    for key in keys {
        try_activate(&server, key, "fp-1", json!({})).await.expect(201);
    }
    // The same person, whichever way the address is written.
    assert_eq!(server.admin_get("/customers").await.expect(200)["total"], 1);
}

async fn gumroads_sales_come_as_csv(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let csv = "Purchase ID,Item Name,Buyer Name,Purchase Email,Purchase Time (UTC timezone),Fully Refunded?,Variants,License Key,License Key Enabled?\n\
               p1==,Desk,Ada,ada@example.com,2023-01-31 12:30:00 UTC,0,Team,A1B2C3D4-E5F60718-293A4B5C-6D7E8F90,1\n\
               p2==,Desk,Bob,bob@example.com,2023-02-01 12:30:00 UTC,1,,B1B2C3D4-E5F60718-293A4B5C-6D7E8F91,1\n\
               p3==,Book,Eve,eve@example.com,2023-02-01 12:30:00 UTC,0,,,\n\
               Totals,,,,,,,,\n";
    let query = format!(
        "product={}&preset=gumroad&tiers=%7B%22Team%22%3A%22max%22%2C%22Desk%22%3A%22pro%22%7D",
        shop.slug
    );
    let begun = send_as(&server, &query, "text/csv", csv.to_owned()).await.expect(201);
    let done = finish(&server, &begun).await;
    let outcomes: Vec<Value> =
        results(&server, &done, "").await.iter().map(|row| row["outcome"].clone()).collect();
    assert_eq!(outcomes, ["created", "created", "skipped", "skipped"]);
    let machine = Machine::activate(&server, "A1B2C3D4-E5F60718-293A4B5C-6D7E8F90", "fp-1").await;
    assert_eq!(machine.claims()["tier"], "max");
    let refunded = "B1B2C3D4-E5F60718-293A4B5C-6D7E8F91";
    try_activate(&server, refunded, "fp-1", json!({})).await.expect_problem(403, "LICENSE_REVOKED");
    // Once more: nothing is there twice.
    let begun = send_as(&server, &query, "text/csv", csv.to_owned()).await.expect(201);
    assert_eq!(finish(&server, &begun).await["rowsRefused"], 2);
}

async fn an_issuance_log_is_read(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let row = json!({"license_key": "XYZ-1234-abcd-5678-efgh", "name": "Ada", "email": "ada@example.com", "tier": "max",
                     "issued_at": "2024-01-02T03:04:05Z", "expires_at": "2090-01-02T00:00:00Z", "blob": "c2lnbmVkIGJsb2I="});
    let query = format!("product={}&preset=issuance_log", shop.slug);
    let done = import(&server, &query, &[row]).await;
    let results = results(&server, &done, "").await;
    let made = license(&server, &results[0]).await;
    assert_eq!(
        (&made["createdAt"], &made["expiresAt"]),
        (&json!("2024-01-02T03:04:05Z"), &json!("2090-01-02T00:00:00Z"))
    );
    assert_eq!(made["metadata"]["blobSha256"].as_str().unwrap().len(), 64);
    let machine = Machine::activate(&server, "XYZ-1234-abcd-5678-efgh", "fp-1").await;
    assert_eq!(machine.claims()["tier"], "max");
}
