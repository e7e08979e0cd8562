//! The sealer and its checkpoints.

use licentia_domain::actors::Caller;
use licentia_domain::audit::{self, Event};
use licentia_domain::database::Lane;
use licentia_domain::jobs::{self, Job};
use licentia_entity::signing_key::Purpose;
use licentia_entity::{audit_checkpoint, audit_link, audit_pending, job, server_setting, signing_key};
use licentia_tests::{Backend, TestServer, claims, on_both};
use sea_orm::{EntityTrait, PaginatorTrait, QueryOrder};
use serde_json::{Value, json};

use super::{expect_first, expect_whole, sealed, sql, verify, verify_with, write};

on_both![
    every_entry_is_sealed_in_an_unbroken_row,
    what_either_database_writes_its_own_way_is_sealed_alike,
    an_idle_server_writes_nothing,
    two_instances_seal_everything_once,
    two_first_starts_begin_one_chain,
    what_waits_for_too_long_is_found,
    a_long_queue_is_sealed_in_several_turns,
    a_checkpoint_is_signed_every_hour_in_which_something_happened,
    a_checkpoint_holds_its_key_back_for_a_day,
];

async fn links(server: &TestServer) -> Vec<audit_link::Model> {
    let links = audit_link::Entity::find().order_by_asc(audit_link::Column::Position);
    links.all(&server.context.db).await.unwrap()
}

async fn pending(server: &TestServer) -> u64 {
    audit_pending::Entity::find().count(&server.context.db).await.unwrap()
}

async fn checkpoints(server: &TestServer) -> Vec<audit_checkpoint::Model> {
    let found = audit_checkpoint::Entity::find().order_by_asc(audit_checkpoint::Column::Position);
    found.all(&server.context.db).await.unwrap()
}

/// More than two batches.
async fn every_entry_is_sealed_in_an_unbroken_row(backend: Backend) {
    let server = TestServer::start(backend).await;
    let before = pending(&server).await;
    write(&server, (0..1_200).map(|number| json!({"number": number}))).await;
    let report = verify(&server).await;
    assert_eq!((&report["whole"], &report["waiting"]), (&json!(true), &json!(before + 1_200)));

    server.run_jobs().await;
    assert_eq!(pending(&server).await, 0);
    let positions: Vec<i64> = links(&server).await.iter().map(|link| link.position).collect();
    let all = i64::try_from(before).unwrap() + 1_200;
    assert_eq!(positions, (1..=all).collect::<Vec<_>>());
    let report = verify(&server).await;
    expect_whole(&report, before + 1_200);
    assert_eq!((&report["waiting"], &report["entries"]), (&json!(0), &json!(before + 1_200)));
}

async fn what_either_database_writes_its_own_way_is_sealed_alike(backend: Backend) {
    let server = TestServer::start(backend).await;
    let odd: Value = serde_json::from_str(
        r#"{"z": 1, "a": {"bb": [1.0, 1e3, 1e15, 1e21, 1.5e-9, -0.0, 0.1], "aa": null, "b": {}},
            "large": [9007199254740993, 18446744073709551615, -9223372036854775808],
            "text": "żółw \"quoted\" \\ \n é\u200d", "": [[], [[]]]}"#,
    )
    .unwrap();
    write(&server, [odd, json!([]), json!(null), json!("text"), json!(1.25)]).await;
    let before = pending(&server).await;
    server.run_jobs().await;
    expect_whole(&verify(&server).await, before);
}

async fn an_idle_server_writes_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.run_jobs().await;
    let of = async || {
        let rows =
            [Job::SealAudit, Job::Checkpoint].map(|job| job::Entity::find_by_id(job.name().to_owned()));
        let mut found = Vec::new();
        for row in rows {
            found.push(row.one(&server.context.db).await.unwrap().unwrap());
        }
        found
    };
    let before = of().await;
    // Long past both periods.
    server.clock.advance(10_000);
    server.run_jobs().await;
    assert_eq!(of().await, before);
    write(&server, [json!({})]).await;
    server.run_jobs().await;
    assert_ne!(of().await, before);
}

/// Both run the job all the time, entries come all the time, and leases are lost all the time.
async fn two_instances_seal_everything_once(backend: Backend) {
    const ROUNDS: usize = 40;
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let before = pending(&server).await;
    let seal = async |instance: &TestServer| {
        for _ in 0..ROUNDS {
            // Another one's work may end in a failure, never in a doubled link.
            let _ = jobs::run(&instance.context, Job::SealAudit).await;
        }
    };
    let write_on = async || {
        for number in 0..ROUNDS {
            write(&server, (0..30).map(|part| json!({"number": number, "part": part}))).await;
        }
    };
    let lose_leases = async || {
        for _ in 0..ROUNDS {
            sql(&other, &["UPDATE job SET leased_until = 0"]).await;
        }
    };
    tokio::join!(seal(&server), seal(&other), write_on(), lose_leases());
    sql(&server, &["UPDATE job SET leased_until = 0"]).await;
    jobs::run(&server.context, Job::SealAudit).await.unwrap();

    assert_eq!(pending(&server).await, 0);
    let all = before + u64::try_from(ROUNDS).unwrap() * 30;
    assert_eq!(u64::try_from(links(&server).await.len()).unwrap(), all);
    expect_whole(&verify(&other).await, all);
}

