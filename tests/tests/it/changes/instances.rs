//! What one instance changes, others know: at once where they hear of it, a second later else.

use sea_orm::TransactionTrait;

use super::*;

on_both![another_instance_knows_after_a_second, an_instance_that_starts_knows_what_was_changed];

mod postgres_only {
    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_committed_late_is_not_missed() {
        super::what_is_committed_late_is_not_missed().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn another_instance_knows_at_once() {
        super::another_instance_knows_at_once().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lost_connection_is_made_again_and_nothing_is_missed() {
        super::a_lost_connection_is_made_again_and_nothing_is_missed().await;
    }
}

async fn change(server: &TestServer, machine: &Machine, action: &str) {
    server.admin_post(&format!("/license-keys/{}/{action}", license(machine)), json!({})).await.expect(200);
}

async fn another_instance_knows_after_a_second(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = settled(&server).await;
    let other = server.another().await;
    believed(&other, &machine).await;
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    server.admin_post(&path, json!({})).await.expect(200);
    server.clock.advance(1);
    assert_eq!(word(&other, &machine).await.0, "NOT_ACTIVATED");
    change(&server, &machine, "suspend").await;
    server.clock.advance(1);
    assert_eq!(word(&other, &machine).await.0, "SUSPENDED");
}

async fn an_instance_that_starts_knows_what_was_changed(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = settled(&server).await;
    let twin = Machine::activate(&server, &machine.key, "fp-2").await;
    server.clock.advance(600);
    let path = format!("/license-activations/{}/revoke", machine.activation);
    server.admin_post(&path, json!({"graceHours": 0})).await.expect(200);
    let other = server.another().await;
    believed(&other, &twin).await;
    assert_eq!(word(&other, &machine).await.0, "REVOKED");
}

/// The clock stands still, so nobody looks without having heard.
async fn another_instance_knows_at_once() {
    let server = TestServer::start(Backend::Postgres).await;
    let machine = settled(&server).await;
    let other = server.another().await;
    until(|| async { listeners(&server).await == 2 }).await;
    for (action, code) in [("suspend", "SUSPENDED"), ("reinstate", "VALID"), ("revoke", "REVOKED")] {
        verdict(&other, &machine).await;
        change(&server, &machine, action).await;
        until(|| async { word(&other, &machine).await.0 == code }).await;
        let generation = crate::revocation_list::read(&server).await["generation"].clone();
        until(|| async { crate::revocation_list::read(&other).await["generation"] == generation }).await;
    }
}

/// Connections that listen.
async fn listeners(server: &TestServer) -> i64 {
    count(server, "SELECT COUNT(*) FROM pg_stat_activity").await
}

/// Asks `what` of the connections to the test's own database that listen.
async fn count(server: &TestServer, what: &str) -> i64 {
    let of_this = "datname = current_database() AND query LIKE 'LISTEN%'";
    let sql = format!("{what} WHERE {of_this}");
    let connection = sea_orm::Database::connect(server.database_url()).await.unwrap();
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    connection.close().await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

async fn a_lost_connection_is_made_again_and_nothing_is_missed() {
    let server = TestServer::start(Backend::Postgres).await;
    let machine = settled(&server).await;
    let other = server.another().await;
    until(|| async { listeners(&server).await == 2 }).await;
    verdict(&other, &machine).await;
    let cut = "SELECT COUNT(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity";
    assert_eq!(count(&server, cut).await, 2);
    // Nobody may hear of this one.
    change(&server, &machine, "suspend").await;
    until(|| async { word(&other, &machine).await.0 == "SUSPENDED" }).await;
    until(|| async { listeners(&server).await == 2 }).await;
    change(&server, &machine, "reinstate").await;
    until(|| async { word(&other, &machine).await.0 == "VALID" }).await;
}

/// Its event has a lower id than one that was seen before.
async fn what_is_committed_late_is_not_missed() {
    let server = TestServer::start(Backend::Postgres).await;
    let machine = settled(&server).await;
    let issued = Shop::named(&server, "other").await.issue(&server, json!({})).await;
    let stranger = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    let license: licentia_types::ids::LicenseId = license(&machine).parse().unwrap();
    let late = format!(
        "INSERT INTO event (at, kind, subject, license_id, data) VALUES ({}, 'license.changed', '{license}', '{}', '{{}}')",
        server.context.moment().now.micros(),
        license.uuid()
    );
    let slow = sea_orm::Database::connect(server.database_url()).await.unwrap();
    let slow = slow.begin().await.unwrap();
    slow.execute_unprepared(&late).await.unwrap();
    change(&server, &stranger, "suspend").await;
    for _ in 0..3 {
        server.clock.advance(10);
        believed(&server, &machine).await;
    }
    slow.commit().await.unwrap();
    server.clock.advance(1);
    assert_eq!(word(&server, &machine).await, ("VALID".to_owned(), true));
    assert_eq!(word(&server, &machine).await, ("VALID".to_owned(), true));
}
