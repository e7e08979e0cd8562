//! The nth thing that is asked of the database fails, for every n, in every route that changes something: what was
//! refused has left nothing behind, and what is asked again has one effect.

use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, request_id};
use reqwest::Method;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::idempotency::cases::{Case, cases};

on_both![
    whatever_fails_a_request_under_a_key_has_one_effect,
    whatever_fails_an_edit_has_one_effect,
    whatever_fails_a_machine_is_let_in,
    whatever_fails_a_machine_goes_on,
];

/// More than any operation asks of the database.
const MOST: u64 = 300;
/// Notes, which are written as well as can be, and what is raised before a signature.
const NOTES: [&str; 8] = [
    "api_key",
    "clock_mark",
    "job",
    "refusal",
    "seaql_migrations",
    "signing_key",
    "system_event",
    "usage_day",
];

/// Digests of all tables, as one statement tells them.
struct State<'a> {
    server: &'a TestServer,
    sql: String,
}

impl<'a> State<'a> {
    async fn of(server: &'a TestServer) -> Self {
        let tables = match server.context.db.get_database_backend() {
            DbBackend::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            }
            _ => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
        };
        let mut parts = Vec::new();
        for table in texts(server, tables).await {
            if !NOTES.contains(&table.as_str()) {
                parts.push(rows_of(server, &table).await);
            }
        }
        assert!(parts.len() > 30, "{parts:?}");
        Self { server, sql: parts.join(" UNION ALL ") }
    }

    /// Everything that is stored, table after table.
    async fn read(&self) -> Vec<String> {
        texts(self.server, &self.sql).await
    }
}

/// A statement that tells all rows of a table as one text.
async fn rows_of(server: &TestServer, table: &str) -> String {
    if server.context.db.get_database_backend() == DbBackend::Postgres {
        return format!(
            "SELECT '{table} ' || COALESCE(string_agg(t::text, chr(10) ORDER BY t::text), '') FROM {table} t"
        );
    }
    let columns = texts(server, &format!("SELECT name FROM pragma_table_info('{table}')")).await;
    let columns: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
    format!("SELECT '{table} ' || COALESCE(group_concat({}), '') FROM {table}", columns.join(" || ',' || "))
}

