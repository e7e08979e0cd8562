//! Validation: a verdict for every state, and no forged token passes.

use licentia_tests::{Machine, Shop, TestServer};
use serde_json::{Value, json};

mod forgeries;
mod verdicts;

/// The verdict on `body`; a verdict is never an error.
async fn verdict(server: &TestServer, body: Value) -> Value {
    server.post("/license-keys/validate", body).await.expect(200)
}

async fn on_token(server: &TestServer, token: &str) -> Value {
    verdict(server, json!({"token": token})).await
}

/// A licence for one machine, and that machine.
async fn machine(server: &TestServer) -> Machine {
    let issued = Shop::open(server).await.issue(server, json!({"maxActivations": 1})).await;
    Machine::activate(server, issued["licenseKey"].as_str().unwrap(), "fp-1").await
}

/// Asserts the verdict: its code, whether it is good, and all of its reasons.
#[track_caller]
fn assert_verdict(verdict: &Value, code: &str, reasons: &[&str]) {
    assert_eq!(verdict["code"], code, "{verdict}");
    assert_eq!(verdict["valid"], matches!(code, "VALID" | "GRACE"), "{verdict}");
    assert_eq!(verdict["reasons"], json!(reasons), "{verdict}");
}
