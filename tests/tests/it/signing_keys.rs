//! Signing keys over their life: what operators see, and what changes when.

mod dating;
mod hanging;
mod instances;
mod revoking;
mod rotating;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use licentia_entity::{audit_event, event};
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

on_both![the_list_says_state_and_dates, bodies_and_names_are_checked];

/// How long a key waits after it was published, in seconds: the cache of the key set, and a minute.
const WAIT: i64 = 360;
const DAY: i64 = 86_400;

async fn keys(server: &TestServer) -> Vec<Value> {
    let page = server.admin_get("/signing-keys").await.expect(200);
    assert_eq!(page["total"], page["items"].as_array().unwrap().len());
    page["items"].as_array().unwrap().clone()
}

/// The only key of this purpose in this state.
async fn key(server: &TestServer, purpose: &str, state: &str) -> Value {
    let mut found = keys(server).await;
    found.retain(|key| key["purpose"] == purpose && key["state"] == state);
    assert_eq!(found.len(), 1, "{purpose} {state}: {:#?}", keys(server).await);
    found.remove(0)
}

async fn kid(server: &TestServer, state: &str) -> String {
    key(server, "token", state).await["kid"].as_str().unwrap().to_owned()
}

async fn change(server: &TestServer, kid: &str, what: &str) -> Reply {
    server.admin_post(&format!("/signing-keys/{kid}/{what}"), json!({})).await
}

async fn rotate(server: &TestServer) -> Reply {
    server.admin_post("/signing-keys/rotate", json!({})).await
}

/// Another instance, with one connection to read and one to write; on PostgreSQL one for both.
async fn another_with_one_connection(server: &TestServer) -> TestServer {
    let settings = [
        ("DATABASE__MAX_CONNECTIONS", "1"),
        ("DATABASE__READERS", "1"),
        ("DATABASE__ACQUIRE_TIMEOUT_SECONDS", "10"),
    ];
    server.another_with(&settings).await
}

/// Names in the key set.
async fn published(server: &TestServer) -> Vec<String> {
    let jwks = server.get("/.well-known/jwks.json").await.expect(200);
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn machine(server: &TestServer) -> Machine {
    let issued = Shop::open(server).await.issue(server, json!({})).await;
    Machine::activate(server, issued["licenseKey"].as_str().unwrap(), "fp-1").await
}

/// Who signed its token.
fn signed_by(machine: &Machine) -> String {
    let header = URL_SAFE_NO_PAD.decode(machine.token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// What the server says of a token that is one of its own.
async fn verdict(server: &TestServer, token: &str) -> Value {
    server.post("/license-keys/validate", json!({"token": token})).await.expect(200)
}

/// Why the server takes a token for none of its own.
async fn disowned(server: &TestServer, token: &str) -> Value {
    let reply = server.post("/license-keys/validate", json!({"token": token})).await;
    reply.expect_problem(422, "TOKEN_INVALID")["reasons"].clone()
}

/// Changes of keys in the audit log and among the events: actor, what, whom.
async fn told(server: &TestServer) -> (Vec<(String, String, String)>, Vec<(String, String)>) {
    let db = &server.context.db;
    let audited = audit_event::Entity::find()
        .filter(audit_event::Column::Action.starts_with("signing_key."))
        .all(db)
        .await
        .unwrap();
    let events = event::Entity::find().filter(event::Column::Kind.starts_with("signing_key.")).all(db).await;
    (
        audited.into_iter().map(|row| (row.actor_kind, row.action, row.subject)).collect(),
        events.unwrap().into_iter().map(|row| (row.kind, row.subject)).collect(),
    )
}

async fn the_list_says_state_and_dates(backend: Backend) {
    let server = TestServer::start(backend).await;
    let all = keys(&server).await;
    assert_eq!(all.len(), 6);
    for key in &all {
        assert_eq!((&key["bits"], &key["imported"]), (&json!(2048), &json!(false)));
        assert_eq!(key.get("activeFrom").is_some(), key["state"] == "active");
        for absent in ["retiringFrom", "retiredAt", "revokedAt", "reason", "privateSealed"] {
            assert!(key.get(absent).is_none(), "{key}");
        }
    }
    for purpose in ["token", "document", "session"] {
        let active = key(&server, purpose, "active").await;
        assert_eq!(active["activeFrom"], active["publishedAt"]);
        assert!(active.get("signsUntil").is_none(), "it has signed nothing");
        key(&server, purpose, "pending").await;
    }
    machine(&server).await;
    assert!(key(&server, "token", "active").await["signsUntil"].as_str().unwrap().ends_with("T00:00:00Z"));
}

async fn bodies_and_names_are_checked(backend: Backend) {
    let server = TestServer::start(backend).await;
    for (body, pointer) in [
        (json!({"purpose": "everything"}), "/purpose"),
        (json!({"purpose": null}), "/purpose"),
        (json!({"kid": "x"}), "/kid"),
    ] {
        let problem =
            server.admin_post("/signing-keys/rotate", body).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    let pending = kid(&server, "pending").await;
    let path = format!("/signing-keys/{pending}/revoke");
    server
        .admin_post(&path, json!({"reason": "x".repeat(4001)}))
        .await
        .expect_problem(422, "VALIDATION_FAILED");
    server.admin_post(&path, json!({"because": "x"})).await.expect_problem(422, "VALIDATION_FAILED");
    let unknown = "A".repeat(43);
    for name in [unknown.as_str(), "nothing", "..%2F..%2Fkeys", &"A".repeat(4096), &pending[1..]] {
        for what in ["retire", "revoke"] {
            change(&server, name, what).await.expect_problem(404, "NOT_FOUND");
        }
    }
    assert_eq!(keys(&server).await.len(), 6);
}
