//! Secrets that pass through every route stay out of the log, whatever the log shows.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use licentia::config::Config;
use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use reqwest::Method;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::activation_claims::Guarded;
use crate::portal::{last_letter, registration_token};
use crate::sessions::Session;
use crate::totp::App;

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
    secrets.extend(people(&server).await);
    secrets.extend(customers(&server).await);
    secrets.extend(canaries(&server).await);
    assert!(secrets.len() >= 40, "{}", secrets.len());
    let stored = stored(&server).await;
    let logged = logged();
    assert!(logged.contains("\"answered\"") && logged.contains("\"TRACE\""));
    for secret in secrets {
        assert!(secret.len() >= 16, "{secret} is too short to be told from chance");
        assert!(!logged.contains(&secret), "{}", around(&logged, &secret));
        let found = stored.iter().find(|(_, bytes)| holds(bytes, secret.as_bytes()));
        assert!(found.is_none(), "{secret} lies in {}", found.unwrap().0);
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

/// What people sign in with.
async fn people(server: &TestServer) -> Vec<String> {
    let made = json!({"email": "ada@example.com", "name": "Ada", "role": "viewer"});
    let made = server.admin_post("/admins", made).await.expect(201);
    let token = made["passwordToken"].as_str().unwrap().to_owned();
    let password = "violin gravel CANARY q7Zr2LmXw9TbKc4V".to_owned();
    let wrong = "not the password q7Zr2LmXw9TbKc4V".to_owned();
    let setup = "lst_CANARY-q7Zr2LmXw9TbKc4V".to_owned();
    let first = json!({"token": setup, "email": "eve@example.com", "name": "Eve", "password": password});
    server.post("/setup", first).await;
    server.post("/auth/password/reset", json!({"token": token, "password": password})).await.expect(204);
    let login = |password: &str| {
        server.post("/auth/login", json!({"email": "ada@example.com", "password": password}))
    };
    login(&wrong).await.expect_problem(401, "CREDENTIALS_INVALID");
    let session = Session::of(&login(&password).await);
    let enroll = session.send(server, Method::POST, "/auth/totp/enroll", json!({"password": password})).await;
    let app = App::of(&enroll.body);
    let confirm = json!({"code": app.code(server)});
    let confirmed = session.send(server, Method::POST, "/auth/totp/confirm", confirm).await.expect(200);
    let codes =
        confirmed["recoveryCodes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned());
    let codes: Vec<String> = codes.collect();
    let challenge = login(&password).await.expect(200)["challenge"].as_str().unwrap().to_owned();
    let show = json!({"challenge": challenge, "recoveryCode": codes[0]});
    let second = Session::of(&server.post("/auth/totp", show).await);
    let renewed = Session::of(&second.refresh(server).await);
    server.clock.advance(10);
    // A copy.
    second.refresh(server).await.expect_problem(401, "UNAUTHENTICATED");
    let mut secrets = vec![token, password, wrong, setup, challenge];
    secrets.push(enroll.body["secret"].as_str().unwrap().to_owned());
    secrets.extend(codes);
    for session in [session, second, renewed] {
        secrets.push(session.token);
        secrets.push(session.cookie.split_once('=').unwrap().1.to_owned());
    }
    secrets
}

/// What customers sign in with, and what is sent to them.
async fn customers(server: &TestServer) -> Vec<String> {
    let settings = crate::mail::settings(&crate::mail::nobody_there(), &[]);
    let server = &server.another_with(&crate::mail::borrowed(&settings)).await;
    let email = "canary@example.com";
    let password = "gravel violin CANARY x4Vb8NpQe2RtHs6J".to_owned();
    let wrong = "not this password x4Vb8NpQe2RtHs6J".to_owned();
    let registration = registration_token(server, email).await;
    let confirm = json!({"token": registration, "password": password});
    let first = Session::of(&server.post("/register/confirm", confirm).await);
    let login =
        |member: &str, secret: &str| server.post("/auth/login", json!({"email": email, member: secret}));
    login("password", &wrong).await.expect_problem(401, "CREDENTIALS_INVALID");
    server.post("/auth/code", json!({"email": email})).await;
    let code = last_letter(server, email, "sign_in_code", "code").await;
    let second = Session::of(&login("code", &code).await);
    let key = Shop::named(server, "canaries").await.issue(server, json!({})).await["licenseKey"].clone();
    let claim = json!({"licenseKey": key});
    let own = second.send(server, Method::POST, "/user/claim-license", claim).await.expect(200);
    let reveal = format!("/user/licenses/{}/reveal", own["id"].as_str().unwrap());
    second.send(server, Method::POST, &reveal, Value::Null).await.expect(200);
    server.post("/auth/password/forgot", json!({"email": email})).await.expect(204);
    let reset = last_letter(server, email, "password_reset", "token").await;
    let another = format!("{password} again");
    server.post("/auth/password/reset", json!({"token": reset, "password": another})).await.expect(204);
    let third = Session::of(&login("password", &another).await);
    let renewed = Session::of(&third.refresh(server).await);
    let key = key.as_str().unwrap().to_owned();
    let mut secrets = vec![password, wrong, registration, key, reset, another];
    for session in [first, second, third, renewed] {
        secrets.push(session.token);
        secrets.push(session.cookie.split_once('=').unwrap().1.to_owned());
    }
    secrets
}

/// All that the database holds: the bytes of SQLite's files, or the text of every row. Binary columns of PostgreSQL are
/// as they lie there.
async fn stored(server: &TestServer) -> Vec<(String, Vec<u8>)> {
    if let Some(file) = server.database_url().strip_prefix("sqlite://") {
        let file = file.split('?').next().unwrap();
        let files = ["", "-wal"].map(|end| format!("{file}{end}"));
        return files
            .into_iter()
            .filter_map(|file| Some((file.clone(), std::fs::read(file).ok()?)))
            .collect();
    }
    let db = &server.context.db;
    let rows = |sql: String| db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql));
    let tables = "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public'";
    let mut stored = Vec::new();
    for table in rows(tables.to_owned()).await.unwrap() {
        let table: String = table.try_get("", "name").unwrap();
        let sql = format!("SELECT convert_to(t::text, 'UTF8') AS row FROM \"{table}\" t");
        for row in rows(sql).await.unwrap() {
            let row: Vec<u8> = row.try_get("", "row").unwrap();
            stored.push((table.clone(), unescaped(&row)));
        }
    }
    stored
}

