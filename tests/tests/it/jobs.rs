//! Background jobs: one instance at a time, whatever happens to it.

use licentia_domain::database::Lane;
use licentia_domain::jobs::{self, Job};
use licentia_entity::{audit_pending, event, job, seat_release, system_event};
use licentia_tests::{Backend, Shop, TestServer, on_both};
use licentia_types::ids::SystemEventId;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

on_both![
    a_job_is_left_to_the_instance_that_is_at_it,
    a_dead_instance_lets_go_by_the_clock,
    a_clock_that_was_ahead_stalls_no_job,
    a_lease_from_the_far_future_is_none,
    a_job_that_fails_keeps_no_other_from_running_and_is_tried_again_soon,
    a_job_runs_no_sooner_than_it_is_due,
    the_mark_of_a_job_never_goes_back,
    a_failing_job_is_told_to_operators,
    what_was_kept_for_long_enough_is_forgotten,
    rows_of_the_future_keep_no_other_from_being_forgotten,
    a_long_past_is_forgotten_in_several_turns,
];

async fn sql(server: &TestServer, statement: &str) {
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    tx.execute_unprepared(statement).await.unwrap();
    tx.commit().await.unwrap();
}

async fn row(server: &TestServer, job: Job) -> job::Model {
    job::Entity::find_by_id(job.name().to_owned()).one(&server.context.db).await.unwrap().unwrap()
}

async fn waiting(server: &TestServer) -> u64 {
    audit_pending::Entity::find().count(&server.context.db).await.unwrap()
}

/// Every job has run; then another instance takes the sealer for 120 s, and an entry waits.
async fn taken(backend: Backend) -> TestServer {
    let server = TestServer::start(backend).await;
    server.run_jobs().await;
    server.clock.advance(10);
    let until = (server.context.moment().now + Seconds::constant(120)).micros();
    sql(
        &server,
        &format!("UPDATE job SET holder = 'another', leased_until = {until} WHERE name = 'seal_audit'"),
    )
    .await;
    server.admin_post("/customers", json!({"name": "Ann"})).await.expect(201);
    server
}

async fn a_job_is_left_to_the_instance_that_is_at_it(backend: Backend) {
    let server = taken(backend).await;
    let before = row(&server, Job::SealAudit).await;
    server.clock.advance(119);
    server.run_jobs().await;
    jobs::run(&server.context, Job::SealAudit).await.unwrap();
    assert_eq!((row(&server, Job::SealAudit).await, waiting(&server).await), (before, 1));
}

async fn a_dead_instance_lets_go_by_the_clock(backend: Backend) {
    let server = taken(backend).await;
    server.clock.advance(120);
    server.run_jobs().await;
    let row = row(&server, Job::SealAudit).await;
    assert_eq!((waiting(&server).await, row.holder, row.leased_until), (0, None, None));
}

async fn a_clock_that_was_ahead_stalls_no_job(backend: Backend) {
    const AHEAD: i64 = 5 * 86_400;
    let server = TestServer::start(backend).await;
    server.run_jobs().await;
    for seconds in [AHEAD, 60 - AHEAD] {
        server.clock.advance(seconds);
        server.admin_post("/customers", json!({"name": "Ann"})).await.expect(201);
        server.run_jobs().await;
    }
    assert_eq!(waiting(&server).await, 0);
    let now = server.context.moment().now;
    for job in Job::ALL {
        let due_at = row(&server, *job).await.due_at;
        if matches!(job, Job::Import | Job::Accounts | Job::WriteMail | Job::SendMail) {
            // They are begun only where something waits.
            assert!(due_at <= now);
        } else {
            assert_eq!(due_at, now + job.every(), "{job:?}");
        }
    }
}

async fn a_lease_from_the_far_future_is_none(backend: Backend) {
    let server = taken(backend).await;
    sql(&server, "UPDATE job SET leased_until = leased_until + 3600000000").await;
    server.run_jobs().await;
    let row = row(&server, Job::SealAudit).await;
    assert_eq!((waiting(&server).await, row.holder, row.leased_until), (0, None, None));
}

