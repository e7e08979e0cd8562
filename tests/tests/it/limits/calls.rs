//! Every call is counted once, by what it names or by who makes it.

use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use reqwest::Method;
use serde_json::{Value, json};

on_both![
    activations_are_limited_by_key_in_every_spelling,
    validations_are_limited_by_key,
    heartbeats_are_limited_by_machine,
    other_calls_are_limited_by_principal,
    answers_tell_what_is_left,
    public_documents_are_not_limited,
    rotating_x_forwarded_for_stays_within_the_limit,
    rotating_x_forwarded_for_stays_within_the_limit_behind_a_proxy,
    machines_are_seen_from_where_the_proxy_says,
];

const ENABLED: (&str, &str) = ("LIMITS__ENABLED", "true");

async fn shop(server: &TestServer, licenses: usize) -> Vec<String> {
    let shop = Shop::open(server).await;
    let mut keys = Vec::new();
    for _ in 0..licenses {
        keys.push(shop.issue(server, json!({})).await["licenseKey"].as_str().unwrap().to_owned());
    }
    keys
}

#[track_caller]
fn assert_limited(reply: Reply, limit: &str) {
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!((reply.header("ratelimit-limit"), reply.header("ratelimit-remaining")), (limit, "0"));
    reply.expect_problem(429, "RATE_LIMITED");
}

async fn activations_are_limited_by_key_in_every_spelling(backend: Backend) {
    let settings = [ENABLED, ("LIMITS__ACTIVATE_PER_MINUTE", "3")];
    let server = TestServer::start_with(backend, &settings).await;
    let keys = shop(&server, 2).await;
    let spellings = [keys[0].clone(), keys[0].to_lowercase(), keys[0].replace('-', " ")];
    for (number, spelling) in spellings.iter().enumerate() {
        let reply = try_activate(&server, spelling, &format!("fp-{number}"), json!({})).await;
        // What was refused for another reason counts too: there are two seats.
        assert_eq!(reply.status, if number < 2 { 201 } else { 409 });
    }
    for spelling in &spellings {
        assert_limited(try_activate(&server, spelling, "fp-1", json!({})).await, "3");
    }
    try_activate(&server, &keys[1], "fp-1", json!({})).await.expect(201);
}

async fn validations_are_limited_by_key(backend: Backend) {
    let settings = [ENABLED, ("LIMITS__VALIDATE_PER_MINUTE", "3")];
    let server = TestServer::start_with(backend, &settings).await;
    let keys = shop(&server, 2).await;
    let ask = |key: &str| server.post("/license-keys/validate", json!({"licenseKey": key}));
    for _ in 0..3 {
        ask(&keys[0]).await.expect(200);
    }
    assert_limited(ask(&keys[0]).await, "3");
    ask(&keys[1]).await.expect(200);
}

async fn heartbeats_are_limited_by_machine(backend: Backend) {
    let settings = [ENABLED, ("LIMITS__HEARTBEAT_PER_MINUTE", "3")];
    let server = TestServer::start_with(backend, &settings).await;
    let keys = shop(&server, 1).await;
    let mut machine = Machine::activate(&server, &keys[0], "fp-1").await;
    let mut other = Machine::activate(&server, &keys[0], "fp-2").await;
    for _ in 0..3 {
        machine.beat(&server).await;
    }
    let beat = json!({"activationId": machine.activation, "fingerprint": "fp-1", "nonce": machine.nonce});
    assert_limited(server.post("/license-keys/heartbeat", beat).await, "3");
    other.beat(&server).await;
}

async fn other_calls_are_limited_by_principal(backend: Backend) {
    let settings = [ENABLED, ("LIMITS__DEFAULT_PER_MINUTE", "3")];
    let server = TestServer::start_with(backend, &settings).await;
    for _ in 0..3 {
        server.admin_get("/customers").await.expect(200);
    }
    assert_limited(server.admin_get("/customers").await, "3");
    assert_limited(server.admin_post("/customers", json!({"name": "Ada"})).await, "3");
    // Whoever comes without a key is somebody else.
    for _ in 0..3 {
        server.get("/api/v1/products").await.expect(200);
    }
    assert_limited(server.get("/api/v1/products").await, "3");
}

