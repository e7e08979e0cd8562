//! Every POST is classified, from the route table itself.

use std::collections::BTreeSet;

use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use reqwest::Method;
use serde_json::{Value, json};

use super::cases::cases;
use super::{HEADER, keyed, written};
use crate::activation_claims::Guarded;
use crate::openapi::operations;
use crate::portal::Portal;

on_both![
    every_case_is_a_route_that_takes_a_key,
    other_calls_refuse_a_key,
    signing_in_takes_no_key,
    customers_are_told_that_their_calls_take_none,
    machines_are_not_asked_for_keys,
];

/// Nothing is created or spent: they tell something, or show that letters arrive.
const TAKE_NONE: [&str; 5] = [
    "POST /api/v1/license-keys/{id}/audit",
    "POST /api/v1/license-keys/{id}/reveal",
    "POST /api/v1/lookup",
    "POST /api/v1/settings/mail/test",
    "POST /api/v1/tokens/inspect",
];

/// Idempotent by themselves, or without an effect.
const MACHINES: [&str; 6] = [
    "POST /api/v1/activation-claims",
    "POST /api/v1/license-activations/activate",
    "POST /api/v1/license-activations/receipts",
    "POST /api/v1/license-activations/status",
    "POST /api/v1/license-keys/heartbeat",
    "POST /api/v1/license-keys/validate",
];

/// Each begins, renews or ends a session, or is about the account of whoever calls: what they give is good once.
const SIGNING_IN: [&str; 15] = [
    "POST /api/v1/auth/code",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/logout",
    "POST /api/v1/auth/password/change",
    "POST /api/v1/auth/password/forgot",
    "POST /api/v1/auth/password/reset",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/totp",
    "POST /api/v1/auth/totp/confirm",
    "POST /api/v1/auth/totp/disable",
    "POST /api/v1/auth/totp/enroll",
    "POST /api/v1/auth/totp/recovery-codes",
    "POST /api/v1/register",
    "POST /api/v1/register/confirm",
    "POST /api/v1/setup",
];

/// Customers': each changes nothing when it is asked for again.
const CUSTOMERS: [&str; 8] = [
    "POST /api/v1/user/activation-claims/{id}/approve",
    "POST /api/v1/user/activation-claims/{id}/reject",
    "POST /api/v1/user/activations/{id}/release",
    "POST /api/v1/user/claim-license",
    "POST /api/v1/user/export",
    "POST /api/v1/user/licenses/{id}/checkout",
    "POST /api/v1/user/licenses/{id}/reveal",
    "POST /api/v1/user/password",
];

fn takes_a_key(operation: &Value) -> bool {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    parameters.iter().any(|parameter| parameter["name"] == HEADER && parameter["in"] == "header")
}

/// The routes whose operation says that it takes a key.
pub(super) fn takers() -> BTreeSet<String> {
    operations().into_iter().filter(|(_, operation)| takes_a_key(operation)).map(|(name, _)| name).collect()
}

#[test]
fn every_post_is_classified() {
    let posts = operations().into_iter().map(|(name, _)| name).filter(|name| name.starts_with("POST "));
    let posts: BTreeSet<String> = posts.collect();
    let others = TAKE_NONE.iter().chain(&MACHINES).chain(&SIGNING_IN).chain(&CUSTOMERS);
    let others: BTreeSet<String> = others.map(ToString::to_string).collect();
    assert_eq!(takers().intersection(&others).next(), None);
    assert_eq!(takers().union(&others).cloned().collect::<BTreeSet<_>>(), posts);
}

#[test]
fn who_takes_a_key_says_how_it_is_refused() {
    for (name, operation) in operations().into_iter().filter(|(_, operation)| takes_a_key(operation)) {
        let codes =
            |status: &str| operation["responses"][status]["$ref"].as_str().unwrap_or_default().to_owned();
        assert!(codes("400").contains("PARAMETER_INVALID"), "{name}");
        assert!(codes("409").contains("REQUEST_IN_FLIGHT"), "{name}");
        assert!(codes("422").contains("IDEMPOTENCY_KEY_REUSED"), "{name}");
        let answers = operation["responses"].as_object().unwrap().iter();
        for (status, answer) in answers.filter(|(status, _)| status.starts_with('2')) {
            assert!(answer["headers"]["Idempotent-Replayed"].is_object(), "{name} {status}");
        }
    }
}

