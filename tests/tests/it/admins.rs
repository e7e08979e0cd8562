//! Admins over HTTP: invited, edited, disabled; nobody gives what he lacks, and one who may do everything stays.

use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use crate::access::key_with;
use crate::sessions::{PASSWORD, Person, Session};

mod last;
mod passwords;
mod setup;

on_both![
    an_admin_is_invited_and_sets_his_own_password,
    addresses_are_one_in_any_capitals,
    nobody_gives_a_role_that_may_more_than_he,
    nobody_changes_an_admin_who_may_more_than_he,
    a_role_counts_from_the_next_request_on,
    a_disabled_admin_is_out_at_once_and_may_come_back,
    no_answer_holds_a_password_or_its_hash,
    a_token_that_was_given_before_a_promotion_opens_nothing_after_it,
    whoever_found_a_browser_open_does_not_take_the_account,
];

async fn invite(server: &TestServer, email: &str, role: &str) -> Reply {
    server.admin_post("/admins", json!({"email": email, "name": "Somebody", "role": role})).await
}

async fn an_admin_is_invited_and_sets_his_own_password(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = invite(&server, "ada@example.com", "editor").await;
    let path = format!("/admins/{}", made.body["id"].as_str().unwrap());
    assert_eq!(made.header("location"), format!("{}/api/v1{path}", server.issuer));
    let made = made.expect(201);
    assert_eq!(
        (&made["status"], &made["role"], &made["totp"]),
        (&json!("invited"), &json!("editor"), &json!(false))
    );
    let token = made["passwordToken"].as_str().unwrap();
    assert!(token.starts_with("lpt_"));

    let login = json!({"email": "ada@example.com", "password": PASSWORD});
    server.post("/auth/login", login.clone()).await.expect_problem(401, "CREDENTIALS_INVALID");
    let reset = json!({"token": token, "password": PASSWORD});
    server.post("/auth/password/reset", reset.clone()).await.expect(204);
    // Once.
    server.post("/auth/password/reset", reset).await.expect_problem(401, "CREDENTIALS_INVALID");
    assert_eq!(server.post("/auth/login", login).await.expect(200)["status"], "signed_in");
    let shown = server.admin_get(&path).await.expect(200);
    assert_eq!(shown["status"], "active");
    assert!(shown["lastLoginAt"].is_string());
    assert_eq!(server.admin_get("/admins?q=ADA").await.expect(200)["total"], 1);
}

async fn addresses_are_one_in_any_capitals(backend: Backend) {
    let server = TestServer::start(backend).await;
    invite(&server, "Ada@Example.com", "editor").await.expect(201);
    let again = invite(&server, "aDA@eXAMPLE.COM", "editor").await.expect_problem(409, "ALREADY_EXISTS");
    assert_eq!(again["errors"][0]["pointer"], "/email");
    let other = invite(&server, "grace@example.com", "editor").await.expect(201);
    let path = format!("/admins/{}", other["id"].as_str().unwrap());
    let edit = json!({"email": "ADA@example.com"});
    server.admin_put(&path, edit).await.expect_problem(409, "ALREADY_EXISTS");
    for email in ["ada@example.com ", "ada", ""] {
        invite(&server, email, "editor").await.expect_problem(422, "VALIDATION_FAILED");
    }
    let unknown = invite(&server, "new@example.com", "root").await.expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(unknown["errors"][0]["pointer"], "/role");
}

async fn nobody_gives_a_role_that_may_more_than_he(backend: Backend) {
    let server = TestServer::start(backend).await;
    let admin = Session::of_role(&server, "admin").await;
    let ask = |role: &str| {
        let body = json!({"email": format!("{role}@example.com"), "name": "Somebody", "role": role});
        admin.send(&server, Method::POST, "/admins", body)
    };
    let problem = ask("super_admin").await.expect_problem(403, "PERMISSION_DENIED");
    assert!(problem["detail"].as_str().unwrap().contains("keys"), "{problem}");
    let made = ask("viewer").await.expect(201);
    let path = format!("/admins/{}", made["id"].as_str().unwrap());
    let raise = json!({"role": "super_admin"});
    admin.send(&server, Method::PUT, &path, raise).await.expect_problem(403, "PERMISSION_DENIED");
    admin.send(&server, Method::PUT, &path, json!({"role": "editor"})).await.expect(200);
}

async fn nobody_changes_an_admin_who_may_more_than_he(backend: Backend) {
    let server = TestServer::start(backend).await;
    let above = Person::with_role(&server, "super_admin").await;
    let session = above.sign_in(&server).await;
    let admin = Session::of_role(&server, "admin").await;
    let path = format!("/admins/{}", above.id);
    for (method, path) in [
        (Method::PUT, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::POST, format!("{path}/enable")),
        (Method::POST, format!("{path}/reset-password")),
        (Method::POST, format!("{path}/remove-totp")),
        (Method::DELETE, format!("/sessions/{}", session.id)),
    ] {
        let body = if method == Method::PUT { json!({"name": "Fallen"}) } else { Value::Null };
        admin.send(&server, method, &path, body).await.expect_problem(403, "PERMISSION_DENIED");
    }
    session.get(&server, "/auth/me").await.expect(200);
    // A key that may write admins, and nothing else, may not either.
    let key = key_with(&server, &[licentia_types::permissions::Permission::Admins]).await;
    let reset = server.request(Method::POST, &format!("/api/v1{path}/reset-password")).bearer_auth(key);
    Reply::of(reset).await.expect_problem(403, "PERMISSION_DENIED");
}