async fn answers_tell_what_is_left(backend: Backend) {
    // One more every ten seconds.
    let settings = [ENABLED, ("LIMITS__DEFAULT_PER_MINUTE", "6")];
    let server = TestServer::start_with(backend, &settings).await;
    let told = |reply: &Reply| {
        ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy"]
            .map(|name| reply.header(name).to_owned())
    };
    assert_eq!(told(&server.admin_get("/customers").await), ["6", "5", "10", "6;w=60"]);
    let reply = server.admin_get("/customers/nothing").await;
    assert_eq!(told(&reply), ["6", "4", "20", "6;w=60"]);
    reply.expect_problem(404, "NOT_FOUND");
    assert_eq!(told(&server.get("/.well-known/jwks.json").await), ["", "", "", ""]);
}

async fn public_documents_are_not_limited(backend: Backend) {
    let settings = [ENABLED, ("LIMITS__DEFAULT_PER_MINUTE", "1")];
    let server = TestServer::start_with(backend, &settings).await;
    for _ in 0..5 {
        for path in ["/.well-known/jwks.json", "/health", "/health/live", "/api/v1/revocation/list"] {
            server.get(path).await.expect(200);
        }
    }
}

/// A wrong API key, by way of these.
async fn guess(server: &TestServer, forwarded_for: &str) -> Reply {
    let request = server.request(Method::GET, "/api/v1/customers").bearer_auth("lsk_wrong");
    Reply::of(request.header("x-forwarded-for", forwarded_for)).await
}

async fn rotating_x_forwarded_for_stays_within_the_limit(backend: Backend) {
    let settings = [ENABLED, ("LIMITS__DEFAULT_PER_MINUTE", "5")];
    let server = TestServer::start_with(backend, &settings).await;
    for number in 0..5 {
        guess(&server, &format!("203.0.113.{number}")).await.expect_problem(401, "UNAUTHENTICATED");
    }
    for number in 5..10 {
        assert_limited(guess(&server, &format!("203.0.113.{number}")).await, "5");
        let request = server.request(Method::GET, "/api/v1/customers").bearer_auth("lsk_wrong");
        assert_limited(Reply::of(request.header("forwarded", format!("for=203.0.113.{number}"))).await, "5");
    }
}

async fn rotating_x_forwarded_for_stays_within_the_limit_behind_a_proxy(backend: Backend) {
    let settings =
        [ENABLED, ("LIMITS__DEFAULT_PER_MINUTE", "5"), ("SERVER__TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")];
    let server = TestServer::start_with(backend, &settings).await;
    // What the client made up stands left of what the proxies wrote.
    let through_proxies = |number: u32| format!("203.0.113.{number}, 198.51.100.7, 10.0.0.1");
    for number in 0..5 {
        guess(&server, &through_proxies(number)).await.expect_problem(401, "UNAUTHENTICATED");
    }
    for number in 5..10 {
        assert_limited(guess(&server, &through_proxies(number)).await, "5");
    }
    guess(&server, "203.0.113.1, 198.51.100.8").await.expect_problem(401, "UNAUTHENTICATED");
}

async fn machines_are_seen_from_where_the_proxy_says(backend: Backend) {
    for (settings, seen) in
        [(&[][..], "127.0.0.1"), (&[("SERVER__TRUSTED_PROXIES", "127.0.0.1")], "198.51.100.7")]
    {
        let server = TestServer::start_with(backend, settings).await;
        let key = shop(&server, 1).await.remove(0);
        let body = json!({"licenseKey": key, "fingerprint": "fp-1"});
        let request = server.request(Method::POST, "/api/v1/license-activations/activate").json(&body);
        let made: Value = Reply::of(request.header("x-forwarded-for", "198.51.100.7")).await.expect(201);
        let path = format!("/license-activations/{}", made["activation"]["id"].as_str().unwrap());
        assert_eq!(server.admin_get(&path).await.expect(200)["ip"], seen);
    }
}
