//! The first admin: made once, by the token that a start prints.

use licentia_domain::admins;
use licentia_tests::{Backend, Reply, TestServer, on_both};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::sessions::{PASSWORD, Person};

on_both![
    whoever_has_the_token_makes_the_first_admin_once,
    a_token_that_is_old_or_made_up_makes_nobody,
    of_two_who_are_first_one_is,
    where_admins_are_no_token_is_offered,
];

async fn offered(server: &TestServer) -> String {
    admins::offer(&server.context).await.unwrap().unwrap().expose_secret().to_owned()
}

async fn set_up(server: &TestServer, token: &str, email: &str, password: &str) -> Reply {
    let body = json!({"token": token, "email": email, "name": "First", "password": password});
    server.post("/setup", body).await
}

async fn whoever_has_the_token_makes_the_first_admin_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let token = offered(&server).await;
    assert!(token.starts_with("lst_"));
    set_up(&server, &token, "a@example.com", "password1234").await.expect_problem(422, "PASSWORD_WEAK");
    let made = set_up(&server, &token, "a@example.com", PASSWORD).await.expect(201);
    assert_eq!((&made["role"], &made["status"]), (&json!("super_admin"), &json!("active")));
    set_up(&server, &token, "b@example.com", PASSWORD).await.expect_problem(409, "STATE_CONFLICT");
    let login = json!({"email": "a@example.com", "password": PASSWORD});
    server.post("/auth/login", login).await.expect(200);
}

async fn a_token_that_is_old_or_made_up_makes_nobody(backend: Backend) {
    let server = TestServer::start(backend).await;
    let token = offered(&server).await;
    for wrong in ["", "lst_", &token.replace("lst_", "lpt_"), &format!("{token}0")] {
        set_up(&server, wrong, "a@example.com", PASSWORD).await.expect_problem(401, "CREDENTIALS_INVALID");
    }
    server.clock.advance(86_400);
    set_up(&server, &token, "a@example.com", PASSWORD).await.expect_problem(401, "CREDENTIALS_INVALID");
    let another = offered(&server).await;
    set_up(&server, &another, "a@example.com", PASSWORD).await.expect(201);
}

async fn of_two_who_are_first_one_is(backend: Backend) {
    let server = TestServer::start(backend).await;
    let another = server.another().await;
    // Each instance printed its own.
    let (one, other) = (offered(&server).await, offered(&another).await);
    let (one, other) = tokio::join!(
        set_up(&server, &one, "a@example.com", PASSWORD),
        set_up(&another, &other, "b@example.com", PASSWORD)
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert!(statuses[0] == 201 && matches!(statuses[1], 401 | 409), "{} {}", one.text, other.text);
    assert_eq!(server.admin_get("/admins").await.expect(200)["total"], 1);
}

async fn where_admins_are_no_token_is_offered(backend: Backend) {
    let server = TestServer::start(backend).await;
    let token = offered(&server).await;
    Person::with_role(&server, "viewer").await;
    assert!(admins::offer(&server.context).await.unwrap().is_none());
    set_up(&server, &token, "a@example.com", PASSWORD).await.expect_problem(409, "STATE_CONFLICT");
}
