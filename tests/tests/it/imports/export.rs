//! Licences as CSV.

use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use licentia_types::permissions::Permission;
use reqwest::Method;
use serde_json::{Value, json};

use super::{import, keyed, of_shop};
use crate::access::key_with;

on_both![
    licenses_are_exported_in_their_order,
    formulas_are_made_harmless_and_keys_are_left_alone,
    keys_are_for_whoever_may_reveal_them,
    an_export_is_as_long_as_it_must_be,
];

async fn export(server: &TestServer, query: &str) -> Vec<String> {
    server.clock.advance(1);
    let reply = server.admin_get(&format!("/license-keys/export?{query}")).await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"), "{}", reply.text);
    assert!(reply.header("content-type").starts_with("text/csv"));
    reply.text.split_terminator("\r\n").map(str::to_owned).collect()
}

async fn exported(server: &TestServer) -> Vec<Value> {
    let log = server.admin_get("/audit-events?action=licenses.exported&sort=createdAt").await.expect(200);
    log["items"].as_array().unwrap().iter().map(|entry| entry["detail"].clone()).collect()
}

async fn licenses_are_exported_in_their_order(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let ann = json!({"customer": {"externalId": "crm-1", "name": "Ann, A.", "email": "ann@example.com"}, "validDays": 30,
                     "maxActivations": null, "notes": "two\nlines"});
    let first = shop.issue(&server, ann).await;
    server.clock.advance(1);
    let second = shop.issue(&server, json!({"tierId": shop.basic, "trial": true, "validDays": 5})).await;
    let reply = server.admin_get("/license-keys/export").await;
    let head = "id,product,tier,status,customer_id,customer_external_id,customer_name,customer_organization,customer_email,\
                masked_key,starts_at,expires_at,updates_until,trial,seats_used,max_activations,source,source_order_id,notes,created_at\r\n";
    let rest = reply.text.strip_prefix(head).unwrap();
    let (one, two) = (first["id"].as_str().unwrap(), second["id"].as_str().unwrap());
    assert!(rest.starts_with(&format!(
        "{one},acme-desk,pro,active,{},crm-1,\"Ann, A.\",,ann@example.com,",
        first["customerId"].as_str().unwrap()
    )));
    assert!(rest.contains(",false,0,unlimited,,,\"two\nlines\","));
    assert!(rest.contains(&format!("\r\n{two},acme-desk,basic,active,,")));
    let trials = export(&server, "trial=true").await;
    assert!(trials.len() == 2 && trials[1].starts_with(two));
    assert_eq!(export(&server, "status=revoked").await.len(), 1);
    let told = exported(&server).await;
    let counts: Vec<&Value> = told.iter().map(|detail| &detail["licenses"]).collect();
    assert_eq!(counts, [&json!(2), &json!(1), &json!(0)]);
    for query in ["keys=1", "limit=5", "status=good"] {
        server
            .admin_get(&format!("/license-keys/export?{query}"))
            .await
            .expect_problem(400, "PARAMETER_INVALID");
    }
}

async fn formulas_are_made_harmless_and_keys_are_left_alone(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let key = "=HYPERLINK(\"http://example.com\",4711)";
    let customer = json!({"externalId": "+1", "name": "=cmd|' /C calc'!A0", "organization": "@SUM(A1)"});
    let order =
        json!({"key": key, "customer": customer, "source": "-2", "sourceOrderId": "=1+1", "notes": "=1"});
    shop.issue(&server, order).await;
    let lines = export(&server, "keys=true").await;
    let line = &lines[1];
    for harmless in ["\"'+1\"", "\"'=cmd|' /C calc'!A0\"", "\"'@SUM(A1)\"", "\"'-2\"", "\"'=1+1\"", "\"'=1\""]
    {
        assert!(line.contains(&format!(",{harmless},")), "{harmless}: {line}");
    }
    assert!(line.ends_with(",\"=HYPERLINK(\"\"http://example.com\"\",4711)\""), "{line}");
}

async fn keys_are_for_whoever_may_reveal_them(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    let license_key = issued["licenseKey"].as_str().unwrap();
    server.clock.advance(1);
    let hidden = json!({"license": {"keySha256": "00".repeat(32)}});
    import(&server, &of_shop(&shop), &[hidden]).await;
    let ask = |key: String, query: &'static str| {
        let path = format!("/api/v1/license-keys/export?{query}");
        Reply::of(server.request(Method::GET, &path).bearer_auth(key))
    };
    let seeing = key_with(&server, &[Permission::Licenses]).await;
    ask(seeing.clone(), "keys=true").await.expect_problem(403, "PERMISSION_DENIED");
    let masked = ask(seeing, "keys=false").await;
    assert!(masked.status == 200 && !masked.text.contains(license_key));
    let revealing = key_with(&server, &[Permission::LicensesReveal]).await;
    ask(revealing, "keys=true").await.expect_problem(403, "PERMISSION_DENIED");
    let both = key_with(&server, &[Permission::Licenses, Permission::LicensesReveal]).await;
    server.clock.advance(1);
    let clear = ask(both, "keys=true").await;
    let lines: Vec<&str> = clear.text.split_terminator("\r\n").collect();
    assert!(lines[0].ends_with(",license_key") && lines[1].ends_with(&format!(",{license_key}")));
    assert!(lines[2].ends_with("Z,"), "a key that is not known is empty: {}", lines[2]);
    let told = exported(&server).await;
    assert_eq!(told, [json!({"licenses": 2, "keys": false}), json!({"licenses": 2, "keys": true})]);
}

async fn an_export_is_as_long_as_it_must_be(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    assert_eq!(export(&server, "").await.len(), 1);
    let rows: Vec<Value> = (0..1_201)
        .map(|number| keyed(&format!("an old key of the former shop, no. {number}"), json!({})))
        .collect();
    import(&server, &of_shop(&shop), &rows).await;
    let lines = export(&server, "keys=true").await;
    assert_eq!(lines.len(), 1_202);
    for number in 0..1_201 {
        let end = format!(",\"an old key of the former shop, no. {number}\"");
        assert_eq!(lines.iter().filter(|line| line.ends_with(&end)).count(), 1, "{end}");
    }
}
