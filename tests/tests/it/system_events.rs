//! The server's own warnings and errors.

use licentia_domain::database::Lane;
use licentia_domain::system_events::{self, SystemEvent};
use licentia_tests::{Backend, Reply, TestServer, on_both};
use licentia_types::system_events::SystemEventLevel;
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

on_both![
    a_request_that_failed_is_told_without_its_causes,
    the_same_is_told_once_a_minute,
    they_are_chosen_by_level_and_source,
    a_database_that_does_not_take_them_changes_nothing,
];

async fn rename(server: &TestServer, from: &str, to: &str) {
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    tx.execute_unprepared(&format!("ALTER TABLE {from} RENAME TO {to}")).await.unwrap();
    tx.commit().await.unwrap();
}

async fn list(server: &TestServer, query: &str) -> Value {
    server.admin_get(&format!("/system-events?{query}")).await.expect(200)
}

/// They are written off the way of the answer.
async fn until(server: &TestServer, total: u64) -> Value {
    for _ in 0..10_000 {
        let listed = list(server, "").await;
        if listed["total"].as_u64() >= Some(total) {
            return listed;
        }
    }
    panic!("{total} system events never came");
}

fn warning(message: &str) -> SystemEvent {
    SystemEvent {
        level: SystemEventLevel::Warning,
        source: "test",
        message: message.to_owned(),
        detail: json!({"number": 1}),
        request_id: None,
    }
}

async fn a_request_that_failed_is_told_without_its_causes(backend: Backend) {
    let server = TestServer::start(backend).await;
    rename(&server, "customer", "misplaced").await;
    let request = server.admin(Method::GET, "/customers?q=canary").header("X-Request-Id", "request-of-ours");
    Reply::of(request).await.expect_problem(500, "INTERNAL");
    let listed = until(&server, 1).await;
    let event = &listed["items"][0];
    assert!(event["id"].as_str().unwrap().starts_with("sys_"));
    assert_eq!((&event["level"], &event["source"]), (&json!("error"), &json!("request")));
    assert_eq!(event["message"], "a request failed: the database failed");
    let detail = json!({"code": "INTERNAL", "method": "GET", "route": "/api/v1/customers"});
    assert_eq!((&event["detail"], &event["requestId"]), (&detail, &json!("request-of-ours")));
    for word in ["canary", "customer\\\"", "misplaced", "select", "relation"] {
        assert!(!listed.to_string().to_lowercase().contains(word), "{word}");
    }
    // What is the client's fault is not told.
    server.admin_get("/customers/none").await.expect_problem(404, "NOT_FOUND");
    assert_eq!(list(&server, "").await["total"], 1);
}

async fn the_same_is_told_once_a_minute(backend: Backend) {
    let server = TestServer::start(backend).await;
    for seconds in [0, 30, 29, 1, 59, 1] {
        server.clock.advance(seconds);
        system_events::record(&server.context, warning("the same")).await;
    }
    assert_eq!(list(&server, "").await["total"], 3);
    system_events::record(&server.context, warning("another")).await;
    assert_eq!(list(&server, "").await["total"], 4);
}

async fn they_are_chosen_by_level_and_source(backend: Backend) {
    let server = TestServer::start(backend).await;
    for number in 0..3 {
        server.clock.advance(1);
        system_events::record(&server.context, warning(&format!("warning {number}"))).await;
    }
    let error = SystemEvent { level: SystemEventLevel::Error, source: "job", ..warning("an error") };
    server.clock.advance(1);
    system_events::record(&server.context, error).await;
    for (query, total) in [
        ("", 4),
        ("level=warning", 3),
        ("level=error", 1),
        ("source=test", 3),
        ("source=test&level=error", 0),
        ("source=%00", 0),
        ("q=WARNING%201", 1),
    ] {
        assert_eq!(list(&server, query).await["total"], total, "{query}");
    }
    let first = list(&server, "limit=2").await;
    assert_eq!(first["items"][0]["message"], "an error");
    let next = list(&server, &format!("limit=2&cursor={}", first["nextCursor"].as_str().unwrap())).await;
    assert_eq!(next["items"][1]["message"], "warning 0");
    for wrong in ["level=fatal", "message=x"] {
        server.admin_get(&format!("/system-events?{wrong}")).await.expect_problem(400, "PARAMETER_INVALID");
    }
}

async fn a_database_that_does_not_take_them_changes_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    rename(&server, "customer", "misplaced").await;
    rename(&server, "system_event", "misplaced_too").await;
    for _ in 0..3 {
        server.admin_get("/customers").await.expect_problem(500, "INTERNAL");
    }
    system_events::record(&server.context, warning("lost")).await;
    rename(&server, "misplaced_too", "system_event").await;
    rename(&server, "misplaced", "customer").await;
    server.admin_get("/customers").await.expect(200);
    assert_eq!(list(&server, "").await["total"], 0);
}
