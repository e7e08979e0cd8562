//! Sessions over HTTP: begun by a password, renewed by a cookie, ended at once.

use std::sync::atomic::{AtomicU32, Ordering};

use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

mod cookies;
mod hostile;

on_both![
    a_session_opens_what_its_role_may,
    a_token_lives_for_minutes_and_is_renewed,
    a_session_that_nobody_renews_ends_and_so_does_every_other,
    signing_out_ends_a_session_at_once_everywhere,
    sessions_are_listed_and_ended_by_whoever_may,
    whether_an_address_is_known_shows_nowhere,
    signing_in_and_out_stands_in_the_audit_log,
];

pub(crate) const PASSWORD: &str = "plum violin gravel sunday";

/// An admin who has set his password.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
}

impl Person {
    pub(crate) async fn with_role(server: &TestServer, role: &str) -> Self {
        Self::made(server, role, json!({"name": "Somebody", "role": role})).await
    }

    /// Called so, within these groups.
    pub(crate) async fn within(server: &TestServer, name: &str, role: &str, groups: &[&str]) -> Self {
        Self::made(server, name, json!({"name": name, "role": role, "groups": groups})).await
    }

    async fn made(server: &TestServer, name: &str, mut body: Value) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let email = format!("{name}-{}@example.com", NUMBER.fetch_add(1, Ordering::Relaxed));
        body["email"] = json!(email);
        let made = server.admin_post("/admins", body).await.expect(201);
        let set = json!({"token": made["passwordToken"], "password": PASSWORD});
        server.post("/auth/password/reset", set).await.expect(204);
        Self { id: made["id"].as_str().unwrap().to_owned(), email }
    }

    pub(crate) async fn login(&self, server: &TestServer) -> Reply {
        server.post("/auth/login", json!({"email": self.email, "password": PASSWORD})).await
    }

    pub(crate) async fn sign_in(&self, server: &TestServer) -> Session {
        let reply = self.login(server).await;
        assert_eq!(reply.body["status"], "signed_in", "{}", reply.text);
        Session::of(&reply)
    }
}

/// What somebody has who signed in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) token: String,
    /// `name=value`
    pub(crate) cookie: String,
}

impl Session {
    pub(crate) fn of(reply: &Reply) -> Self {
        let text = |member: &str| reply.body[member].as_str().unwrap().to_owned();
        let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
        Self { id: text("sessionId"), token: text("accessToken"), cookie }
    }

    pub(crate) async fn of_role(server: &TestServer, role: &str) -> Self {
        Person::with_role(server, role).await.sign_in(server).await
    }

    pub(crate) async fn get(&self, server: &TestServer, path: &str) -> Reply {
        self.send(server, Method::GET, path, Value::Null).await
    }

    /// Without a body where it is null; edits whatever is there.
    pub(crate) async fn send(&self, server: &TestServer, method: Method, path: &str, body: Value) -> Reply {
        let request = server.request(method.clone(), &format!("/api/v1{path}")).bearer_auth(&self.token);
        let request = if method == Method::PUT { request.header("if-match", "*") } else { request };
        Reply::of(if body.is_null() { request } else { request.json(&body) }).await
    }

    pub(crate) async fn refresh(&self, server: &TestServer) -> Reply {
        Reply::of(server.request(Method::POST, "/api/v1/auth/refresh").header("cookie", &self.cookie)).await
    }

    /// The same session, with its next token.
    pub(crate) async fn renewed(&self, server: &TestServer) -> Self {
        let reply = self.refresh(server).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        Self::of(&reply)
    }

    pub(crate) async fn log_out(&self, server: &TestServer) -> Reply {
        let request = server.request(Method::POST, "/api/v1/auth/logout");
        Reply::of(request.bearer_auth(&self.token).header("cookie", &self.cookie)).await
    }
}

async fn a_session_opens_what_its_role_may(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "support").await;
    let reply = person.login(&server).await;
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.body["tokenType"], "Bearer");
    let session = Session::of(&reply);
    let me = session.get(&server, "/auth/me").await.expect(200);
    assert_eq!((&me["admin"]["id"], &me["sessionId"]), (&json!(person.id), &json!(session.id)));
    assert!(me["permissions"].as_array().unwrap().contains(&json!("licenses.read")));
    session.get(&server, "/license-keys").await.expect(200);
    let make = session.send(&server, Method::POST, "/customers", json!({"name": "Ada"})).await;
    make.expect_problem(403, "PERMISSION_DENIED");
    // A key is no admin.
    server.admin_get("/auth/me").await.expect_problem(403, "PERMISSION_DENIED");
    server.get("/api/v1/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
}