async fn a_job_that_fails_keeps_no_other_from_running_and_is_tried_again_soon(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.run_jobs().await;
    server.clock.advance(4_000);
    server.admin_post("/customers", json!({"name": "Ann"})).await.expect(201);
    sql(&server, "ALTER TABLE audit_event RENAME TO misplaced").await;
    let failed: Vec<Job> = jobs::run_due(&server.context).await.into_iter().map(|(job, _)| job).collect();
    assert_eq!(failed, [Job::SealAudit]);
    let now = server.context.moment().now;
    for job in [Job::ExpiryNotices, Job::Purge] {
        assert_eq!(row(&server, job).await.due_at, now + job.every());
    }
    let after = row(&server, Job::SealAudit).await;
    assert_eq!((after.holder, after.leased_until), (None, None));
    assert_eq!(after.due_at, now + Seconds::constant(10));
    assert!(after.done_until < now);

    sql(&server, "ALTER TABLE misplaced RENAME TO audit_event").await;
    server.run_jobs().await;
    assert_eq!(waiting(&server).await, 1, "not at once");
    server.clock.advance(10);
    server.run_jobs().await;
    assert_eq!(waiting(&server).await, 0);
}

async fn a_job_runs_no_sooner_than_it_is_due(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.run_jobs().await;
    let ran = row(&server, Job::Purge).await;
    server.clock.advance(3_599);
    server.run_jobs().await;
    assert_eq!(row(&server, Job::Purge).await, ran);
    server.clock.advance(1);
    server.run_jobs().await;
    let again = row(&server, Job::Purge).await;
    assert_eq!(again.done_until, ran.done_until + Seconds::constant(3_600));
    assert_eq!(again.due_at, again.done_until + Seconds::constant(3_600));
}

async fn the_mark_of_a_job_never_goes_back(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.run_jobs().await;
    let before = row(&server, Job::ExpiryNotices).await;
    server.clock.advance(-86_400);
    jobs::run(&server.context, Job::ExpiryNotices).await.unwrap();
    let after = row(&server, Job::ExpiryNotices).await;
    assert_eq!(after.done_until, before.done_until);
    assert!(after.due_at < before.due_at);
}

async fn a_failing_job_is_told_to_operators(backend: Backend) {
    let server = TestServer::start_with(backend, &[("JOBS__ENABLED", "true")]).await;
    sql(&server, "ALTER TABLE audit_link RENAME TO misplaced").await;
    let mut told = Value::Null;
    // The jobs run at their own pace; each look at the list is a request.
    for _ in 0..20_000 {
        server.clock.advance(3_600);
        server.admin_post("/customers", json!({"name": "Ann"})).await.expect(201);
        told = server.admin_get("/system-events?source=job").await.expect(200);
        if told["total"] != 0 {
            break;
        }
    }
    let event = &told["items"][0];
    assert_eq!(event["level"], "error", "{told}");
    let message = event["message"].as_str().unwrap();
    assert!(
        message.starts_with("the job ") && message.ends_with(" failed: the database failed"),
        "{message}"
    );
    assert!(event["detail"]["job"].is_string() && event["requestId"].is_null());
}

