//! A request for every route that takes a key.

use licentia_tests::{Machine, Shop, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

use crate::activation_claims::{Guarded, approve_first};
use crate::assemblies::build;
use crate::mail::given_up;
use crate::portal::give_account;
use crate::sessions::{PASSWORD, Person};

/// A request that has an effect.
pub(crate) struct Case {
    /// As the route table has it.
    pub(crate) route: &'static str,
    pub(crate) path: String,
    pub(crate) body: Value,
    /// `If-Match`, where it is demanded.
    pub(crate) version: Option<String>,
}

impl Case {
    /// On a collection.
    fn on(route: &'static str, body: Value) -> Self {
        Self { route, path: route.to_owned(), body, version: None }
    }

    /// On something that is there.
    fn of(route: &'static str, id: &str, body: Value) -> Self {
        let path = route.replace("{id}", id).replace("{kid}", id);
        Self { route, path, body, version: None }
    }
}

/// One for every route, each about things of its own.
pub(crate) async fn cases(server: &TestServer) -> Vec<Case> {
    let shop = Shop::open(server).await;
    let mut cases = catalogue(&shop);
    cases.extend(licenses(server, &shop).await);
    cases.extend(machines(server, &shop).await);
    cases.extend(claims(server).await);
    cases.extend(access(server).await);
    cases.extend(admins(server).await);
    cases.extend(accounts(server).await);
    cases.extend(signing_keys(server).await);
    cases.push(Case::of("/mails/{id}/retry", &given_up(server).await, json!({})));
    cases
}

fn catalogue(shop: &Shop) -> Vec<Case> {
    let product = &shop.product;
    let feature = json!({"productId": product, "key": "late", "name": "Late", "kind": "entitlement", "valueType": "switch"});
    vec![
        Case::on("/products", json!({"slug": "other", "name": "Other"})),
        Case::on("/product-features", feature),
        Case::on(
            "/pricing-tiers",
            json!({"productId": product, "key": "late", "name": "Late", "features": ["edit"]}),
        ),
        Case::of("/products/{id}/releases", product, json!({"version": "9.9.9"})),
        Case::on("/customers", json!({"name": "Ada", "externalId": "crm-1"})),
        Case::on("/assembly-whitelist/approve", json!({"assemblies": [build("Late", "a")]})),
    ]
}

async fn license(server: &TestServer, shop: &Shop) -> (String, String) {
    let issued = shop.issue(server, json!({"validDays": 30})).await;
    let text = |member: &str| issued[member].as_str().unwrap().to_owned();
    (text("id"), text("licenseKey"))
}

async fn licenses(server: &TestServer, shop: &Shop) -> Vec<Case> {
    let one = json!({"productId": shop.product, "tierId": shop.pro, "document": true,
                     "customer": {"externalId": "crm-2", "name": "Bob"}});
    let plain = json!({"productId": shop.product, "tierId": shop.pro});
    let mut cases = vec![
        Case::on("/license-keys", one.clone()),
        Case::on("/license-keys/bulk", json!({"licenses": [plain, one]})),
    ];
    for (route, body) in [
        ("/license-keys/{id}/suspend", json!({"reason": "late"})),
        ("/license-keys/{id}/reinstate", json!({})),
        ("/license-keys/{id}/revoke", json!({"reason": "gone"})),
        ("/license-keys/{id}/renew", json!({"validDays": 5})),
        ("/license-keys/{id}/transfer", json!({"customer": {"externalId": "crm-3", "name": "Eve"}})),
        ("/license-keys/{id}/rotate-key", json!({})),
        ("/license-keys/{id}/features", json!({"add": ["api"]})),
        ("/license-keys/{id}/checkout", json!({"fingerprint": "fp-1"})),
        ("/license-keys/{id}/regenerate", json!({})),
    ] {
        let (id, key) = license(server, shop).await;
        let mut case = Case::of(route, &id, body);
        match route {
            "/license-keys/{id}/reinstate" => {
                server.admin_post(&format!("/license-keys/{id}/suspend"), json!({})).await.expect(200);
            }
            // A version that is stale once it was done.
            "/license-keys/{id}/features" => case.version = Some("\"1\"".to_owned()),
            "/license-keys/{id}/regenerate" => {
                Machine::activate(server, &key, "fp-1").await;
            }
            _ => {}
        }
        cases.push(case);
    }
    cases
}

async fn machines(server: &TestServer, shop: &Shop) -> Vec<Case> {
    let mut cases = Vec::new();
    for route in [
        "/license-activations/{id}/deactivate",
        "/license-activations/{id}/revoke",
        "/license-activations/{id}/unblock",
    ] {
        let (_, key) = license(server, shop).await;
        let machine = Machine::activate(server, &key, "fp-1").await;
        if route.ends_with("unblock") {
            let revoke = format!("/license-activations/{}/revoke", machine.activation);
            server.admin_post(&revoke, json!({})).await.expect(200);
        }
        cases.push(Case::of(route, &machine.activation, json!({})));
    }
    cases
}

async fn claims(server: &TestServer) -> Vec<Case> {
    let shop = Shop::named(server, "guarded").await;
    approve_first(server, &shop).await;
    let mut cases = Vec::new();
    for route in ["/activation-claims/{id}/approve", "/activation-claims/{id}/reject"] {
        let license = Guarded::issue(server, &shop, json!({})).await;
        cases.push(Case::of(route, &license.ask(server, "fp-1").await.id, json!({})));
    }
    cases
}

async fn admins(server: &TestServer) -> Vec<Case> {
    let person = || Person::with_role(server, "viewer");
    let (disabled, forgetful, without_app) = (person().await, person().await, person().await);
    server.admin_delete(&format!("/admins/{}", disabled.id)).await.expect(204);
    let session = without_app.sign_in(server).await;
    let password = json!({"password": PASSWORD});
    session.send(server, Method::POST, "/auth/totp/enroll", password).await.expect(200);
    vec![
        Case::on("/groups", json!({"name": "Late"})),
        Case::on("/roles", json!({"name": "late", "permissions": ["customers.read"]})),
        Case::on("/admins", json!({"email": "late@example.com", "name": "Late", "role": "viewer"})),
        Case::of("/admins/{id}/enable", &disabled.id, json!({})),
        Case::of("/admins/{id}/reset-password", &forgetful.id, json!({})),
        Case::of("/admins/{id}/remove-totp", &without_app.id, json!({})),
    ]
}

async fn accounts(server: &TestServer) -> Vec<Case> {
    let mut cases = Vec::new();
    for route in ["/customers/{id}/account/disable", "/customers/{id}/account/enable"] {
        let email = format!("{}@example.com", cases.len());
        let made = server.admin_post("/customers", json!({"email": email})).await.expect(201);
        let id = made["id"].as_str().unwrap();
        give_account(server, id, &email).await;
        if route.ends_with("enable") {
            server.admin_post(&format!("/customers/{id}/account/disable"), json!({})).await.expect(200);
        }
        cases.push(Case::of(route, id, json!({})));
    }
    cases
}

async fn access(server: &TestServer) -> Vec<Case> {
    let body = json!({"name": "Shop", "permissions": ["customers"]});
    let mut cases = vec![Case::on("/api-keys", body.clone())];
    for route in ["/api-keys/{id}/rotate", "/api-keys/{id}/revoke"] {
        let key = server.admin_post("/api-keys", body.clone()).await.expect(201);
        cases.push(Case::of(route, key["id"].as_str().unwrap(), json!({})));
    }
    cases
}

async fn signing_keys(server: &TestServer) -> Vec<Case> {
    let keys = server.admin_get("/signing-keys").await.expect(200);
    let active = |purpose: &str| {
        let is_it = |key: &&Value| key["purpose"] == purpose && key["state"] == "active";
        keys["items"].as_array().unwrap().iter().find(is_it).unwrap()["kid"].as_str().unwrap().to_owned()
    };
    vec![
        Case::on("/signing-keys/rotate", json!({"purpose": "token"})),
        Case::of("/signing-keys/{kid}/retire", &active("document"), json!({})),
        Case::of("/signing-keys/{kid}/revoke", &active("session"), json!({})),
    ]
}
