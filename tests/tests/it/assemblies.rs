//! The allow-list of assemblies, and the proof of an activation.

use licentia_tests::{Reply, Shop, TestServer};
use serde_json::{Value, json};

mod activating;
mod approving;
mod keeping;
mod proofs;
mod races;
mod validating;

/// A build whose digest is this digit, over and over.
pub(crate) fn build(name: &str, digit: &str) -> Value {
    json!({"assemblyName": name, "version": "2.4.1.0", "sha256": digit.repeat(64)})
}

async fn try_approve(server: &TestServer, body: Value) -> Reply {
    server.admin_post("/assembly-whitelist/approve", body).await
}

/// Approves builds for all; gives the ids of the approvals.
pub(crate) async fn approve(server: &TestServer, builds: &[Value]) -> Vec<String> {
    ids(&try_approve(server, json!({"assemblies": builds, "source": "ci"})).await.expect(201))
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

async fn list(server: &TestServer, query: &str) -> Value {
    server.admin_get(&format!("/assembly-whitelist?{query}")).await.expect(200)
}

pub(crate) async fn withdraw(server: &TestServer, id: &str) {
    server.admin_delete(&format!("/assembly-whitelist/{id}")).await.expect(204);
}

/// Id and key of a licence.
async fn license(server: &TestServer, shop: &Shop, more: Value) -> (String, String) {
    let issued = shop.issue(server, more).await;
    let text = |member: &str| issued[member].as_str().unwrap().to_owned();
    (text("id"), text("licenseKey"))
}

/// Actions on a subject, as the audit log tells them.
async fn audited(server: &TestServer, subject: &str) -> Vec<Value> {
    let page = server.admin_get(&format!("/audit-events?subject={subject}&sort=createdAt")).await.expect(200);
    page["items"].as_array().unwrap().clone()
}