/// Rows a little older and a little younger than what is kept; more than one batch of them.
async fn what_was_kept_for_long_enough_is_forgotten(backend: Backend) {
    const DAY: i64 = 86_400;
    let server = TestServer::start_with(backend, &[("RETENTION__EVENTS_DAYS", "60")]).await;
    let license =
        Shop::open(&server).await.issue(&server, json!({})).await["id"].as_str().unwrap().parse().unwrap();
    sql(&server, "DELETE FROM event").await;
    let audited = licentia_entity::audit_event::Entity::find().count(&server.context.db).await.unwrap();
    let now = server.context.moment().now;
    let ago = |days: i64, minutes: i64| {
        Timestamp::from_micros(now.micros() - (days * DAY + minutes * 60) * 1_000_000)
    };
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    for number in 0..1_100_i64 {
        let at = if number < 1_050 { ago(60, 1) } else { ago(60, -1) };
        let row = event::ActiveModel {
            at: Set(at),
            kind: Set("license.issued".to_owned()),
            subject: Set(number.to_string()),
            data: Set(json!({})),
            ..Default::default()
        };
        event::Entity::insert(row).exec_without_returning(&tx).await.unwrap();
    }
    for at in [ago(30, 1), ago(30, -1)] {
        let row = system_event::ActiveModel {
            id: Set(SystemEventId::new(server.context.moment().new_uuid().unwrap())),
            at: Set(at),
            level: Set("error".to_owned()),
            source: Set("job".to_owned()),
            message: Set("it failed".to_owned()),
            detail: Set(json!({})),
            request_id: Set(None),
        };
        server.clock.advance(1);
        system_event::Entity::insert(row).exec_without_returning(&tx).await.unwrap();
    }
    for released_at in [ago(31, 1), ago(30, 0)] {
        let row = seat_release::ActiveModel {
            license_id: Set(license),
            released_at: Set(released_at),
            ..Default::default()
        };
        seat_release::Entity::insert(row).exec_without_returning(&tx).await.unwrap();
    }
    tx.commit().await.unwrap();

    jobs::run(&server.context, Job::Purge).await.unwrap();
    let db = &server.context.db;
    assert_eq!(event::Entity::find().count(db).await.unwrap(), 50);
    assert_eq!(system_event::Entity::find().count(db).await.unwrap(), 1);
    assert_eq!(seat_release::Entity::find().count(db).await.unwrap(), 1);
    server.clock.advance(4_000 * DAY);
    jobs::run(&server.context, Job::Purge).await.unwrap();
    assert_eq!(event::Entity::find().count(db).await.unwrap(), 0);
    assert_eq!(licentia_entity::audit_event::Entity::find().count(db).await.unwrap(), audited);
}

async fn tell(server: &TestServer, at: Timestamp, count: usize) {
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    let rows: Vec<event::ActiveModel> = (0..count)
        .map(|number| event::ActiveModel {
            at: Set(at),
            kind: Set("license.issued".to_owned()),
            subject: Set(number.to_string()),
            data: Set(json!({})),
            ..Default::default()
        })
        .collect();
    for some in rows.chunks(1_000) {
        event::Entity::insert_many(some.to_vec()).exec_without_returning(&tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn told(server: &TestServer) -> Vec<Timestamp> {
    let events = event::Entity::find().all(&server.context.db).await.unwrap();
    events.into_iter().map(|event| event.at).collect()
}

async fn rows_of_the_future_keep_no_other_from_being_forgotten(backend: Backend) {
    let server = TestServer::start(backend).await;
    sql(&server, "DELETE FROM event").await;
    let now = server.context.moment().now;
    let (past, future) = (now - Seconds::MAX, now + Seconds::MAX);
    for (at, count) in [(future, 1), (past, 3), (future, 700), (past, 600), (now, 600)] {
        tell(&server, at, count).await;
    }
    jobs::run(&server.context, Job::Purge).await.unwrap();
    let told = told(&server).await;
    assert_eq!(told.iter().filter(|at| **at == past).count(), 0);
    assert_eq!(told.len(), 1_301);
}

async fn a_long_past_is_forgotten_in_several_turns(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.run_jobs().await;
    sql(&server, "DELETE FROM event").await;
    tell(&server, server.context.moment().now - Seconds::MAX, 20_300).await;
    server.clock.advance(3_600);
    server.run_jobs().await;
    assert_eq!(told(&server).await.len(), 300);
    // It stays due.
    server.run_jobs().await;
    assert_eq!(told(&server).await.len(), 0);
    assert!(row(&server, Job::Purge).await.due_at > server.context.moment().now);
}
