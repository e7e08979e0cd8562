//! Tokens that are no session's: forged, of another purpose, of another server.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::Session;

on_both![
    a_token_with_any_part_changed_opens_nothing,
    other_documents_are_no_sessions_and_sessions_are_no_licences,
    the_session_key_is_published_nowhere,
];

async fn me(server: &TestServer, token: &str) -> Reply {
    Reply::of(server.request(Method::GET, "/api/v1/auth/me").bearer_auth(token)).await
}

fn parts(token: &str) -> [String; 3] {
    token.split('.').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap()
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn a_token_with_any_part_changed_opens_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let session = Session::of_role(&server, "viewer").await;
    let [header, claims, signature] = parts(&session.token);
    assert_eq!(decoded(&header)["typ"], "at+jwt");
    assert_eq!(decoded(&claims)["aud"], "urn:licentia:session:admin");
    let with_claim = |name: &str, value: Value| {
        let mut claims = decoded(&claims);
        claims[name] = value;
        format!("{header}.{}.{signature}", encoded(&claims))
    };
    let with_header = |name: &str, value: Value| {
        let mut header = decoded(&header);
        header[name] = value;
        format!("{}.{claims}.{signature}", encoded(&header))
    };
    for token in [
        with_claim("sub", json!("adm_01h455vb4pex5vsknk084sn02q")),
        with_claim("exp", json!(9_999_999_999_i64)),
        with_header("alg", json!("none")),
        with_header("alg", json!("HS256")),
        with_header("typ", json!("JWT")),
        with_header("jku", json!("https://evil.example/jwks.json")),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        "..".to_owned(),
        format!("{header}.{claims}.{}", "A".repeat(signature.len())),
        format!("{}.{claims}.{signature}", "A".repeat(20_000)),
    ] {
        me(&server, &token).await.expect_problem(401, "UNAUTHENTICATED");
    }
    me(&server, &session.token).await.expect(200);
}

async fn other_documents_are_no_sessions_and_sessions_are_no_licences(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    let machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    me(&server, &machine.token).await.expect_problem(401, "UNAUTHENTICATED");
    let list = server.get("/api/v1/revocation/list").await.text;
    me(&server, &list).await.expect_problem(401, "UNAUTHENTICATED");

    let session = Session::of_role(&server, "super_admin").await;
    let verdict = server.post("/license-keys/validate", json!({"token": session.token})).await;
    verdict.expect_problem(422, "TOKEN_INVALID");
}

async fn the_session_key_is_published_nowhere(backend: Backend) {
    let server = TestServer::start(backend).await;
    let session = Session::of_role(&server, "viewer").await;
    let kid = decoded(&parts(&session.token)[0])["kid"].as_str().unwrap().to_owned();
    assert!(!server.get("/.well-known/jwks.json").await.text.contains(&kid));
    server.get(&format!("/.well-known/keys/{kid}.pem")).await.expect_problem(404, "NOT_FOUND");
    // Rotated, it goes on to verify what it signed.
    server.admin_post("/signing-keys/rotate", json!({"purpose": "session"})).await;
    me(&server, &session.token).await.expect(200);
}