async fn a_role_counts_from_the_next_request_on(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "editor").await;
    let session = person.sign_in(&server).await;
    let make = |name: &str| session.send(&server, Method::POST, "/customers", json!({"name": name}));
    make("Before").await.expect(201);
    let path = format!("/admins/{}", person.id);
    server.admin_put(&path, json!({"role": "viewer"})).await.expect(200);
    make("After").await.expect_problem(403, "PERMISSION_DENIED");
    session.get(&server, "/customers").await.expect(200);
}

async fn a_disabled_admin_is_out_at_once_and_may_come_back(backend: Backend) {
    let server = TestServer::start(backend).await;
    let another = server.another().await;
    let person = Person::with_role(&server, "viewer").await;
    let session = person.sign_in(&server).await;
    session.get(&another, "/customers").await.expect(200);
    let path = format!("/admins/{}", person.id);
    server.admin_delete(&path).await.expect(204);
    // On every instance, whatever the token says of itself.
    session.get(&another, "/customers").await.expect_problem(401, "UNAUTHENTICATED");
    session.refresh(&another).await.expect_problem(401, "UNAUTHENTICATED");
    person.login(&server).await.expect_problem(401, "CREDENTIALS_INVALID");
    server.admin_delete(&path).await.expect(204);
    assert_eq!(server.admin_get(&path).await.expect(200)["status"], "disabled");
    let reset = server.admin_post(&format!("{path}/reset-password"), Value::Null).await;
    reset.expect_problem(409, "STATE_CONFLICT");

    assert_eq!(
        server.admin_post(&format!("{path}/enable"), Value::Null).await.expect(200)["status"],
        "active"
    );
    session.get(&server, "/customers").await.expect_problem(401, "UNAUTHENTICATED");
    person.sign_in(&server).await.get(&server, "/customers").await.expect(200);
}

async fn no_answer_holds_a_password_or_its_hash(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "super_admin").await;
    let session = person.sign_in(&server).await;
    for path in ["/admins", &format!("/admins/{}", person.id), "/sessions", "/auth/me", "/audit-events"] {
        let reply = session.get(&server, path).await;
        for secret in [PASSWORD, "argon2", "lpt_", session.token.as_str(), session.cookie.as_str()] {
            assert!(!reply.text.contains(secret), "{path}: {secret}");
        }
        reply.expect(200);
    }
}

async fn a_token_that_was_given_before_a_promotion_opens_nothing_after_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    let admin = Session::of_role(&server, "admin").await;
    let group = crate::groups::make_group(&server, "north").await;
    let role = json!({"name": "night-shift", "permissions": ["customers.read"]});
    server.admin_post("/roles", role).await.expect(201);
    let all = json!({"permissions": ["customers.read", "keys"]});
    for (number, (role, promotion)) in [
        ("viewer", json!({"role": "super_admin"})),
        ("viewer", json!({"email": "somebody-else@example.com"})),
        ("viewer", json!({"groups": [group]})),
        ("night-shift", Value::Null),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"email": format!("{number}@example.com"), "name": "New", "role": role});
        let keyed = server.request(Method::POST, "/api/v1/admins").bearer_auth(&admin.token);
        let keyed = keyed.header("idempotency-key", format!("key-{number}")).json(&body);
        let made = Reply::of(keyed.try_clone().unwrap()).await.expect(201);
        if promotion.is_null() {
            server.admin_put("/roles/night-shift", all.clone()).await.expect(200);
        } else {
            let path = format!("/admins/{}", made["id"].as_str().unwrap());
            server.admin_put(&path, promotion).await.expect(200);
        }
        // Nor does asking for it again help.
        let again = Reply::of(keyed).await.expect(201);
        for made in [made, again] {
            let set = json!({"token": made["passwordToken"], "password": PASSWORD});
            server.post("/auth/password/reset", set).await.expect_problem(401, "CREDENTIALS_INVALID");
        }
    }
}

async fn whoever_found_a_browser_open_does_not_take_the_account(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "admin").await;
    let session = person.sign_in(&server).await;
    for path in ["reset-password", "remove-totp"] {
        let path = format!("/admins/{}/{path}", person.id);
        let own = session.send(&server, Method::POST, &path, Value::Null).await;
        own.expect_problem(409, "STATE_CONFLICT");
    }
    session.get(&server, "/auth/me").await.expect(200);
    person.sign_in(&server).await;
}
