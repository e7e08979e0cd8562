//! Secrets that pass through every route stay out of the log, whatever the log shows.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use licentia::config::Config;
use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use reqwest::Method;
use serde_json::{Value, json};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::activation_claims::Guarded;

on_both![no_secret_is_logged_at_any_level];

static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Writes to [`LOGGED`].
struct Memory;

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything of the whole process, as JSON, with every field of every span.
fn log_everything() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let trace = [("LICENTIA__LOG__FILTER".to_owned(), "trace".to_owned())];
        let filter = licentia::logging::filter(&Config::load(None, trace).unwrap().log).unwrap();
        let lines = tracing_subscriber::fmt().json().with_max_level(LevelFilter::TRACE);
        lines.with_writer(|| Memory).finish().with(filter).init();
    });
}

fn logged() -> String {
    let bytes = LOGGED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    String::from_utf8(bytes).unwrap()
}

async fn no_secret_is_logged_at_any_level(backend: Backend) {
    log_everything();
    let server = TestServer::start(backend).await;
    let mut secrets = vec![server.admin_key.clone()];
    secrets.extend(live(&server).await);
    secrets.extend(canaries(&server).await);
    let logged = logged();
    assert!(logged.contains("\"answered\"") && logged.contains("\"TRACE\""));
    for secret in secrets {
        assert!(secret.len() >= 16, "{secret} is too short to be told from chance");
        assert!(!logged.contains(&secret), "{}", around(&logged, &secret));
    }
}

fn around<'a>(logged: &'a str, secret: &str) -> &'a str {
    let line = logged.lines().find(|line| line.contains(secret));
    line.unwrap_or_default()
}

/// What a licence's life makes of secrets.
async fn live(server: &TestServer) -> Vec<String> {
    let shop = Shop::open(server).await;
    let chosen = "a chosen key, q7Zr2LmXw9TbKc4V";
    shop.issue(server, json!({"key": chosen})).await;
    shop.try_issue(server, json!({"key": chosen})).await.expect_problem(409, "ALREADY_EXISTS");
    let issued = shop.issue(server, json!({"maxActivations": 1})).await;
    let key = issued["licenseKey"].as_str().unwrap().to_owned();
    let pem = KeyPair::generate(RsaKeyBits::Rsa2048).unwrap().public().to_spki_pem();
    let mut secrets = vec![chosen.to_owned(), key.clone(), pem.lines().nth(2).unwrap().to_owned()];
    let mut machine = Machine::activate(server, &key, "fp-1").await;
    secrets.extend([machine.nonce.clone(), machine.token.clone()]);
    let copy = machine.clone();
    machine.beat(server).await;
    secrets.extend([machine.nonce.clone(), machine.token.clone()]);
    copy.try_beat(server).await.expect_problem(409, "NONCE_REUSED");
    let more = json!({"consumerKey": pem, "nonce": machine.nonce});
    let again = try_activate(server, &key, "fp-1", more).await.expect(200);
    let machine = Machine::of(&key, "fp-1", &again);
    secrets.extend([machine.nonce.clone(), machine.token.clone()]);
    try_activate(server, &key, "fp-2", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    for question in [
        json!({"token": machine.token}),
        json!({"token": copy.token}),
        json!({"licenseKey": key, "fingerprint": "fp-1"}),
    ] {
        server.post("/license-keys/validate", question).await.expect(200);
    }
    let question = json!({"licenseKey": key, "fingerprint": "fp-1"});
    server.post("/license-activations/status", question).await.expect(200);
    let spelled = key.to_lowercase();
    for pasted in [&key, &spelled, &machine.token, &copy.token, chosen, "a fingerprint that is pasted"] {
        server.admin_post("/lookup", json!({"text": pasted})).await.expect(200);
        secrets.push(pasted.to_owned());
    }
    let claim = Guarded::of_shop(server, "guarded").await.ask(server, "fp-1").await;
    claim.try_decide(server, "approve").await.expect(200);
    secrets.push(claim.secret.clone());
    secrets.push(claim.poll(server).await.expect(201)["token"].as_str().unwrap().to_owned());
    let reveal = format!("/license-keys/{}/reveal", issued["id"].as_str().unwrap());
    server.admin_post(&reveal, json!({})).await.expect(200);
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    let proof = json!({"licenseKey": key, "fingerprint": "fp-1", "nonce": machine.nonce});
    server.post(&path, proof).await.expect(200);
    let made = server.admin_post("/api-keys", json!({"name": "Shop", "role": "viewer"})).await.expect(201);
    let rotate = format!("/api-keys/{}/rotate", made["id"].as_str().unwrap());
    let rotated = server.admin_post(&rotate, json!({"overlapSeconds": 60})).await.expect(200);
    for api_key in [&made, &rotated].map(|made| made["secret"].as_str().unwrap()) {
        Reply::of(server.request(Method::GET, "/api/v1/customers").bearer_auth(api_key)).await.expect(200);
        secrets.push(api_key.to_owned());
    }
    // The signature alone would be worth as much as the token.
    let signatures: Vec<String> = secrets
        .iter()
        .filter_map(|secret| secret.rsplit_once('.'))
        .map(|(_, last)| last.to_owned())
        .collect();
    secrets.extend(signatures.into_iter().filter(|signature| signature.len() > 100));
    secrets
}

/// Sends secrets that nobody knows through every operation, wherever something can be put.
async fn canaries(server: &TestServer) -> Vec<String> {
    let canary = |place: &str| format!("CANARY-{place}-q7Zr2LmXw9TbKc4V");
    let document = server.get("/api/v1/openapi.json").await.expect(200);
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let path = path.replace("{id}", &canary("path")).replace("{kid}", &canary("path"));
            let path = format!("{path}?q={}&cursor={}", canary("query"), canary("query"));
            let method: Method = method.to_uppercase().parse().unwrap();
            let request = || server.request(method.clone(), &path);
            for body in bodies(&canary("body")) {
                let sent =
                    request().bearer_auth(&server.admin_key).header("content-type", "application/json");
                Reply::of(sent.header("if-match", canary("tag")).body(body)).await;
            }
            Reply::of(request().bearer_auth(format!("lsk_{}", canary("bearer")))).await;
            Reply::of(request().header("x-api-key", canary("api-key"))).await;
            Reply::of(request().header("cookie", canary("cookie"))).await;
        }
    }
    secrets_that_are_no_http(server, canary).await;
    let places = ["wire", "path", "query", "body", "tag", "bearer", "api-key", "cookie"];
    places.into_iter().map(canary).collect()
}

