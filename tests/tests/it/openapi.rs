//! The OpenAPI document: committed as it is generated, and complete.

use std::collections::BTreeSet;
use std::path::Path;

use licentia_types::audit::AuditFindingKind;
use licentia_types::permissions::Permission;
use licentia_types::problems::ProblemCode;
use licentia_types::signing_keys::{KeyPurpose, SigningKeyState};
use licentia_types::validation::Rule;
use serde_json::{Value, json};

/// What everybody may call without credentials; every other operation names its permission.
pub(crate) const PUBLIC: [&str; 34] = [
    "GET /.well-known/jwks.json",
    "GET /.well-known/keys/{kid}.pem",
    "GET /.well-known/license-configuration",
    "GET /.well-known/openid-configuration",
    "GET /api/v1/openapi.json",
    "GET /api/v1/permissions",
    "GET /api/v1/products",
    "GET /api/v1/products/catalog",
    "GET /api/v1/products/{id}",
    "GET /api/v1/revocation/list",
    "GET /api/v1/roles",
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "GET /status-lists/{list}",
    "POST /api/v1/activation-claims",
    "POST /api/v1/auth/code",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/logout",
    "POST /api/v1/auth/password/forgot",
    "POST /api/v1/auth/password/reset",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/totp",
    "POST /api/v1/auth/totp/confirm",
    "POST /api/v1/auth/totp/enroll",
    "POST /api/v1/license-activations/activate",
    "POST /api/v1/license-activations/receipts",
    "POST /api/v1/license-activations/status",
    "POST /api/v1/license-activations/{id}/deactivate",
    "POST /api/v1/license-keys/heartbeat",
    "POST /api/v1/license-keys/validate",
    "POST /api/v1/register",
    "POST /api/v1/register/confirm",
    "POST /api/v1/setup",
];

/// What is about the account of whoever is signed in, whatever he may do.
pub(crate) const SIGNED_IN: [&str; 4] = [
    "GET /api/v1/auth/me",
    "POST /api/v1/auth/password/change",
    "POST /api/v1/auth/totp/disable",
    "POST /api/v1/auth/totp/recovery-codes",
];

/// What is for customers who are signed in, about what is their own.
pub(crate) const CUSTOMERS: [&str; 15] = [
    "GET /api/v1/user",
    "GET /api/v1/user/activation-claims",
    "GET /api/v1/user/activations",
    "GET /api/v1/user/licenses",
    "GET /api/v1/user/licenses/{id}",
    "GET /api/v1/user/licenses/{id}/files",
    "GET /api/v1/user/licenses/{id}/files/{fileId}",
    "POST /api/v1/user/activation-claims/{id}/approve",
    "POST /api/v1/user/activation-claims/{id}/reject",
    "POST /api/v1/user/activations/{id}/release",
    "POST /api/v1/user/claim-license",
    "POST /api/v1/user/export",
    "POST /api/v1/user/licenses/{id}/checkout",
    "POST /api/v1/user/licenses/{id}/reveal",
    "POST /api/v1/user/password",
];

fn generated() -> String {
    let json = licentia::openapi::document().to_pretty_json().unwrap();
    format!("{json}\n")
}

/// Each operation, as `METHOD /path`.
pub(crate) fn operations() -> Vec<(String, Value)> {
    let document: Value = serde_json::from_str(&generated()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((format!("{} {path}", method.to_uppercase()), operation.clone()));
        }
    }
    found
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == generated(), "openapi/openapi.json is out of date: make openapi");
}

#[test]
fn every_operation_is_described() {
    let mut ids = BTreeSet::new();
    for (name, operation) in operations() {
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(summary.len() > 5 && !summary.ends_with('.'), "{name}: {summary}");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{name}");
        if let Some(body) = operation.get("requestBody") {
            let content = body["content"].as_object().unwrap();
            let rows = content.values().all(|content| content["example"].is_string());
            assert!(body["content"]["application/json"]["example"].is_object() || rows, "{name}");
        }
    }
}

#[test]
fn every_operation_names_its_permission_or_is_known_to_be_public() {
    let mut public = BTreeSet::new();
    for (name, operation) in operations() {
        let security = operation["security"].as_array().cloned().unwrap_or_default();
        if security.is_empty() || security.contains(&json!({})) {
            public.insert(name);
            continue;
        }
        let is_customers = security == [json!({"customer": []})];
        assert_eq!(is_customers, CUSTOMERS.contains(&name.as_str()), "{name}");
        if is_customers {
            continue;
        }
        let of = |scheme: &str| security.iter().find_map(|one| one.get(scheme)).cloned();
        let permissions = of("bearer").unwrap().as_array().unwrap().len();
        if SIGNED_IN.contains(&name.as_str()) {
            assert_eq!((permissions, of("apiKey")), (0, None), "{name}");
        } else {
            assert_eq!(permissions, 1, "{name}");
            assert_eq!(of("bearer"), of("apiKey"), "{name}");
        }
    }
    assert_eq!(public, PUBLIC.map(str::to_owned).into());
}

#[test]
fn every_refusal_is_a_problem_with_its_codes() {
    let document: Value = serde_json::from_str(&generated()).unwrap();
    for (name, operation) in operations() {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}");
        for (status, response) in responses.iter().filter(|(status, _)| !status.starts_with('2')) {
            let shared = response["$ref"].as_str().unwrap().trim_start_matches('#');
            let response = document.pointer(shared).unwrap();
            let content = &response["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{name} {status}");
            assert_eq!(content["example"]["status"].to_string(), *status, "{name}");
            for code in response["x-codes"].as_array().unwrap() {
                let known = ProblemCode::ALL.iter().find(|known| code == known.as_str()).unwrap();
                assert_eq!(known.status().to_string(), *status, "{name} {code}");
            }
        }
    }
}

#[test]
fn every_operation_of_the_api_says_what_its_guard_and_the_database_refuse() {
    for (name, operation) in operations() {
        if !name.contains(" /api/v1/") || name.ends_with("openapi.json") {
            continue;
        }
        let of_guard = operation["security"].is_array().then_some("403");
        for status in ["401", "500", "503"].into_iter().chain(of_guard) {
            assert!(operation["responses"].get(status).is_some(), "{name} {status}");
        }
    }
}

#[test]
fn words_stand_in_the_document_as_they_cross_the_wire() {
    let document: Value = serde_json::from_str(&generated()).unwrap();
    let words = |name: &str| document["components"]["schemas"][name]["enum"].clone();
    assert_eq!(words("ProblemCode"), json!(ProblemCode::ALL));
    assert_eq!(words("Permission"), json!(Permission::ALL));
    assert_eq!(words("KeyPurpose"), json!(KeyPurpose::ALL));
    assert_eq!(words("SigningKeyState"), json!(SigningKeyState::ALL));
    assert_eq!(words("Rule"), json!(Rule::ALL));
    assert!(words("AuditFindingKind").as_array().unwrap().contains(&json!(AuditFindingKind::RowAltered)));
}
