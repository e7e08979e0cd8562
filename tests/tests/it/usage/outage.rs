//! A database that does not take counts holds nobody up, and loses none.

use licentia_domain::database::Lane;
use licentia_domain::usage::flush;
use licentia_tests::{Backend, TestServer, on_both};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{begin, together, validate};

on_both![what_could_not_be_written_is_written_later];

async fn rename(server: &TestServer, from: &str, to: &str) {
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    tx.execute_unprepared(&format!("ALTER TABLE {from} RENAME TO {to}")).await.unwrap();
    tx.commit().await.unwrap();
}

async fn what_could_not_be_written_is_written_later(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, mut machine) = begin(&server).await;
    machine.beat(&server).await;
    rename(&server, "usage_day", "misplaced").await;
    for _ in 0..10 {
        validate(&server, json!({"token": machine.token})).await;
        flush(&server.context).await.unwrap_err();
    }
    server.admin_get("/usage").await.expect_problem(500, "INTERNAL");
    // A heartbeat that cannot count what it reports does not rotate, and tries again.
    let mut body = machine.beat_body(Some("request-of-the-outage"));
    body["usage"] = json!({"export": 5});
    server.post("/license-keys/heartbeat", body.clone()).await.expect_problem(500, "INTERNAL");
    rename(&server, "misplaced", "usage_day").await;
    server.post("/license-keys/heartbeat", body).await.expect(200);
    assert_eq!(together(&server, "outcome=VALID").await, 10);
    assert_eq!(together(&server, "outcome=REPORTED").await, 5);
    // None of it was lost, so nobody is told.
    assert_eq!(server.admin_get("/system-events?source=usage").await.expect(200)["total"], 0);
}