/// Secrets in what cannot be read as a request, and in what is too large for one.
async fn secrets_that_are_no_http(server: &TestServer, canary: impl Fn(&str) -> String) {
    let wire = canary("wire");
    let large = format!("{wire}{}", "x".repeat(100_000));
    let head = "POST /api/v1/license-keys/validate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    for bytes in [
        format!("{wire}\r\n\r\n"),
        format!("GET /{wire}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nX-Secret: {wire}\r\n\r\n"),
        format!("{head}Content-Length: {wire}\r\n\r\n"),
        format!("{head}Content-Length: +{wire}\r\n\r\n"),
        format!("{head}Transfer-Encoding: {wire}\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{wire}\r\n\r\n"),
        format!("{head}X-Secret: {large}\r\n\r\n"),
        format!("GET /{large} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    ] {
        let reply = server.say(bytes.as_bytes()).await.expect("it is refused");
        assert!((400..500).contains(&reply.status), "{}", reply.status);
    }
}

/// Secrets in every member that holds one, in members that nobody knows, and in what is no JSON.
fn bodies(canary: &str) -> Vec<String> {
    let members =
        ["licenseKey", "key", "token", "nonce", "consumerKey", "requestId", "fingerprint", "name", "text"];
    let each = members.iter().map(|member| json!({*member: canary}).to_string());
    let all: Value = members.iter().map(|member| ((*member).to_owned(), json!(canary))).collect();
    each.chain([
        all.to_string(),
        json!({canary: canary}).to_string(),
        json!(canary).to_string(),
        format!("{{\"licenseKey\": \"{canary}\""),
        canary.to_owned(),
    ])
    .collect()
}