async fn texts(server: &TestServer, sql: &str) -> Vec<String> {
    let db = &server.context.db;
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// Asks until nothing fails any more, each time with a later failure. Gives the last answer, and how often what is stored
/// was changed.
async fn ask_again(
    server: &TestServer,
    name: &str,
    ask: impl AsyncFn() -> Reply,
) -> (Reply, Vec<Vec<String>>) {
    let state = State::of(server).await;
    let mut states = vec![state.read().await];
    for nth in 1..MOST {
        server.context.db.fail_at(nth);
        let reply = ask().await;
        let failed = server.context.db.has_failed();
        let now = state.read().await;
        if states.last() != Some(&now) {
            states.push(now);
        }
        if !failed {
            assert!((200..300).contains(&reply.status), "{name}, after {nth}: {}", reply.text);
            return (reply, states);
        }
        if !(200..300).contains(&reply.status) {
            reply.expect_problem(503, "UNAVAILABLE");
        }
    }
    panic!("{name} asks without end");
}

/// What changed from one state to the next, for people.
fn difference(states: &[Vec<String>]) -> String {
    let tables = |pair: &[Vec<String>]| {
        let changed = pair[0].iter().zip(&pair[1]).filter(|(before, after)| before != after);
        changed.map(|(_, after)| after.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>().join(", ")
    };
    states.windows(2).map(tables).collect::<Vec<_>>().join(" | ")
}

async fn send(server: &TestServer, case: &Case) -> Reply {
    let mut request = server.admin(Method::POST, &case.path).json(&case.body);
    if let Some(version) = &case.version {
        request = request.header("if-match", version);
    }
    Reply::of(request.header("Idempotency-Key", &case.path)).await
}

async fn whatever_fails_a_request_under_a_key_has_one_effect(backend: Backend) {
    let server = TestServer::start(backend).await;
    for case in cases(&server).await {
        let (_, states) = ask_again(&server, case.route, async || send(&server, &case).await).await;
        assert_eq!(states.len(), 2, "{}: {}", case.route, difference(&states));
    }
}

async fn whatever_fails_an_edit_has_one_effect(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"customer": {"name": "Ann", "externalId": "crm-1"}})).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (license, customer) = (text(&issued["id"]), text(&issued["customerId"]));
    let feature = json!({"productId": shop.product, "key": "late", "name": "Late", "kind": "entitlement", "valueType": "switch"});
    let feature = text(&server.admin_post("/product-features", feature).await.expect(201)["id"]);
    let group = text(&server.admin_post("/groups", json!({"name": "Late"})).await.expect(201)["id"]);
    let spare = json!({"productId": shop.product, "key": "spare", "name": "Spare", "features": ["edit"]});
    let spare = text(&server.admin_post("/pricing-tiers", spare).await.expect(201)["id"]);
    let edits = [
        (Method::PUT, format!("/license-keys/{license}"), json!({"maxActivations": 7})),
        (Method::PUT, format!("/customers/{customer}"), json!({"name": "Bea"})),
        (Method::PUT, format!("/products/{}", shop.product), json!({"name": "Other"})),
        (Method::PUT, format!("/pricing-tiers/{}", shop.pro), json!({"name": "Other", "maxActivations": 9})),
        (Method::PUT, format!("/product-features/{feature}"), json!({"name": "Other"})),
        (Method::PUT, format!("/groups/{group}"), json!({"name": "Other"})),
        (Method::DELETE, format!("/groups/{group}"), Value::Null),
        (Method::DELETE, format!("/product-features/{feature}"), Value::Null),
        (Method::DELETE, format!("/pricing-tiers/{spare}"), Value::Null),
    ];
    for (method, path, body) in edits {
        let ask = async || {
            let request = server.admin(method.clone(), &path).header("if-match", "*");
            Reply::of(if body.is_null() { request } else { request.json(&body) }).await
        };
        let (_, states) = ask_again(&server, &path, ask).await;
        assert_eq!(states.len(), 2, "{method} {path}: {}", difference(&states));
    }
}

/// Each time another machine, since one whose answers are lost too often has to wait for somebody: it asks again, and is in
/// one seat.
async fn whatever_fails_a_machine_is_let_in(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({"maxActivations": null})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let path = format!("/license-keys/{}", issued["id"].as_str().unwrap());
    for nth in 1..MOST {
        let body = json!({"licenseKey": key, "fingerprint": format!("fp-{nth}")});
        server.context.db.fail_at(nth);
        let reply = server.post("/license-activations/activate", body.clone()).await;
        let failed = server.context.db.has_failed();
        if reply.status != 201 {
            assert!(failed, "{}", reply.text);
            reply.expect_problem(503, "UNAVAILABLE");
            let again = server.post("/license-activations/activate", body).await;
            assert!(matches!(again.status, 200 | 201), "after {nth}: {}", again.text);
        }
        assert_eq!(server.admin_get(&path).await.expect(200)["seats"], json!({"used": nth, "limit": null}));
        if !failed {
            return;
        }
    }
    panic!("an activation asks without end");
}

async fn whatever_fails_a_machine_goes_on(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({"maxActivations": 2})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let path = format!("/license-keys/{}", issued["id"].as_str().unwrap());
    let mut machine = Machine::activate(&server, key, "fp-1").await;

    let body = machine.beat_body(Some(&request_id()));
    let beat = async || server.post("/license-keys/heartbeat", body.clone()).await;
    let (reply, states) = ask_again(&server, "heartbeat", beat).await;
    assert_eq!(states.len(), 2, "heartbeat: {}", difference(&states));
    reply.body["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
    machine.beat(&server).await;

    let leave = json!({"licenseKey": key, "fingerprint": "fp-1", "nonce": machine.nonce});
    let leaving = format!("/license-activations/{}/deactivate", machine.activation);
    let deactivate = async || server.post(&leaving, leave.clone()).await;
    let (_, states) = ask_again(&server, "deactivate", deactivate).await;
    assert_eq!(states.len(), 2, "deactivate: {}", difference(&states));
    assert_eq!(server.admin_get(&path).await.expect(200)["seats"]["used"], 0);
}
