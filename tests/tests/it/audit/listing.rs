//! `GET /audit-events`, for those who may.

use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both};
use licentia_types::permissions::Permission;
use reqwest::Method;
use serde_json::{Value, json};

use super::write;
use crate::access::key_with;

on_both![
    an_entry_says_who_did_what_from_where,
    an_entry_has_a_position_once_it_is_sealed,
    entries_are_chosen_by_every_filter,
    the_log_is_paged,
    the_log_is_for_those_who_may_read_it,
];

async fn page(server: &TestServer, query: &str) -> Value {
    server.admin_get(&format!("/audit-events?{query}")).await.expect(200)
}

async fn an_entry_says_who_did_what_from_where(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let page = page(&server, "action=license.issued").await;
    assert_eq!(page["total"], 1);
    let entry = &page["items"][0];
    assert!(entry["id"].as_str().unwrap().starts_with("aud_"));
    assert_eq!(entry["actor"]["kind"], "api_key");
    assert!(entry["actor"]["id"].as_str().unwrap().starts_with("key_"));
    assert_eq!((&entry["subject"], &entry["licenseId"]), (&issued["id"], &issued["id"]));
    assert_eq!(entry["ip"], "127.0.0.1");
    assert!(entry["requestId"].is_string() && entry["at"].is_string() && entry["detail"].is_object());
    assert!(!page.to_string().contains(issued["licenseKey"].as_str().unwrap()));
}

async fn an_entry_has_a_position_once_it_is_sealed(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.admin_post("/customers", json!({"name": "Ann"})).await.expect(201);
    let query = "action=customer.created";
    assert_eq!(page(&server, query).await["items"][0]["position"], Value::Null);
    server.run_jobs().await;
    assert_eq!(page(&server, query).await["items"][0]["position"], 1);
}

async fn entries_are_chosen_by_every_filter(backend: Backend) {
    let server = TestServer::start(backend).await;
    let before = server.context.moment().now;
    server.clock.advance(10);
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    server.clock.advance(10);
    let between = server.context.moment().now;
    Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    let id = issued["id"].as_str().unwrap();
    let total = async |query: &str| page(&server, query).await["total"].as_u64().unwrap();
    let all = total("").await;
    assert_eq!(total("action=license.issued").await, 1);
    assert_eq!(total("action=license").await, 0, "the whole action");
    assert_eq!(total(&format!("licenseId={id}")).await, 2);
    assert_eq!(total(&format!("subject={id}")).await, 1);
    assert_eq!(total("actorKind=machine").await, 1);
    assert_eq!(total(&format!("actorKind=machine&actorId={id}")).await, 1);
    assert_eq!(total("actorId=nobody").await, 0);
    assert_eq!(total(&format!("until={before}")).await + total(&format!("from={before}")).await, all);
    assert_eq!(total(&format!("from={between}")).await, 1);
    assert_eq!(total(&format!("until={between}&licenseId={id}")).await, 1);
    assert_eq!(total("q=LICENSE.ISS").await, 1);
    assert_eq!(total("actorId=%00").await, 0);
    for wrong in ["from=yesterday", "licenseId=1", "kind=machine", "verify=true", "action=a&action=b"] {
        server.admin_get(&format!("/audit-events?{wrong}")).await.expect_problem(400, "PARAMETER_INVALID");
    }
}

async fn the_log_is_paged(backend: Backend) {
    let server = TestServer::start(backend).await;
    for number in 0..5 {
        server.clock.advance(1);
        write(&server, [json!(number)]).await;
    }
    let numbers = |page: &Value| -> Vec<i64> {
        page["items"].as_array().unwrap().iter().map(|item| item["detail"].as_i64().unwrap()).collect()
    };
    let first = page(&server, "action=test.done&limit=3").await;
    assert_eq!((numbers(&first), &first["total"]), (vec![4, 3, 2], &json!(5)));
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = page(&server, &format!("action=test.done&limit=3&cursor={cursor}")).await;
    assert_eq!(numbers(&second), [1, 0]);
    assert_eq!(numbers(&page(&server, "action=test.done&sort=createdAt&limit=2").await), [0, 1]);
}

async fn the_log_is_for_those_who_may_read_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    let narrow = key_with(&server, &[Permission::Licenses, Permission::Customers]).await;
    let wide = key_with(&server, &[Permission::Audit]).await;
    for path in ["/audit-events", "/audit-events/verify", "/system-events"] {
        let path = format!("/api/v1{path}");
        server.get(&path).await.expect_problem(401, "UNAUTHENTICATED");
        let as_one = |key: &str| server.request(Method::GET, &path).bearer_auth(key);
        Reply::of(as_one(&narrow)).await.expect_problem(403, "PERMISSION_DENIED");
        Reply::of(as_one(&wide)).await.expect(200);
    }
}
