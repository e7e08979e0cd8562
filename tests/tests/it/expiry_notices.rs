//! Notices 30 and 7 days before an expiry, and at it: each once.

use licentia_domain::database::Lane;
use licentia_domain::jobs;
use licentia_entity::{event, license};
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use licentia_types::ids::LicenseId;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};
use serde_json::{Value, json};

on_both![
    each_notice_is_told_once_by_two_instances,
    days_without_a_run_leave_nothing_out,
    what_does_not_expire_or_is_not_good_is_not_told,
    a_renewal_is_crossed_again,
    no_notice_is_told_of_a_licence_that_was_made_later_than_it,
    no_notice_is_told_that_was_due_when_the_term_began,
    notices_and_mark_stand_or_fall_together,
    many_licences_are_told_in_batches,
];

const DAY: i64 = 86_400;

/// Where what was told is not forgotten while a test goes through months.
async fn start(backend: Backend) -> TestServer {
    TestServer::start_with(backend, &[("RETENTION__EVENTS_DAYS", "3650")]).await
}

async fn issue(server: &TestServer, shop: &Shop, days: i64, more: Value) -> LicenseId {
    let now = server.context.moment().now.micros();
    let mut asked = json!({"expiresAt": Timestamp::from_micros(now + days * DAY * 1_000_000)});
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop.issue(server, asked).await["id"].as_str().unwrap().parse().unwrap()
}

async fn told(server: &TestServer) -> Vec<event::Model> {
    let notices = event::Entity::find()
        .filter(event::Column::Kind.is_in(["license.expiring", "license.expired"]))
        .order_by_asc(event::Column::Id);
    notices.all(&server.context.db).await.unwrap()
}

async fn days_left(server: &TestServer) -> Vec<i64> {
    told(server).await.iter().map(|event| event.data["daysLeft"].as_i64().unwrap()).collect()
}

async fn sql(server: &TestServer, statement: &str) {
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    tx.execute_unprepared(statement).await.unwrap();
    tx.commit().await.unwrap();
}

async fn each_notice_is_told_once_by_two_instances(backend: Backend) {
    let server = start(backend).await;
    let other = server.another().await;
    let shop = Shop::open(&server).await;
    server.run_jobs().await;
    let license = issue(&server, &shop, 40, json!({"customer": {"name": "Ann"}})).await;
    let trial = issue(&server, &shop, 33, json!({})).await;
    sql(&server, "UPDATE license SET trial = TRUE WHERE customer_id IS NULL").await;
    let begun = server.context.moment().now;
    for _ in 0..50 {
        server.clock.advance(DAY);
        let (one, two) = tokio::join!(jobs::run_due(&server.context), jobs::run_due(&other.context));
        assert!(one.is_empty() && two.is_empty(), "{one:?} {two:?}");
    }
    let told = told(&server).await;
    let day = |event: &event::Model| (event.at.seconds() - begun.seconds()) / DAY;
    let of = |id: LicenseId| -> Vec<(i64, i64, &str)> {
        told.iter()
            .filter(|event| event.license_id == Some(id))
            .map(|event| (day(event), event.data["daysLeft"].as_i64().unwrap(), event.kind.as_str()))
            .collect()
    };
    let (expiring, expired) = ("license.expiring", "license.expired");
    assert_eq!(of(license), [(10, 30, expiring), (33, 7, expiring), (40, 0, expired)]);
    assert_eq!(of(trial), [(3, 30, expiring), (26, 7, expiring), (33, 0, expired)]);
    let first = told.iter().find(|event| event.license_id == Some(license)).unwrap();
    assert_eq!(first.subject, license.to_string());
    assert!(first.product_id.is_some() && first.customer_id.is_some());
    assert_eq!(first.data["trial"], false);
    assert_eq!(first.data["expiresAt"], json!(begun + Seconds::try_from(40 * DAY).unwrap()));
}

async fn days_without_a_run_leave_nothing_out(backend: Backend) {
    let server = start(backend).await;
    let shop = Shop::open(&server).await;
    server.run_jobs().await;
    issue(&server, &shop, 31, json!({})).await;
    server.clock.advance(10 * DAY);
    server.run_jobs().await;
    assert_eq!(days_left(&server).await, [30]);
    server.clock.advance(60 * DAY);
    server.run_jobs().await;
    server.clock.advance(60 * DAY);
    server.run_jobs().await;
    assert_eq!(days_left(&server).await, [30, 7, 0]);
}

