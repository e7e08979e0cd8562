//! What instances keep in memory: good tokens and lists cost no statement, and no change is missed.

use std::time::{Duration, Instant};

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

mod everything;
mod instances;
mod outage;

on_both![
    a_good_token_costs_no_statement,
    what_a_token_does_not_answer_is_asked_for,
    a_token_of_before_a_change_is_asked_for,
    prepared_answers_cost_no_statement,
    changes_are_found_by_their_index,
];

/// How long after a change that nobody looked for a token is believed at once again.
pub(crate) const SETTLED: i64 = 121;

/// A licence for two machines whose catalogue was edited long ago, and one of them.
pub(crate) async fn settled(server: &TestServer) -> Machine {
    let shop = Shop::open(server).await;
    let issued = shop.issue(server, json!({"maxActivations": 2})).await;
    server.clock.advance(SETTLED);
    let machine = Machine::activate(server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    believed(server, &machine).await;
    machine
}

pub(crate) fn license(machine: &Machine) -> String {
    machine.claims()["license_id"].as_str().unwrap().to_owned()
}

pub(crate) async fn verdict(server: &TestServer, machine: &Machine) -> Value {
    validate(server, json!({"token": machine.token})).await
}

async fn validate(server: &TestServer, question: Value) -> Value {
    server.post("/license-keys/validate", question).await.expect(200)
}

/// The verdict, and how many statements it took.
pub(crate) async fn counted(server: &TestServer, question: Value) -> (Value, u64) {
    let before = server.context.db.statements();
    let verdict = validate(server, question).await;
    (verdict, server.context.db.statements() - before)
}

/// What the machine's token is worth in one word, and whether that cost a statement.
pub(crate) async fn word(server: &TestServer, machine: &Machine) -> (String, bool) {
    let (verdict, statements) = counted(server, json!({"token": machine.token})).await;
    (verdict["code"].as_str().unwrap().to_owned(), statements > 0)
}

pub(crate) fn from_memory() -> (String, bool) {
    ("VALID".to_owned(), false)
}

/// Waits until the machine's token is taken at its word: keys and changes are read by whoever comes
/// first, and again when the server begins to listen.
pub(crate) async fn believed(server: &TestServer, machine: &Machine) {
    until(|| async { word(server, machine).await == from_memory() }).await;
}

/// Tries until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < Duration::from_secs(30), "it does not become so");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn a_good_token_costs_no_statement(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = settled(&server).await;
    for more in [
        json!({}),
        json!({"fingerprint": "fp-1"}),
        json!({"actionType": "export", "productVersion": "1.2.3"}),
        json!({"fingerprint": "fp-1", "actionType": "rooms"}),
    ] {
        let mut question = more;
        question["token"] = json!(machine.token);
        let (taken, statements) = counted(&server, question.clone()).await;
        assert_eq!(statements, 0, "{question}");
        question["explain"] = json!(true);
        let (mut looked_at, statements) = counted(&server, question).await;
        assert!(statements > 0, "whoever wants to know every rule has them judged");
        looked_at.as_object_mut().unwrap().remove("rules");
        assert_eq!(taken, looked_at);
        assert_eq!(
            (&taken["code"], &taken["valid"], &taken["tier"]),
            (&json!("VALID"), &json!(true), &json!("pro"))
        );
    }
}

async fn what_a_token_does_not_answer_is_asked_for(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut machine = settled(&server).await;
    for (more, code) in [
        (json!({"fingerprint": "fp-2"}), "FINGERPRINT_MISMATCH"),
        (json!({"actionType": "api"}), "FEATURE_NOT_INCLUDED"),
    ] {
        let mut question = more;
        question["token"] = json!(machine.token);
        let (verdict, statements) = counted(&server, question).await;
        assert_eq!((&verdict["code"], statements > 0), (&json!(code), true));
    }
    // What it says of its next call is a minute less than the licence does.
    server.clock.advance(86_400 - 61);
    believed(&server, &machine).await;
    server.clock.advance(1);
    assert_eq!(word(&server, &machine).await, ("VALID".to_owned(), true));
    server.clock.advance(60);
    assert_eq!(word(&server, &machine).await, ("GRACE".to_owned(), true));
    machine.beat(&server).await;
    believed(&server, &machine).await;
}

async fn a_token_of_before_a_change_is_asked_for(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut machine = settled(&server).await;
    let path = format!("/license-keys/{}", license(&machine));
    server.admin_put(&path, json!({"maxActivations": 5})).await.expect(200);
    assert_eq!(word(&server, &machine).await, ("VALID".to_owned(), true));
    // One of the same minute might be older by another instance's clock.
    for (seconds, asked) in [(60, true), (1, false)] {
        server.clock.advance(seconds);
        machine.beat(&server).await;
        verdict(&server, &machine).await;
        assert_eq!(word(&server, &machine).await, ("VALID".to_owned(), asked));
    }
    // Notes are nobody's business.
    server.admin_put(&path, json!({"notes": "called today"})).await.expect(200);
    verdict(&server, &machine).await;
    assert_eq!(word(&server, &machine).await, from_memory());
    let other = Shop::named(&server, "other").await.issue(&server, json!({})).await;
    let path = format!("/license-keys/{}/revoke", other["id"].as_str().unwrap());
    server.admin_post(&path, json!({})).await.expect(200);
    assert_eq!(word(&server, &machine).await, ("VALID".to_owned(), true), "looks what it was");
    assert_eq!(word(&server, &machine).await, from_memory());
}

async fn prepared_answers_cost_no_statement(backend: Backend) {
    let server = TestServer::start(backend).await;
    settled(&server).await;
    let paths = [
        "/.well-known/jwks.json",
        "/.well-known/license-configuration",
        "/.well-known/openid-configuration",
        "/status-lists/0",
        "/api/v1/revocation/list",
    ];
    for path in paths {
        assert_eq!(server.get(path).await.status, 200);
    }
    let before = server.context.db.statements();
    for path in paths {
        let reply = server.get(path).await;
        assert!(reply.status == 200 && !reply.header("etag").is_empty(), "{path}");
    }
    assert_eq!(server.context.db.statements(), before);
}

/// Among millions of events that change nothing, those that do are found at once.
async fn changes_are_found_by_their_index(backend: Backend) {
    let server = TestServer::start(backend).await;
    let db = &server.context.db;
    let changes =
        licentia_domain::changes::statements().into_iter().map(|sql| (sql.to_owned(), "event_outdating"));
    for (sql, index) in
        changes.chain(licentia_domain::mail::statements()).chain(licentia_domain::audit::statements())
    {
        let plan: Vec<String> = match backend {
            Backend::Sqlite => {
                let sql = format!("EXPLAIN QUERY PLAN {}", sql.replace("$1", "7"));
                let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap();
                rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect()
            }
            Backend::Postgres => {
                // As if there were many.
                let mut one = sea_orm::ConnectOptions::new(server.database_url());
                // What is set holds for the connection that it was set on.
                one.max_connections(1);
                let connection = sea_orm::Database::connect(one).await.unwrap();
                let set = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off";
                connection.execute_unprepared(set).await.unwrap();
                let sql = format!("EXPLAIN {}", sql.replace("$1", "7"));
                let rows = connection.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
                rows.unwrap().iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
            }
        };
        assert!(plan.iter().any(|line| line.contains(index)), "{plan:#?}");
    }
}