/// As the command gets it: only one of two instances has the first key printed.
async fn report(server: &TestServer) -> Value {
    let report = audit::verify(&server.context, None, &|_| {}).await.unwrap();
    serde_json::to_value(report).unwrap()
}

async fn two_first_starts_begin_one_chain(backend: Backend) {
    let (one, two) = TestServer::start_two(backend).await;
    let head = server_setting::Entity::find_by_id("audit_head".to_owned());
    let head = head.one(&one.context.db).await.unwrap().unwrap();
    assert!(head.value.starts_with("0."), "{}", head.value);
    expect_whole(&report(&two).await, 0);
    let before = pending(&one).await;
    one.run_jobs().await;
    expect_whole(&report(&two).await, before);
}

async fn what_waits_for_too_long_is_found(backend: Backend) {
    let server = TestServer::start(backend).await;
    sealed(&server, 3).await;
    write(&server, [json!({}), json!({})]).await;
    server.clock.advance(300);
    let report = verify(&server).await;
    assert_eq!((&report["whole"], &report["waiting"]), (&json!(true), &json!(2)));
    server.clock.advance(1);
    let report = verify(&server).await;
    expect_first(&report, "sealing_overdue", Value::Null);
    assert_eq!((&report["found"], &report["waiting"]), (&json!(1), &json!(2)));
    let first = server.admin_get("/audit-events?limit=2").await.expect(200)["items"][1]["id"].clone();
    assert_eq!(report["findings"][0]["eventId"], first);

    // What was not sealed can be made to look as if it were to come.
    let waits = "id IN (SELECT event_id FROM audit_pending)";
    sql(&server, &[&format!("UPDATE audit_event SET at = at + 1000000000000 WHERE {waits}")]).await;
    expect_first(&verify(&server).await, "sealing_overdue", Value::Null);
    server.run_jobs().await;
    expect_whole(&verify(&server).await, 5);
}

async fn a_long_queue_is_sealed_in_several_turns(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.run_jobs().await;
    let before = links(&server).await.len();
    let moment = server.context.moment();
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    for _ in 0..21 {
        let events = (0..1_000).map(|number| Event::new("test.done", &number, json!({}))).collect();
        audit::record_all(&tx, &moment, &Caller::operator(), events).await.unwrap();
    }
    tx.commit().await.unwrap();
    server.clock.advance(1);
    server.run_jobs().await;
    assert_eq!((links(&server).await.len(), pending(&server).await), (before + 20_000, 1_000));
    // It stays due.
    server.run_jobs().await;
    assert_eq!((links(&server).await.len(), pending(&server).await), (before + 21_000, 0));
    let row = job::Entity::find_by_id(Job::SealAudit.name().to_owned());
    let row = row.one(&server.context.db).await.unwrap().unwrap();
    assert!(row.due_at > server.context.moment().now);
}

async fn a_checkpoint_is_signed_every_hour_in_which_something_happened(backend: Backend) {
    let server = TestServer::start(backend).await;
    sealed(&server, 3).await;
    assert_eq!(checkpoints(&server).await.len(), 1);
    // Nothing happens.
    server.clock.advance(7_200);
    server.run_jobs().await;
    assert_eq!(checkpoints(&server).await.len(), 1);
    // Something happens, twice within the hour.
    for _ in 0..2 {
        server.clock.advance(10);
        write(&server, [json!({})]).await;
        server.run_jobs().await;
    }
    assert_eq!(links(&server).await.len(), 5);
    let made = checkpoints(&server).await;
    assert_eq!(made.iter().map(|checkpoint| checkpoint.position).collect::<Vec<_>>(), [3, 4]);
    server.clock.advance(3_600);
    server.run_jobs().await;
    assert_eq!(checkpoints(&server).await.last().unwrap().position, 5);
    expect_whole(&verify(&server).await, 5);

    let said = claims(&made[1].signed);
    assert_eq!((&said["aud"], &said["position"]), (&json!("urn:licentia:audit-checkpoint"), &json!(4)));
    assert_eq!(said["iss"], server.issuer);
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 86_400);
}

/// It is believed for what it says of the past long after its `exp`.
async fn a_checkpoint_holds_its_key_back_for_a_day(backend: Backend) {
    let server = TestServer::start(backend).await;
    sealed(&server, 3).await;
    let checkpoint = verify(&server).await["checkpoint"].as_str().unwrap().to_owned();
    let rows = signing_key::Entity::find().all(&server.context.db).await.unwrap();
    let key = rows.iter().find(|row| row.purpose == Purpose::Document && row.active_from.is_some()).unwrap();
    let end = claims(&checkpoint)["exp"].as_i64().unwrap();
    assert!((end..=end + 86_400).contains(&key.signs_until.seconds()));
    server.clock.advance(400 * 86_400);
    expect_whole(&verify_with(&server, &checkpoint).await, 3);
}
