//! Days are kept for as long as is configured, and are forgotten whole.

use licentia_domain::database::Lane;
use licentia_domain::jobs::{self, Job};
use licentia_entity::usage_day;
use licentia_tests::{Backend, Shop, TestServer, on_both};
use licentia_types::ids::LicenseId;
use licentia_types::time::Timestamp;
use licentia_types::usage::Day;
use sea_orm::ActiveValue::Set;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;

use super::{id, together};

on_both![days_are_forgotten_when_they_ended_long_enough_ago, a_long_past_is_forgotten_in_several_turns];

/// One row of each of these days, with a count of 1 and an action of its own.
pub(super) async fn insert(server: &TestServer, license: LicenseId, days: &[Day]) {
    let rows: Vec<usage_day::ActiveModel> = days
        .iter()
        .enumerate()
        .map(|(number, day)| usage_day::ActiveModel {
            day: Set(*day),
            license_id: Set(license),
            product_version: Set(String::new()),
            action: Set(format!("action-{number}")),
            outcome: Set("VALID".to_owned()),
            count: Set(1),
        })
        .collect();
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    for some in rows.chunks(1_000) {
        usage_day::Entity::insert_many(some.to_vec()).exec_without_returning(&tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn license(server: &TestServer) -> LicenseId {
    let issued = Shop::open(server).await.issue(server, json!({})).await;
    id(&issued).parse().unwrap()
}

async fn rows(server: &TestServer) -> u64 {
    usage_day::Entity::find().count(&server.context.db).await.unwrap()
}

async fn days_are_forgotten_when_they_ended_long_enough_ago(backend: Backend) {
    let server = TestServer::start_with(backend, &[("RETENTION__USAGE_DAYS", "10")]).await;
    let license = license(&server).await;
    // The first instant of a day: what ended ten days ago is forgotten now.
    let now = server.context.moment().now;
    let midnight = now.end_of_day().micros();
    server.clock.advance((midnight - now.micros()).div_euclid(1_000_000) + 1);
    let ago = |days: i64| Day::of(Timestamp::from_micros(midnight - days * 86_400 * 1_000_000));
    insert(&server, license, &[ago(12), ago(11), ago(10), ago(9), ago(0), ago(-1)]).await;
    jobs::run(&server.context, Job::Purge).await.unwrap();
    assert_eq!((rows(&server).await, together(&server, &format!("to={}", ago(11))).await), (4, 0));
    assert_eq!(together(&server, &format!("from={0}&to={0}", ago(10))).await, 1);
    // To the end of the day it stays.
    server.clock.advance(86_400 - 5);
    jobs::run(&server.context, Job::Purge).await.unwrap();
    assert_eq!(rows(&server).await, 4);
    server.clock.advance(5);
    jobs::run(&server.context, Job::Purge).await.unwrap();
    assert_eq!((rows(&server).await, together(&server, &format!("to={}", ago(10))).await), (3, 0));
}

async fn a_long_past_is_forgotten_in_several_turns(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.run_jobs().await;
    let license = license(&server).await;
    let now = server.context.moment().now;
    let ago = |days: i64| Day::of(Timestamp::from_micros(now.micros() - days * 86_400 * 1_000_000));
    let old = vec![ago(402); 20_300];
    insert(&server, license, &[&old[..], &[ago(399), ago(0)]].concat()).await;
    server.clock.advance(3_600);
    server.run_jobs().await;
    assert_eq!(rows(&server).await, 302);
    // It stays due.
    server.run_jobs().await;
    assert_eq!(rows(&server).await, 2);
}