async fn every_case_is_a_route_that_takes_a_key(backend: Backend) {
    let server = TestServer::start(backend).await;
    let cases = cases(&server).await;
    let mut named: BTreeSet<String> =
        cases.iter().map(|case| format!("POST /api/v1{}", case.route)).collect();
    assert_eq!(named.len(), cases.len());
    // Not of JSON: `imports.rs` has it.
    named.insert("POST /api/v1/imports".to_owned());
    assert_eq!(named, takers());
}

async fn other_calls_refuse_a_key(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    let (id, key) = (issued["id"].as_str().unwrap(), issued["licenseKey"].as_str().unwrap());
    let machine = Machine::activate(&server, key, "fp-1").await;
    let claim = Guarded::of_shop(&server, "guarded").await.ask(&server, "fp-1").await;
    let refused = [
        (format!("/license-keys/{id}/audit"), json!({})),
        (format!("/license-keys/{id}/reveal"), json!({})),
        ("/lookup".to_owned(), json!({"text": key})),
        ("/settings/mail/test".to_owned(), json!({"to": "ada@example.com"})),
        ("/tokens/inspect".to_owned(), json!({"token": machine.token})),
        ("/activation-claims".to_owned(), json!({"claimId": claim.id, "claimSecret": claim.secret})),
        ("/license-activations/activate".to_owned(), json!({"licenseKey": key, "fingerprint": "fp-2"})),
        ("/license-activations/receipts".to_owned(), json!({"receipt": "none"})),
        ("/license-activations/status".to_owned(), json!({"licenseKey": key, "fingerprint": "fp-1"})),
        ("/license-keys/heartbeat".to_owned(), machine.beat_body(None)),
        ("/license-keys/validate".to_owned(), json!({"token": machine.token})),
    ];
    assert_eq!(refused.len(), TAKE_NONE.len() + MACHINES.len());
    let before = written(&server).await;
    for (path, body) in refused {
        keyed(&server, "a-key-of-ours", &path, body).await.expect_problem(422, "NOT_SUPPORTED");
    }
    assert_eq!(written(&server).await, before);
}

async fn signing_in_takes_no_key(backend: Backend) {
    let server = TestServer::start(backend).await;
    let session = crate::sessions::Session::of_role(&server, "viewer").await;
    let signing_in = operations().into_iter().filter(|(name, _)| SIGNING_IN.contains(&name.as_str()));
    for (name, operation) in signing_in {
        let path = name.strip_prefix("POST ").unwrap();
        let body = &operation["requestBody"]["content"]["application/json"]["example"];
        let request = server.request(Method::POST, path).bearer_auth(&session.token);
        let reply = Reply::of(request.header(HEADER, "a-key-of-ours").json(body)).await;
        reply.expect_problem(422, "NOT_SUPPORTED");
    }
    session.get(&server, "/auth/me").await.expect(200);
}

async fn customers_are_told_that_their_calls_take_none(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (server, mine) = (&portal.server, portal.estate("mine").await);
    for (name, operation) in operations().into_iter().filter(|(name, _)| CUSTOMERS.contains(&name.as_str())) {
        let path = mine.path_of(name.strip_prefix("POST /api/v1").unwrap());
        let body = &operation["requestBody"]["content"]["application/json"]["example"];
        let request =
            server.request(Method::POST, &format!("/api/v1{path}")).bearer_auth(&mine.session.token);
        let request = if body.is_null() { request } else { request.json(body) };
        let reply = Reply::of(request.header(HEADER, "a-key-of-ours")).await;
        reply.expect_problem(422, "NOT_SUPPORTED");
    }
}

async fn machines_are_not_asked_for_keys(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let machine = try_activate(&server, key, "fp-1", json!({})).await.expect(201);
    let id = machine["activation"]["id"].as_str().unwrap();
    let proof = json!({"licenseKey": key, "fingerprint": "fp-1", "nonce": machine["nonce"]});
    // What it sends besides says nothing, as before.
    let path = format!("/api/v1/license-activations/{id}/deactivate");
    for _ in 0..2 {
        let request = server.request(Method::POST, &path).header(HEADER, "not one of ours").json(&proof);
        let reply = Reply::of(request).await;
        assert_eq!((reply.status, reply.header("idempotent-replayed")), (200, ""), "{}", reply.text);
    }
}
