//! What most tests begin with: a product with inherited tiers, a licence, a machine.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::http::Reply;
use crate::server::TestServer;

/// A product with three tiers: `basic` ← `pro` ← `max`.
#[derive(Clone, Debug)]
pub struct Shop {
    pub product: String,
    pub slug: String,
    pub basic: String,
    pub pro: String,
    pub max: String,
}

impl Shop {
    /// Entitlements `edit`, `export`, `api` and `rooms` (integer), and the display feature `care`.
    pub async fn open(server: &TestServer) -> Self {
        Self::named(server, "acme-desk").await
    }

    pub async fn named(server: &TestServer, slug: &str) -> Self {
        let body = json!({"slug": slug, "name": "Acme Desk", "keyPrefix": "ACME"});
        let product = id(&server.admin_post("/products", body).await.expect(201));
        for (key, kind, value_type) in [
            ("edit", "entitlement", "switch"),
            ("export", "entitlement", "switch"),
            ("api", "entitlement", "switch"),
            ("rooms", "entitlement", "integer"),
            ("care", "display", "switch"),
        ] {
            let body =
                json!({"productId": product, "key": key, "name": key, "kind": kind, "valueType": value_type});
            server.admin_post("/product-features", body).await.expect(201);
        }
        let basic = json!({"productId": product, "key": "basic", "name": "Basic", "features": ["edit"],
                           "featureValues": {"rooms": 3}, "maxActivations": 2, "monthlyPrice": 500, "currency": "EUR",
                           "billingPeriods": ["monthly"]});
        let basic = id(&server.admin_post("/pricing-tiers", basic).await.expect(201));
        let pro = json!({"productId": product, "key": "pro", "name": "Pro", "includesTierId": basic,
                         "features": ["export", "care"], "featureValues": {"rooms": 10}});
        let pro = id(&server.admin_post("/pricing-tiers", pro).await.expect(201));
        let max = json!({"productId": product, "key": "max", "name": "Max", "includesTierId": pro, "features": ["*"],
                         "maxActivations": null});
        let max = id(&server.admin_post("/pricing-tiers", max).await.expect(201));
        Self { product, slug: slug.to_owned(), basic, pro, max }
    }

    /// Issues a licence at `pro`; `more` is added to the request. Gives the whole answer.
    pub async fn issue(&self, server: &TestServer, more: Value) -> Value {
        self.try_issue(server, more).await.expect(201)
    }

    pub async fn try_issue(&self, server: &TestServer, more: Value) -> Reply {
        let mut body = json!({"productId": self.product, "tierId": self.pro});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.admin_post("/license-keys", body).await
    }
}

/// `id` of an answer.
pub(crate) fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

/// A machine as a client sees itself.
#[derive(Clone, Debug)]
pub struct Machine {
    pub key: String,
    pub fingerprint: String,
    pub activation: String,
    pub nonce: String,
    pub token: String,
}

impl Machine {
    /// Activates `fingerprint` with a licence key.
    pub async fn activate(server: &TestServer, key: &str, fingerprint: &str) -> Self {
        Self::activate_with(server, key, fingerprint, json!({})).await
    }

    /// The same, with more members in the request.
    pub async fn activate_with(server: &TestServer, key: &str, fingerprint: &str, more: Value) -> Self {
        let reply = try_activate(server, key, fingerprint, more).await;
        assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
        Self::of(key, fingerprint, &reply.body)
    }

    /// What an answer to an activation tells the machine.
    pub fn of(key: &str, fingerprint: &str, body: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            key: key.to_owned(),
            fingerprint: fingerprint.to_owned(),
            activation: text(&body["activation"]["id"]),
            nonce: text(&body["nonce"]),
            token: text(&body["token"]),
        }
    }

    /// The body of a heartbeat with the nonce that the machine has.
    pub fn beat_body(&self, request_id: Option<&str>) -> Value {
        let mut body =
            json!({"activationId": self.activation, "fingerprint": self.fingerprint, "nonce": self.nonce});
        if let Some(request_id) = request_id {
            body["requestId"] = json!(request_id);
        }
        body
    }

    /// A heartbeat with a fresh request id; the machine keeps what it is given.
    pub async fn beat(&mut self, server: &TestServer) -> Value {
        let body = self.try_beat(server).await.expect(200);
        body["nonce"].as_str().unwrap().clone_into(&mut self.nonce);
        if let Some(token) = body["token"].as_str() {
            token.clone_into(&mut self.token);
        }
        body
    }

    /// A heartbeat whose answer the machine does not keep.
    pub async fn try_beat(&self, server: &TestServer) -> Reply {
        server.post("/license-keys/heartbeat", self.beat_body(Some(&request_id()))).await
    }

    /// The claims of its token, unverified.
    pub fn claims(&self) -> Value {
        claims(&self.token)
    }
}

/// A request id that nobody used before.
pub fn request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("request-{:024}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Asks to activate.
pub async fn try_activate(server: &TestServer, key: &str, fingerprint: &str, more: Value) -> Reply {
    let mut body = json!({"licenseKey": key, "fingerprint": fingerprint});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.post("/license-activations/activate", body).await
}

/// The claims of a token, unverified.
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