async fn what_does_not_expire_or_is_not_good_is_not_told(backend: Backend) {
    let server = start(backend).await;
    let shop = Shop::open(&server).await;
    server.run_jobs().await;
    shop.issue(&server, json!({})).await;
    let revoked = issue(&server, &shop, 40, json!({})).await;
    server.admin_post(&format!("/license-keys/{revoked}/revoke"), json!({})).await.expect(200);
    issue(&server, &shop, 40, json!({"notes": "on hold"})).await;
    sql(&server, "UPDATE license SET status = 'suspended' WHERE notes = 'on hold'").await;
    for _ in 0..5 {
        server.clock.advance(10 * DAY);
        server.run_jobs().await;
    }
    assert!(told(&server).await.is_empty());
}

async fn a_renewal_is_crossed_again(backend: Backend) {
    let server = start(backend).await;
    let shop = Shop::open(&server).await;
    server.run_jobs().await;
    issue(&server, &shop, 31, json!({})).await;
    server.clock.advance(2 * DAY);
    server.run_jobs().await;
    assert_eq!(days_left(&server).await, [30]);
    let renewed = server.context.moment().now + Seconds::try_from(100 * DAY).unwrap();
    sql(&server, &format!("UPDATE license SET expires_at = {}", renewed.micros())).await;
    for _ in 0..110 {
        server.clock.advance(DAY);
        server.run_jobs().await;
    }
    assert_eq!(days_left(&server).await, [30, 30, 7, 0]);
}

async fn no_notice_is_told_of_a_licence_that_was_made_later_than_it(backend: Backend) {
    let server = start(backend).await;
    let shop = Shop::open(&server).await;
    server.run_jobs().await;
    server.clock.advance(20 * DAY);
    issue(&server, &shop, 30, json!({})).await;
    issue(&server, &shop, 20, json!({})).await;
    server.clock.advance(60);
    server.run_jobs().await;
    assert!(told(&server).await.is_empty());
    server.clock.advance(15 * DAY);
    server.run_jobs().await;
    assert_eq!(days_left(&server).await, [7]);
}

/// Sold long before, for thirty days from its first activation.
async fn no_notice_is_told_that_was_due_when_the_term_began(backend: Backend) {
    let server = start(backend).await;
    let shop = Shop::open(&server).await;
    let sold = shop.issue(&server, json!({"startsAt": "first_activation", "validDays": 30})).await;
    server.clock.advance(100 * DAY);
    server.run_jobs().await;
    server.clock.advance(60);
    Machine::activate(&server, sold["licenseKey"].as_str().unwrap(), "fp-1").await;
    server.clock.advance(60);
    server.run_jobs().await;
    assert!(told(&server).await.is_empty());
    for _ in 0..3 {
        server.clock.advance(10 * DAY);
        server.run_jobs().await;
    }
    assert_eq!(days_left(&server).await, [7, 0]);
}

async fn notices_and_mark_stand_or_fall_together(backend: Backend) {
    let server = start(backend).await;
    let shop = Shop::open(&server).await;
    server.run_jobs().await;
    issue(&server, &shop, 31, json!({})).await;
    server.clock.advance(2 * DAY);
    sql(&server, "ALTER TABLE event RENAME TO misplaced").await;
    let failed = jobs::run(&server.context, jobs::Job::ExpiryNotices).await;
    assert!(failed.is_err());
    sql(&server, "ALTER TABLE misplaced RENAME TO event").await;
    assert!(told(&server).await.is_empty());
    server.clock.advance(60);
    server.run_jobs().await;
    assert_eq!(days_left(&server).await, [30]);
}

/// 700 that expire one after the other, and 700 that expire at one instant in the middle of them.
async fn many_licences_are_told_in_batches(backend: Backend) {
    let server = start(backend).await;
    let shop = Shop::open(&server).await;
    server.run_jobs().await;
    let id = issue(&server, &shop, 20, json!({})).await;
    let pattern = license::Entity::find_by_id(id).one(&server.context.db).await.unwrap().unwrap();
    let expiry = pattern.expires_at.unwrap();
    let mut copies = Vec::new();
    for number in 0..1_400_i64 {
        let uuid = server.context.moment().new_uuid().unwrap();
        let minutes = if number < 700 { number } else { 350 };
        copies.push(license::Model {
            id: LicenseId::new(uuid),
            key_digest: uuid.as_bytes().to_vec(),
            expires_at: Some(Timestamp::from_micros(expiry.micros() + minutes * 60_000_000)),
            ..pattern.clone()
        });
    }
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    for some in copies.chunks(100) {
        let rows = some.iter().cloned().map(|row| row.into_active_model().reset_all());
        license::Entity::insert_many(rows).exec_without_returning(&tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    server.clock.advance(30 * DAY);
    server.run_jobs().await;
    let mut of: std::collections::BTreeMap<(LicenseId, i64), u32> = std::collections::BTreeMap::new();
    for event in told(&server).await {
        *of.entry((event.license_id.unwrap(), event.data["daysLeft"].as_i64().unwrap())).or_default() += 1;
    }
    assert_eq!(of.len(), 2 * 1_401);
    assert!(of.values().all(|times| *times == 1));
}