/// A row's text with its binary columns (`\\x…`) as bytes beside.
fn unescaped(row: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(row);
    let binary = text.split("\\\\x").skip(1).flat_map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
        hex::decode(&digits[..digits.len() / 2 * 2]).unwrap()
    });
    row.iter().copied().chain(binary).collect()
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
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
                silent(&Reply::of(sent.header("if-match", canary("tag")).body(body)).await);
            }
            silent(&Reply::of(request().bearer_auth(format!("lsk_{}", canary("bearer")))).await);
            silent(&Reply::of(request().header("x-api-key", canary("api-key"))).await);
            silent(&Reply::of(request().header("cookie", canary("cookie"))).await);
        }
    }
    secrets_that_are_no_http(server, canary).await;
    let places = ["wire", "path", "query", "body", "tag", "bearer", "api-key", "cookie"];
    places.into_iter().map(canary).collect()
}

/// Who is refused is told the path again, and what he called the members of his body; nothing else that he sent.
fn silent(reply: &Reply) {
    if reply.status < 400 {
        return;
    }
    for place in ["query", "tag", "bearer", "api-key", "cookie"] {
        assert!(!reply.text.contains(&format!("CANARY-{place}")), "{}", reply.text);
    }
    let mut body = reply.body.clone();
    for error in body["errors"].as_array_mut().into_iter().flatten() {
        error.as_object_mut().unwrap().remove("pointer");
    }
    let detail =
        body["detail"].as_str().unwrap_or_default().split(':').next_back().unwrap_or_default().to_owned();
    body["detail"] = json!(detail);
    assert!(!body.to_string().contains("CANARY-body"), "{}", reply.text);
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
    let members = [
        "licenseKey",
        "key",
        "token",
        "nonce",
        "consumerKey",
        "requestId",
        "fingerprint",
        "name",
        "text",
        "password",
        "challenge",
    ];
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
