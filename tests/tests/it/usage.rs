//! Usage: every validation and every reported count, once.

use licentia_tests::{Machine, Shop, TestServer};
use serde_json::{Value, json};

mod counting;
mod flood;
mod heartbeats;
mod killed;
mod load;
mod outage;
mod reading;
mod retention;

/// What is answered to `/usage?…`.
async fn usage(server: &TestServer, query: &str) -> Value {
    server.admin_get(&format!("/usage?{query}")).await.expect(200)
}

/// Action, outcome and count of what was counted, added up by the first two.
async fn by_outcome(server: &TestServer, query: &str) -> Vec<(String, String, u64)> {
    let answer = usage(server, &format!("groupBy=action,outcome&sort=day&limit=200&{query}")).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = answer["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| (text(&item["action"]), text(&item["outcome"]), item["count"].as_u64().unwrap()))
        .collect()
}

#[track_caller]
fn assert_counted(counted: &[(String, String, u64)], expected: &[(&str, &str, u64)]) {
    let mut counted: Vec<_> =
        counted.iter().map(|(action, outcome, count)| (action.as_str(), outcome.as_str(), *count)).collect();
    let mut expected = expected.to_vec();
    counted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(counted, expected);
}

/// All counts together.
async fn together(server: &TestServer, query: &str) -> u64 {
    usage(server, query).await["count"].as_u64().unwrap()
}

async fn validate(server: &TestServer, question: Value) -> Value {
    server.post("/license-keys/validate", question).await.expect(200)
}

/// A licence for five machines, and one of them, with version 1.0.
async fn begin(server: &TestServer) -> (Shop, Value, Machine) {
    let shop = Shop::open(server).await;
    let issued = shop.issue(server, json!({"maxActivations": 5})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let machine = Machine::activate_with(server, key, "fp-1", json!({"productVersion": "1.0"})).await;
    (shop, issued, machine)
}

fn id(issued: &Value) -> &str {
    issued["id"].as_str().unwrap()
}
