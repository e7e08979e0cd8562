//! `server.admin_bind`: what needs a permission is there, and nowhere else.

use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

mod classes;

on_both![
    machines_live_on_the_one_and_whoever_administers_on_the_other,
    credentials_open_nothing_for_the_public,
    the_public_learns_of_no_document_that_is_not_there,
    pages_for_people_are_where_the_administration_is,
    what_was_made_is_where_it_was_asked_for,
    one_listener_serves_everything,
];

/// The same server, seen from the two addresses.
pub(crate) struct Pair {
    pub(crate) server: TestServer,
    http: reqwest::Client,
}

impl Pair {
    pub(crate) async fn start(backend: Backend) -> Self {
        let server = TestServer::start_with(backend, &[("SERVER__ADMIN_BIND", "127.0.0.1:0")]).await;
        Self { server, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// A request to the address that is for whoever administers, without credentials.
    pub(crate) fn ask(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let address = self.server.admin_address.expect("there are two addresses");
        self.http.request(method, format!("http://{address}{path}"))
    }

    /// The same with the admin's key.
    async fn admin(&self, method: Method, path: &str, body: Value) -> Reply {
        let request = self.ask(method, &format!("/api/v1{path}")).bearer_auth(&self.server.admin_key);
        Reply::of(request.json(&body)).await
    }
}

async fn machines_live_on_the_one_and_whoever_administers_on_the_other(backend: Backend) {
    let pair = Pair::start(backend).await;
    // The same database, all at one address: where the licence comes from.
    let other = pair.server.another().await;
    let issued = Shop::open(&other).await.issue(&other, json!({})).await;
    let mut machine = Machine::activate(&pair.server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    assert_eq!(machine.beat(&pair.server).await["status"], "active");
    let place = format!("/license-activations/{}", machine.activation);
    pair.server.admin_get(&place).await.expect_problem(404, "NOT_FOUND");
    let seen = pair.admin(Method::GET, &place, Value::Null).await.expect(200);
    assert_eq!(seen["id"], machine.activation.as_str());
    let proof = json!({"licenseKey": machine.key, "fingerprint": "fp-1", "nonce": machine.nonce});
    pair.server.post(&format!("{place}/deactivate"), proof).await.expect(200);
    for path in ["/health", "/health/live", "/health/ready", "/.well-known/jwks.json"] {
        pair.server.get(path).await.expect(200);
        Reply::of(pair.ask(Method::GET, path)).await.expect(200);
    }
}

async fn credentials_open_nothing_for_the_public(backend: Backend) {
    let pair = Pair::start(backend).await;
    let server = &pair.server;
    let body = json!({"slug": "acme-desk", "name": "Acme Desk"});
    let product = pair.admin(Method::POST, "/products", body).await.expect(201);
    let path = format!("/products/{}", product["id"].as_str().unwrap());
    pair.admin(Method::DELETE, &path, Value::Null).await.expect(204);
    pair.admin(Method::GET, &path, Value::Null).await.expect(200);
    let at = format!("/api/v1{path}");
    server.get(&at).await.expect_problem(404, "NOT_FOUND");
    // A good key is answered as one that nobody knows: it is not looked at.
    let mut answers = Vec::new();
    for key in [server.admin_key.as_str(), "lsk_nobody-knows-this-one-0123456789abcdef"] {
        for reply in [
            Reply::of(server.request(Method::GET, &at).bearer_auth(key)).await,
            Reply::of(server.request(Method::GET, &at).header("x-api-key", key)).await,
        ] {
            let mut problem = reply.expect_problem(401, "UNAUTHENTICATED");
            problem.as_object_mut().unwrap().remove("requestId");
            answers.push(problem);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

async fn the_public_learns_of_no_document_that_is_not_there(backend: Backend) {
    let pair = Pair::start(backend).await;
    let known = pair.server.get("/.well-known/license-configuration").await.expect(200);
    assert!(known.get("openapi_uri").is_none(), "{known}");
    pair.server.get("/api/v1/openapi.json").await.expect_problem(404, "NOT_FOUND");
    Reply::of(pair.ask(Method::GET, "/api/v1/openapi.json")).await.expect(200);
}

async fn pages_for_people_are_where_the_administration_is(backend: Backend) {
    let pair = Pair::start(backend).await;
    for path in ["/docs", "/docs/", "/docs/swagger-ui.css"] {
        pair.server.get(path).await.expect_problem(404, "NOT_FOUND");
        let page = Reply::of(pair.ask(Method::GET, path)).await;
        assert_eq!(page.status, 200, "{path}");
    }
}

async fn what_was_made_is_where_it_was_asked_for(backend: Backend) {
    let pair = Pair::start(backend).await;
    let made = pair.admin(Method::POST, "/customers", json!({"name": "Ada"})).await;
    let place = made.header("location").to_owned();
    assert_eq!(place, format!("/api/v1/customers/{}", made.body["id"].as_str().unwrap()));
    let found = pair.ask(Method::GET, &place).bearer_auth(&pair.server.admin_key);
    assert_eq!(Reply::of(found).await.expect(200)["name"], "Ada");
}

async fn one_listener_serves_everything(backend: Backend) {
    let server = TestServer::start(backend).await;
    assert_eq!(server.admin_address, None);
    server.admin_get("/customers").await.expect(200);
    server.get("/api/v1/openapi.json").await.expect(200);
    assert_eq!(server.get("/docs/").await.status, 200);
    let known = server.get("/.well-known/license-configuration").await.expect(200);
    assert_eq!(known["openapi_uri"], format!("{}/api/v1/openapi.json", server.issuer));
}
