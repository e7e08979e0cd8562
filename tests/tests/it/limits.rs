//! Guessing licence keys is limited for each client; knowing them is not.

mod calls;
mod logins;
mod redis;

use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use serde_json::{Value, json};

on_both![
    failed_look_ups_are_limited_and_the_right_key_is_refused_too,
    every_way_to_look_a_key_up_counts,
    good_look_ups_cost_nothing,
    what_needs_no_look_up_goes_on,
];

const LIMITED: [(&str, &str); 4] = [
    ("LIMITS__ENABLED", "true"),
    ("LIMITS__ACTIVATE_PER_MINUTE", "1000"),
    ("LIMITS__FAILED_KEY_LOOKUPS_BURST", "3"),
    ("LIMITS__FAILED_KEY_LOOKUPS_PER_MINUTE", "1"),
];

async fn begin(backend: Backend) -> (TestServer, Machine) {
    let server = TestServer::start_with(backend, &LIMITED).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    (server, machine)
}

async fn guess(server: &TestServer) -> Reply {
    try_activate(server, "a-key-of-nobody", "fp-1", json!({})).await
}

fn assert_limited(reply: Reply) {
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    reply.expect_problem(429, "RATE_LIMITED");
}

async fn use_up(server: &TestServer) {
    for _ in 0..3 {
        guess(server).await.expect_problem(404, "NOT_FOUND");
    }
}

async fn failed_look_ups_are_limited_and_the_right_key_is_refused_too(backend: Backend) {
    let (server, machine) = begin(backend).await;
    use_up(&server).await;
    assert_limited(guess(&server).await);
    assert_limited(try_activate(&server, &machine.key, "fp-1", json!({})).await);
    let question = json!({"licenseKey": machine.key, "fingerprint": "fp-1"});
    assert_limited(server.post("/license-keys/validate", question.clone()).await);
    assert_limited(server.post("/license-activations/status", question).await);
}

async fn every_way_to_look_a_key_up_counts(backend: Backend) {
    let (server, machine) = begin(backend).await;
    let unknown = json!({"licenseKey": "a-key-of-nobody", "fingerprint": "fp-1"});
    let verdict = server.post("/license-keys/validate", unknown.clone()).await.expect(200);
    assert_eq!(verdict["code"], "NOT_FOUND");
    server.post("/license-activations/status", unknown.clone()).await.expect_problem(404, "NOT_FOUND");
    let mut proof: Value = unknown;
    proof["nonce"] = json!(machine.nonce);
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    server.post(&path, proof).await.expect_problem(404, "NOT_FOUND");
    assert_limited(guess(&server).await);
}

async fn good_look_ups_cost_nothing(backend: Backend) {
    let (server, mut machine) = begin(backend).await;
    for _ in 0..10 {
        let again = json!({"nonce": machine.nonce});
        machine = Machine::activate_with(&server, &machine.key, "fp-1", again).await;
        let question = json!({"licenseKey": machine.key});
        server.post("/license-keys/validate", question).await.expect(200);
        // A typing error is found without looking.
        let malformed = "ACME-00000-00000-00000-00000-00001";
        try_activate(&server, malformed, "fp-1", json!({}))
            .await
            .expect_problem(422, "LICENSE_KEY_MALFORMED");
    }
    use_up(&server).await;
}

async fn what_needs_no_look_up_goes_on(backend: Backend) {
    let (server, mut machine) = begin(backend).await;
    use_up(&server).await;
    machine.beat(&server).await;
    let question = json!({"token": machine.token});
    assert_eq!(server.post("/license-keys/validate", question).await.expect(200)["valid"], true);
    server.admin_get("/license-keys").await.expect(200);
    server.get("/api/v1/products/catalog").await.expect(200);
}
