//! Who may call: API keys, their permissions, and both ways to send them.

use licentia_domain::actors::Caller;
use licentia_domain::api_keys::{self, CreateApiKey, Origin};
use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use licentia_types::permissions::Permission;
use licentia_types::time::Timestamp;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::Value;

pub(crate) mod bounds;
mod customers;
mod matrix;

on_both![
    without_a_good_key_nobody_gets_in,
    both_headers_carry_a_key,
    keys_end_when_they_expire_or_are_revoked,
    wrong_credentials_are_refused_where_none_are_needed,
    a_guard_looks_at_nothing_before_it_let_the_caller_in,
];

/// Secret of a new API key with these permissions.
pub(crate) async fn key_with(server: &TestServer, permissions: &[Permission]) -> String {
    make_key(server, permissions, None).await.1
}

async fn make_key(
    server: &TestServer,
    permissions: &[Permission],
    expires_at: Option<Timestamp>,
) -> (licentia_types::ids::ApiKeyId, String) {
    let command = CreateApiKey {
        name: "Limited".parse().unwrap(),
        permissions: permissions.iter().copied().collect(),
        origin: Origin::Operator,
        expires_at,
        ip_ranges: std::collections::BTreeSet::new(),
        groups: None,
    };
    let (id, secret) = api_keys::create(&server.context, &Caller::operator(), command).await.unwrap();
    (id, secret.expose_secret().to_owned())
}

async fn customers_with(server: &TestServer, header: &str, value: &str) -> Reply {
    let request = server.request(Method::GET, "/api/v1/customers");
    Reply::of(request.header(header, value)).await
}

fn refused(reply: Reply) {
    assert_eq!(reply.header("www-authenticate"), "Bearer", "{}", reply.text);
    assert!(!reply.text.contains("lsk_") || reply.text.contains("lsk_…"));
    reply.expect_problem(401, "UNAUTHENTICATED");
}

async fn without_a_good_key_nobody_gets_in(backend: Backend) {
    let server = TestServer::start(backend).await;
    refused(server.get("/api/v1/customers").await);
    let mut wrong = server.admin_key.clone();
    let last = if wrong.pop() == Some('A') { 'B' } else { 'A' };
    wrong.push(last);
    let huge = format!("Bearer lsk_{}", "x".repeat(5000));
    for value in [
        format!("Bearer {wrong}"),
        format!("Bearer {}", server.admin_key.replace("lsk_", "")),
        format!("Basic {}", server.admin_key),
        server.admin_key.clone(),
        "Bearer ".to_owned(),
        "Bearer".to_owned(),
        "Bearer lsk_".to_owned(),
        huge,
    ] {
        refused(customers_with(&server, "authorization", &value).await);
    }
    for value in [wrong.as_str(), ""] {
        refused(customers_with(&server, "x-api-key", value).await);
    }
}

async fn both_headers_carry_a_key(backend: Backend) {
    let server = TestServer::start(backend).await;
    let key = server.admin_key.clone();
    for (header, value) in [
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer {key}")),
        ("x-api-key", key.clone()),
    ] {
        customers_with(&server, header, &value).await.expect(200);
    }
    let both = |other: &str| {
        let request = server.admin(Method::GET, "/customers").header("x-api-key", other);
        Reply::of(request)
    };
    both(&key).await.expect(200);
    refused(both("lsk_another").await);
}

async fn keys_end_when_they_expire_or_are_revoked(backend: Backend) {
    let server = TestServer::start(backend).await;
    let now = server.context.moment().now;
    let expires_at = Timestamp::from_seconds(now.seconds() + 60);
    let (_, expiring) = make_key(&server, &[Permission::Customers], Some(expires_at)).await;
    let (id, revoked) = make_key(&server, &[Permission::Customers], None).await;
    for key in [&expiring, &revoked] {
        customers_with(&server, "x-api-key", key).await.expect(200);
    }
    api_keys::revoke(&server.context, &Caller::operator(), id).await.unwrap();
    refused(customers_with(&server, "x-api-key", &revoked).await);
    customers_with(&server, "x-api-key", &expiring).await.expect(200);
    server.clock.advance(60);
    refused(customers_with(&server, "x-api-key", &expiring).await);
}

async fn wrong_credentials_are_refused_where_none_are_needed(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for (method, path) in [
        (Method::GET, "/api/v1/products".to_owned()),
        (Method::GET, "/api/v1/products/catalog".to_owned()),
        (Method::GET, format!("/api/v1/products/{}", shop.slug)),
        (Method::POST, "/api/v1/license-keys/validate".to_owned()),
        (Method::POST, "/api/v1/license-activations/activate".to_owned()),
    ] {
        let request = server.request(method, &path).bearer_auth("lsk_wrong");
        refused(Reply::of(request.json(&Value::Null)).await);
    }
}

async fn a_guard_looks_at_nothing_before_it_let_the_caller_in(backend: Backend) {
    let server = TestServer::start(backend).await;
    let request = server.request(Method::POST, "/api/v1/customers");
    refused(Reply::of(request.header("content-type", "text/plain").body("{".repeat(70_000))).await);
    let request = server.request(Method::PUT, "/api/v1/customers/nothing");
    refused(Reply::of(request.header("if-match", "what")).await);
}
