//! How passwords are set and changed, and what ends with the former one.

use licentia_tests::{Backend, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use crate::sessions::{PASSWORD, Person};

const NEXT: &str = "vexing otter hums low";

on_both![
    a_password_that_is_guessed_first_is_refused,
    a_change_needs_the_present_one_and_ends_the_other_sessions,
    a_reset_ends_everything_and_its_token_lives_for_a_day,
    of_two_who_use_a_token_at_once_one_sets_the_password,
];

async fn a_password_that_is_guessed_first_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = json!({"email": "ada.lovelace@example.com", "name": "Ada", "role": "viewer"});
    let made = server.admin_post("/admins", made).await.expect(201);
    let set = |password: &str| {
        server.post("/auth/password/reset", json!({"token": made["passwordToken"], "password": password}))
    };
    for (password, code) in [
        ("short", "TOO_SHORT"),
        ("elevenchars", "TOO_SHORT"),
        (&"x y ".repeat(65), "TOO_LONG"),
        ("password1234", "COMMON"),
        ("123456789012", "COMMON"),
        ("ada.lovelace@example.com", "COMMON"),
    ] {
        let problem = set(password).await.expect_problem(422, "PASSWORD_WEAK");
        assert_eq!(problem["errors"][0]["code"], code, "{password}");
        assert_eq!(problem["errors"][0]["pointer"], "/password");
    }
    // What was refused used nothing up; kinds of characters are no matter.
    set("plum violin gravel sunday").await.expect(204);
}

async fn a_change_needs_the_present_one_and_ends_the_other_sessions(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let (here, elsewhere) = (person.sign_in(&server).await, person.sign_in(&server).await);
    let change = |current: &str, new: &str| {
        let body = json!({"currentPassword": current, "password": new});
        here.send(&server, Method::POST, "/auth/password/change", body)
    };
    change("wrong", NEXT).await.expect_problem(401, "CREDENTIALS_INVALID");
    change(PASSWORD, "short").await.expect_problem(422, "PASSWORD_WEAK");
    elsewhere.get(&server, "/auth/me").await.expect(200);
    change(PASSWORD, NEXT).await.expect(204);
    here.get(&server, "/auth/me").await.expect(200);
    elsewhere.get(&server, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    elsewhere.refresh(&server).await.expect_problem(401, "UNAUTHENTICATED");
    person.login(&server).await.expect_problem(401, "CREDENTIALS_INVALID");
    let login = json!({"email": person.email, "password": NEXT});
    server.post("/auth/login", login).await.expect(200);
    // A key has no password.
    let body = json!({"currentPassword": PASSWORD, "password": NEXT});
    server.admin_post("/auth/password/change", body).await.expect_problem(403, "PERMISSION_DENIED");
}

async fn a_reset_ends_everything_and_its_token_lives_for_a_day(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let session = person.sign_in(&server).await;
    let path = format!("/admins/{}/reset-password", person.id);
    let first = server.admin_post(&path, Value::Null).await.expect(200);
    session.get(&server, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    person.login(&server).await.expect_problem(401, "CREDENTIALS_INVALID");
    let second = server.admin_post(&path, Value::Null).await.expect(200);
    let set = |made: &Value| {
        server.post("/auth/password/reset", json!({"token": made["passwordToken"], "password": NEXT}))
    };
    set(&first).await.expect_problem(401, "CREDENTIALS_INVALID");
    server.clock.advance(86_400);
    set(&second).await.expect_problem(401, "CREDENTIALS_INVALID");
    let third = server.admin_post(&path, Value::Null).await.expect(200);
    server.clock.advance(86_399);
    set(&third).await.expect(204);
}

async fn of_two_who_use_a_token_at_once_one_sets_the_password(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = json!({"email": "ada@example.com", "name": "Ada", "role": "viewer"});
    let made = server.admin_post("/admins", made).await.expect(201);
    let set = |password: &'static str| {
        server.post("/auth/password/reset", json!({"token": made["passwordToken"], "password": password}))
    };
    let (one, other) = tokio::join!(set(PASSWORD), set(NEXT));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 401], "{} {}", one.text, other.text);
    let winner = if one.status == 204 { PASSWORD } else { NEXT };
    server.post("/auth/login", json!({"email": "ada@example.com", "password": winner})).await.expect(200);
}
