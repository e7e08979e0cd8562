//! A clock that is wrong: jobs stop and the server is not ready until it is right again, or somebody confirmed it.

use licentia_domain::actors::Caller;
use licentia_domain::clock_mark::{self, Standing};
use licentia_domain::jobs::{self, Job, Ticked};
use licentia_entity::{audit_event, clock_mark as mark, job};
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use sea_orm::EntityTrait;
use serde_json::json;

on_both![
    a_clock_that_went_back_stops_jobs_and_readiness,
    a_clock_that_leapt_is_believed_when_somebody_confirms_it,
    machines_are_served_whatever_the_clock_says,
    an_idle_server_raises_the_mark_once_a_minute,
];

const DAY: i64 = 86_400;

async fn ticked(server: &TestServer) -> Ticked {
    jobs::tick(&server.context, |_| true).await.unwrap()
}

async fn runs_jobs(server: &TestServer) -> bool {
    matches!(ticked(server).await, Ticked::Ran(failed) if failed.is_empty())
}

async fn purged_at(server: &TestServer) -> i64 {
    let row = job::Entity::find_by_id(Job::Purge.name().to_owned()).one(&server.context.db).await.unwrap();
    row.unwrap().done_until.seconds()
}

async fn stored(server: &TestServer) -> i64 {
    mark::Entity::find().one(&server.context.db).await.unwrap().unwrap().at.seconds()
}

async fn a_clock_that_went_back_stops_jobs_and_readiness(backend: Backend) {
    let server = TestServer::start(backend).await;
    assert!(runs_jobs(&server).await);
    server.clock.advance(-300);
    assert!(runs_jobs(&server).await);
    server.get("/health/ready").await.expect(200);
    server.clock.advance(-1);
    let purged = purged_at(&server).await;
    assert!(matches!(ticked(&server).await, Ticked::Stopped(Standing::Behind(301))));
    assert_eq!(purged_at(&server).await, purged);
    for path in ["/health", "/health/ready"] {
        server.get(path).await.expect_problem(503, "UNAVAILABLE");
    }
    server.get("/health/live").await.expect(200);
    // It was set right.
    server.clock.advance(301);
    assert!(runs_jobs(&server).await);
    server.get("/health/ready").await.expect(200);
}

async fn a_clock_that_leapt_is_believed_when_somebody_confirms_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    assert!(runs_jobs(&server).await);
    let before = purged_at(&server).await;
    server.clock.advance(DAY);
    assert!(matches!(ticked(&server).await, Ticked::Stopped(Standing::Ahead(DAY))));
    let other = server.another().await;
    other.get("/health/ready").await.expect_problem(503, "UNAVAILABLE");
    let now = clock_mark::confirm(&server.context, &Caller::operator()).await.unwrap();
    assert_eq!(now, server.context.moment().now);
    // Every instance hears of it.
    other.get("/health/ready").await.expect(200);
    assert!(runs_jobs(&server).await);
    assert_eq!(purged_at(&server).await, before + DAY);
    let log = audit_event::Entity::find().all(&server.context.db).await.unwrap();
    let confirmed: Vec<_> = log.iter().filter(|entry| entry.action == "clock.confirmed").collect();
    assert_eq!(confirmed.len(), 1);
    assert_eq!(confirmed[0].detail["now"], json!(now.to_string()));
    // What was confirmed by mistake is confirmed back.
    server.clock.advance(-DAY);
    assert!(matches!(ticked(&server).await, Ticked::Stopped(Standing::Behind(DAY))));
    clock_mark::confirm(&server.context, &Caller::operator()).await.unwrap();
    assert!(runs_jobs(&server).await);
}

async fn machines_are_served_whatever_the_clock_says(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    assert!(runs_jobs(&server).await);
    let mut machine = Machine::activate(&server, key, "fp-1").await;
    for seconds in [-3_600, 3_600 + DAY + 60, -DAY - 60] {
        server.clock.advance(seconds);
        ticked(&server).await;
        assert!(machine.beat(&server).await["token"].is_string());
        machine = Machine::activate_with(&server, key, "fp-1", json!({"nonce": machine.nonce})).await;
        assert!(machine.beat(&server).await["token"].is_string());
    }
}

async fn an_idle_server_raises_the_mark_once_a_minute(backend: Backend) {
    let server = TestServer::start(backend).await;
    assert!(runs_jobs(&server).await);
    let begun = stored(&server).await;
    server.clock.advance(59);
    assert!(runs_jobs(&server).await);
    assert_eq!(stored(&server).await, begun);
    server.clock.advance(1);
    assert!(runs_jobs(&server).await);
    assert_eq!(stored(&server).await, begun + 60);
    // It never goes back.
    server.clock.advance(-200);
    assert!(runs_jobs(&server).await);
    assert_eq!(stored(&server).await, begun + 60);
}