async fn a_token_lives_for_minutes_and_is_renewed(backend: Backend) {
    let server = TestServer::start(backend).await;
    let first = Session::of_role(&server, "viewer").await;
    server.clock.advance(299);
    first.get(&server, "/auth/me").await.expect(200);
    server.clock.advance(1);
    first.get(&server, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    let renewed = first.refresh(&server).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    let second = Session::of(&renewed);
    assert_eq!(second.id, first.id);
    assert!(second.cookie != first.cookie && second.token != first.token);
    second.get(&server, "/auth/me").await.expect(200);
}

async fn a_session_that_nobody_renews_ends_and_so_does_every_other(backend: Backend) {
    let settings = [("SESSIONS__IDLE_SECONDS", "1000"), ("SESSIONS__LIFETIME_SECONDS", "2500")];
    let server = TestServer::start_with(backend, &settings).await;
    let person = Person::with_role(&server, "viewer").await;
    let idle = person.sign_in(&server).await;
    let mut busy = person.sign_in(&server).await;
    for _ in 0..2 {
        server.clock.advance(999);
        busy = Session::of(&busy.refresh(&server).await);
    }
    idle.refresh(&server).await.expect_problem(401, "UNAUTHENTICATED");
    let left = server.admin_get("/sessions").await.expect(200);
    assert_eq!((&left["total"], &left["items"][0]["id"]), (&json!(1), &json!(busy.id)));
    server.clock.advance(501);
    busy = Session::of(&busy.refresh(&server).await);
    busy.get(&server, "/auth/me").await.expect(200);
    server.clock.advance(1);
    busy.get(&server, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    busy.refresh(&server).await.expect_problem(401, "UNAUTHENTICATED");
    // What is over is forgotten; what is younger is not.
    server.clock.advance(1);
    let young = person.sign_in(&server).await;
    server.run_jobs().await;
    young.get(&server, "/auth/me").await.expect(200);
    let kept = licentia_entity::session::Entity::find().all(&server.context.db).await.unwrap();
    assert_eq!(kept.iter().map(|session| session.id.to_string()).collect::<Vec<_>>(), [young.id]);
}

async fn signing_out_ends_a_session_at_once_everywhere(backend: Backend) {
    let server = TestServer::start(backend).await;
    let another = server.another().await;
    let person = Person::with_role(&server, "viewer").await;
    let (session, other) = (person.sign_in(&server).await, person.sign_in(&server).await);
    let out = session.log_out(&server).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{}", out.header("set-cookie"));
    session.get(&another, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    session.refresh(&another).await.expect_problem(401, "UNAUTHENTICATED");
    other.get(&server, "/auth/me").await.expect(200);
    // Again, and with a token that is over: by the cookie alone.
    assert_eq!(session.log_out(&server).await.status, 204);
    server.clock.advance(301);
    assert_eq!(other.log_out(&server).await.status, 204);
    other.refresh(&server).await.expect_problem(401, "UNAUTHENTICATED");
}

async fn sessions_are_listed_and_ended_by_whoever_may(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let session = person.sign_in(&server).await;
    let admin = Session::of_role(&server, "admin").await;
    session.get(&server, "/sessions").await.expect_problem(403, "PERMISSION_DENIED");
    let list = admin.get(&server, "/sessions").await.expect(200);
    assert_eq!(list["total"], 2);
    let current: Vec<_> =
        list["items"].as_array().unwrap().iter().filter(|one| one["current"] == json!(true)).collect();
    assert_eq!((current.len(), &current[0]["id"]), (1, &json!(admin.id)));
    let of_one = admin.get(&server, &format!("/sessions?adminId={}", person.id)).await.expect(200);
    assert_eq!((&of_one["total"], &of_one["items"][0]["ip"]), (&json!(1), &json!("127.0.0.1")));
    let path = format!("/sessions/{}", session.id);
    admin.send(&server, Method::DELETE, &path, Value::Null).await.expect(204);
    session.get(&server, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    admin.send(&server, Method::DELETE, &path, Value::Null).await.expect_problem(404, "NOT_FOUND");
}

async fn whether_an_address_is_known_shows_nowhere(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let ask = |email: &str, password: &str| {
        server.post("/auth/login", json!({"email": email, "password": password}))
    };
    let wrong = ask(&person.email, "wrong").await.expect_problem(401, "CREDENTIALS_INVALID");
    let unknown = ask("nobody@example.com", PASSWORD).await.expect_problem(401, "CREDENTIALS_INVALID");
    let endless = ask(&person.email, &"x".repeat(60_000)).await.expect_problem(401, "CREDENTIALS_INVALID");
    for other in [unknown, endless] {
        assert_eq!((&wrong["detail"], &wrong["title"]), (&other["detail"], &other["title"]));
    }
    assert!(ask(&person.email.to_uppercase(), PASSWORD).await.status == 200);
    // Nor in the time: while nobody can write, both are answered.
    let writer = server.context.db.write(licentia_domain::database::Lane::Ordinary).await.unwrap();
    for email in [person.email.as_str(), "nobody@example.com"] {
        ask(email, "wrong").await.expect_problem(401, "CREDENTIALS_INVALID");
    }
    drop(writer);
}

async fn signing_in_and_out_stands_in_the_audit_log(backend: Backend) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    for _ in 0..3 {
        let wrong = json!({"email": person.email, "password": "wrong"});
        server.post("/auth/login", wrong).await.expect_problem(401, "CREDENTIALS_INVALID");
    }
    let session = person.sign_in(&server).await;
    session.log_out(&server).await;
    licentia_domain::sessions::write_refusals(&server.context).await.unwrap();
    // Refusals once a minute, however many there were.
    for (action, times) in [("admin.login_refused", 1), ("session.begun", 1), ("session.ended", 1)] {
        let log = server.admin_get(&format!("/audit-events?action={action}")).await.expect(200);
        let items = log["items"].as_array().unwrap();
        assert_eq!(items.len(), times, "{action}");
        if action != "admin.login_refused" {
            assert_eq!(items[0]["actor"], json!({"kind": "admin", "id": person.id}));
        }
    }
}
