//! A new secret for a key, without a gap.

use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{make, opens, path, secret};

on_both![
    both_secrets_are_good_until_the_overlap_ends,
    without_an_overlap_the_former_secret_ends_at_once,
    the_secret_before_the_former_one_is_not_good_any_more,
    a_revoked_key_has_no_secret_left,
    an_overlap_is_bounded,
    of_two_rotations_that_saw_the_same_one_is_made,
];

async fn rotate(server: &TestServer, made: &Value, seconds: u32) -> Value {
    let body = json!({"overlapSeconds": seconds});
    server.admin_post(&format!("{}/rotate", path(made)), body).await.expect(200)
}

async fn viewer(server: &TestServer) -> Value {
    make(server, json!({"name": "Shop", "role": "viewer"})).await
}

async fn both_secrets_are_good_until_the_overlap_ends(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = viewer(&server).await;
    let rotated = rotate(&server, &made, 600).await;
    assert_eq!(rotated["id"], made["id"]);
    assert_ne!(secret(&rotated), secret(&made));
    assert!(rotated["overlapUntil"].is_string());
    server.clock.advance(599);
    for key in [secret(&made), secret(&rotated)] {
        assert_eq!(opens(&server, &key).await, 200);
    }
    server.clock.advance(1);
    assert_eq!(opens(&server, &secret(&made)).await, 401);
    assert_eq!(opens(&server, &secret(&rotated)).await, 200);
    assert_eq!(server.admin_get(&path(&made)).await.expect(200)["overlapUntil"], Value::Null);
}

async fn without_an_overlap_the_former_secret_ends_at_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = viewer(&server).await;
    let rotated = server.admin_post(&format!("{}/rotate", path(&made)), Value::Null).await.expect(200);
    assert_eq!(opens(&server, &secret(&made)).await, 401);
    assert_eq!(opens(&server, &secret(&rotated)).await, 200);
}

async fn the_secret_before_the_former_one_is_not_good_any_more(backend: Backend) {
    let server = TestServer::start(backend).await;
    let first = viewer(&server).await;
    let second = rotate(&server, &first, 600).await;
    let third = rotate(&server, &first, 600).await;
    assert_eq!(opens(&server, &secret(&first)).await, 401);
    for key in [secret(&second), secret(&third)] {
        assert_eq!(opens(&server, &key).await, 200);
    }
}

async fn a_revoked_key_has_no_secret_left(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = viewer(&server).await;
    let rotated = rotate(&server, &made, 600).await;
    server.admin_delete(&path(&made)).await.expect(204);
    for key in [secret(&made), secret(&rotated)] {
        assert_eq!(opens(&server, &key).await, 401);
    }
}

async fn an_overlap_is_bounded(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = viewer(&server).await;
    let path = format!("{}/rotate", path(&made));
    let problem = server.admin_post(&path, json!({"overlapSeconds": 2_592_001})).await;
    let problem = problem.expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["pointer"], "/overlapSeconds");
    for wrong in [json!(-1), json!(1.5), json!("600")] {
        server
            .admin_post(&path, json!({"overlapSeconds": wrong}))
            .await
            .expect_problem(422, "VALIDATION_FAILED");
    }
    assert_eq!(opens(&server, &secret(&made)).await, 200);
}

async fn of_two_rotations_that_saw_the_same_one_is_made(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = viewer(&server).await;
    let rotate = || {
        let request = server.admin(Method::POST, &format!("{}/rotate", path(&made)));
        Reply::of(request.header("if-match", "\"1\"").json(&json!({"overlapSeconds": 600})))
    };
    let (one, other) = tokio::join!(rotate(), rotate());
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    assert_eq!(opens(&server, &secret(&made)).await, 200, "the former one is good for its overlap");
}
