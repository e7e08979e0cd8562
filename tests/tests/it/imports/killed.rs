//! 50,000 rows, and a server that is killed twice on the way.

use std::collections::HashSet;
use std::time::Duration;

use licentia_domain::database::Lane;
use licentia_entity::{activation, audit_event, customer, import_chunk, import_row, license};
use licentia_tests::{Backend, Shop, TestServer, on_both};
use licentia_types::imports::ImportOutcome;
use reqwest::Client;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};

use super::of_shop;
use crate::commands::installation::{Installation, KEK, Serving};

on_both![fifty_thousand_rows_are_each_taken_in_once];

const ROWS: u64 = 50_000;
/// What an import may add to the memory of a server that began it, in KB.
const FLAT_KB: u64 = 40 * 1_024;

fn row(number: u64) -> String {
    let row = json!({"customer": {"externalId": format!("crm-{number}"), "name": format!("Customer {number}")},
                     "license": {"key": format!("an old key of the former shop, no. {number}"), "validDays": 365,
                                 "source": "old", "sourceOrderId": number.to_string()},
                     "machines": [{"fingerprint": format!("fp-{number}")}]});
    format!("{row}\n")
}

async fn get(serving: &str, key: &str, http: &Client) -> Option<Value> {
    http.get(serving).bearer_auth(key).send().await.ok()?.json().await.ok()
}

/// Waits until so many rows are done; the most memory that it saw.
async fn watch(serving: &Serving<'_>, url: &str, key: &str, until: u64) -> u64 {
    let http = Client::builder().no_proxy().build().unwrap();
    let mut most = 0;
    loop {
        most = most.max(serving.resident_kb());
        let import = get(url, key, &http).await.unwrap();
        assert!(import["status"] == "running" || import["status"] == "done", "{import}");
        if import["rowsDone"].as_u64() >= Some(until) {
            return most;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// As the clock would: whoever was killed lets go of the job.
async fn let_go(server: &TestServer) {
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    tx.execute_unprepared("UPDATE job SET holder = NULL, leased_until = NULL").await.unwrap();
    tx.commit().await.unwrap();
}

async fn fifty_thousand_rows_are_each_taken_in_once(backend: Backend) {
    // Of the harness's server no more than the database is used.
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let place = Installation::new()
        .with("DATABASE__URL", server.database_url())
        .with("ENCRYPTION__KEY", KEK)
        .with("SERVER__PUBLIC_URL", &server.issuer)
        .with("LIMITS__ENABLED", "false")
        .with("LOG__FORMAT", "json");
    let http = Client::builder().no_proxy().build().unwrap();
    let key = &server.admin_key;

    let serving = place.serve(&[]);
    let idle = serving.resident_kb();
    let body: String = (0..ROWS).map(row).collect();
    let url = format!("{}/api/v1/imports", place.url());
    let begun = http.post(format!("{url}?{}", of_shop(&shop))).bearer_auth(key);
    let begun = begun.header("content-type", "application/x-ndjson").body(body).send().await.unwrap();
    assert_eq!(begun.status(), 201);
    let begun: Value = begun.json().await.unwrap();
    assert_eq!(begun["rows"], ROWS);
    let url = format!("{url}/{}", begun["id"].as_str().unwrap());
    let mut most = watch(&serving, &url, key, ROWS / 5).await;
    // SIGKILL, in the midst of it.
    drop(serving);
    let_go(&server).await;
    let serving = place.serve(&[]);
    most = most.max(watch(&serving, &url, key, ROWS * 3 / 5).await);
    drop(serving);
    let_go(&server).await;
    let serving = place.serve(&[]);
    most = most.max(watch(&serving, &url, key, ROWS).await);
    let done = get(&url, key, &http).await.unwrap();
    serving.stop();

    assert_eq!(
        (&done["status"], &done["rowsCreated"], &done["rowsRefused"]),
        (&json!("done"), &json!(ROWS), &json!(0))
    );
    assert!(most < idle + FLAT_KB, "{idle} KB when idle, {most} KB at most");
    each_once(&server).await;
}

async fn each_once(server: &TestServer) {
    let db = &server.context.db;
    assert_eq!(license::Entity::find().count(db).await.unwrap(), ROWS);
    assert_eq!(customer::Entity::find().count(db).await.unwrap(), ROWS);
    assert_eq!(activation::Entity::find().count(db).await.unwrap(), ROWS);
    assert_eq!(import_chunk::Entity::find().count(db).await.unwrap(), 0);
    let created = import_row::Column::Outcome.eq(ImportOutcome::Created);
    assert_eq!(import_row::Entity::find().filter(created).count(db).await.unwrap(), ROWS);
    let orders: Vec<String> = license::Entity::find()
        .select_only()
        .column(license::Column::SourceOrderId)
        .into_tuple()
        .all(db)
        .await
        .unwrap();
    let wanted: HashSet<String> = (0..ROWS).map(|number| number.to_string()).collect();
    assert_eq!(orders.into_iter().collect::<HashSet<_>>(), wanted);
    for (action, count) in [("license.imported", ROWS), ("activation.imported", ROWS), ("import.finished", 1)]
    {
        let told = audit_event::Entity::find().filter(audit_event::Column::Action.eq(action));
        assert_eq!(told.count(db).await.unwrap(), count, "{action}");
    }
}
