//! Passwords and sessions of customers: as those of admins, and apart from them.

use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Account, Portal, last_letter, letters, register};
use crate::sessions::{PASSWORD, Session};

const ANOTHER: &str = "vexing otter hums low";

on_both![
    a_session_goes_on_and_ends_as_an_admins,
    of_one_address_the_admin_comes_first,
    whether_an_address_is_known_shows_nowhere,
    another_password_ends_what_was_begun,
    who_knows_his_password_sets_another_one,
    only_a_customers_token_opens_what_is_a_customers,
    who_forgot_his_password_is_written_to_as_whom_he_says,
    at_the_public_address_customers_come_in_and_nobody_else,
];

async fn a_session_goes_on_and_ends_as_an_admins(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    let first = bob.sign_in(server).await;
    server.clock.advance(300);
    first.get(server, "/user").await.expect_problem(401, "UNAUTHENTICATED");
    let second = first.renewed(server).await;
    assert_eq!(second.id, first.id);
    // A copy of the cookie ends it for both.
    server.clock.advance(10);
    first.refresh(server).await.expect_problem(401, "UNAUTHENTICATED");
    second.get(server, "/user").await.expect_problem(401, "UNAUTHENTICATED");
    second.refresh(server).await.expect_problem(401, "UNAUTHENTICATED");
    let third = bob.sign_in(server).await;
    assert_eq!(third.log_out(server).await.status, 204);
    third.get(server, "/user").await.expect_problem(401, "UNAUTHENTICATED");
    // Whoever administers sees admins' sessions, and ends no customer's among them.
    let fourth = bob.sign_in(server).await;
    assert_eq!(server.admin_get("/sessions").await.expect(200)["items"], json!([]));
    server.admin_delete(&format!("/sessions/{}", fourth.id)).await.expect_problem(404, "NOT_FOUND");
    fourth.get(server, "/user").await.expect(200);
    let log = server.admin_get("/audit-events?action=session.begun").await.expect(200);
    assert_eq!(log["items"][0]["actor"], json!({"kind": "customer", "id": bob.customer}));
}

async fn of_one_address_the_admin_comes_first(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let admin = portal.admin("viewer").await;
    let token = super::registration_token(server, &admin.email).await;
    let body = json!({"token": token, "password": ANOTHER});
    server.post("/register/confirm", body).await.expect(200);
    let login = |password: &str, who: Value| {
        let mut body = json!({"email": admin.email, "password": password});
        if !who.is_null() {
            body["as"] = who;
        }
        server.post("/auth/login", body)
    };
    let as_admin = Session::of(&login(PASSWORD, Value::Null).await);
    as_admin.get(server, "/auth/me").await.expect(200);
    as_admin.get(server, "/user").await.expect_problem(403, "PERMISSION_DENIED");
    Session::of(&login(PASSWORD, json!("admin")).await).get(server, "/auth/me").await.expect(200);
    let as_customer = Session::of(&login(ANOTHER, json!("customer")).await);
    as_customer.get(server, "/user").await.expect(200);
    as_customer.get(server, "/auth/me").await.expect_problem(403, "PERMISSION_DENIED");
    // One's password is nothing to the other.
    for (password, who) in [(ANOTHER, Value::Null), (ANOTHER, json!("admin")), (PASSWORD, json!("customer"))]
    {
        login(password, who).await.expect_problem(401, "CREDENTIALS_INVALID");
    }
    login(PASSWORD, json!("somebody")).await.expect_problem(422, "VALIDATION_FAILED");
}

async fn whether_an_address_is_known_shows_nowhere(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    let mut told = Vec::new();
    // While nobody can write, all are answered: what is written down waits.
    let writer = server.context.db.write(licentia_domain::database::Lane::Ordinary).await.unwrap();
    for email in [bob.email.as_str(), "nobody@example.com"] {
        let mut asked = Vec::new();
        // What the server does by itself meanwhile counts as well: the fewest are those of the call.
        for _ in 0..6 {
            let before = server.context.db.statements();
            let body = json!({"email": email, "password": "wrong"});
            let problem = server.post("/auth/login", body).await.expect_problem(401, "CREDENTIALS_INVALID");
            asked.push((server.context.db.statements() - before, problem["detail"].to_string()));
        }
        told.push(asked.into_iter().min().unwrap());
    }
    drop(writer);
    assert_eq!(told[0], told[1]);
}

async fn another_password_ends_what_was_begun(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    let session = bob.sign_in(server).await;
    forgot(server, json!({"email": "BOB@example.com"})).await;
    let token = last_letter(server, &bob.email, "password_reset", "token").await;
    let set = |token: &str, password: &str| {
        server.post("/auth/password/reset", json!({"token": token, "password": password}))
    };
    set(&token, "password1234").await.expect_problem(422, "PASSWORD_WEAK");
    set(&token, ANOTHER).await.expect(204);
    session.get(server, "/user").await.expect_problem(401, "UNAUTHENTICATED");
    session.refresh(server).await.expect_problem(401, "UNAUTHENTICATED");
    bob.login(server).await.expect_problem(401, "CREDENTIALS_INVALID");
    let login = json!({"email": bob.email, "password": ANOTHER});
    assert_eq!(server.post("/auth/login", login).await.body["status"], "signed_in");
    set(&token, PASSWORD).await.expect_problem(401, "CREDENTIALS_INVALID");
    // Good for an hour.
    server.clock.advance(60);
    // Whoever registers again is sent the same.
    register(server, &bob.email).await;
    let token = last_letter(server, &bob.email, "password_reset", "token").await;
    server.clock.advance(3_600);
    set(&token, PASSWORD).await.expect_problem(401, "CREDENTIALS_INVALID");
    // It sets no admin's password, and makes no first admin.
    let made = json!({"token": token, "email": "eve@example.com", "name": "Eve", "password": PASSWORD});
    let reply = server.post("/setup", made).await;
    assert!(matches!(reply.status, 401 | 409), "{}", reply.text);
}

async fn who_knows_his_password_sets_another_one(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    let (mine, other) = (bob.sign_in(server).await, bob.sign_in(server).await);
    forgot(server, json!({"email": bob.email})).await;
    let token = last_letter(server, &bob.email, "password_reset", "token").await;
    let set = |current: &str, password: &str| {
        let body = json!({"currentPassword": current, "password": password});
        let session = mine.clone();
        async move { session.send(server, Method::POST, "/user/password", body).await }
    };
    set("wrong", ANOTHER).await.expect_problem(401, "CREDENTIALS_INVALID");
    set(PASSWORD, "password1234").await.expect_problem(422, "PASSWORD_WEAK");
    set(PASSWORD, &bob.email).await.expect_problem(422, "PASSWORD_WEAK");
    other.get(server, "/user").await.expect(200);
    set(PASSWORD, ANOTHER).await.expect(204);
    // He stays; whoever else is signed in as him is out, and what was sent before is over.
    mine.get(server, "/user").await.expect(200);
    mine.renewed(server).await;
    other.get(server, "/user").await.expect_problem(401, "UNAUTHENTICATED");
    let late = json!({"token": token, "password": PASSWORD});
    server.post("/auth/password/reset", late).await.expect_problem(401, "CREDENTIALS_INVALID");
    bob.login(server).await.expect_problem(401, "CREDENTIALS_INVALID");
    let login = json!({"email": bob.email, "password": ANOTHER});
    assert_eq!(server.post("/auth/login", login).await.body["status"], "signed_in");
    // Who has none gets one by a letter, and not so.
    let token = super::registration_token(server, "ann@example.com").await;
    let ann = Session::of(&server.post("/register/confirm", json!({"token": token})).await);
    let body = json!({"currentPassword": "", "password": ANOTHER});
    let refused = ann.send(server, Method::POST, "/user/password", body.clone()).await;
    refused.expect_problem(401, "CREDENTIALS_INVALID");
    server.admin_post("/user/password", body).await.expect_problem(403, "PERMISSION_DENIED");
}

async fn only_a_customers_token_opens_what_is_a_customers(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    let session = bob.sign_in(server).await;
    server.admin_get("/user").await.expect_problem(403, "PERMISSION_DENIED");
    server.get("/api/v1/user").await.expect_problem(401, "UNAUTHENTICATED");
    // One who says in his token that he is an admin is none: the audience is signed.
    let mut parts: Vec<&str> = session.token.split('.').collect();
    let claims = licentia_tests::claims(&session.token);
    assert_eq!(claims["aud"], "urn:licentia:session:customer");
    assert_eq!(claims["sub"], bob.customer);
    parts.truncate(2);
    let cut = format!("{}.AAAA", parts.join("."));
    let request = server.request(Method::GET, "/api/v1/user").bearer_auth(cut);
    Reply::of(request).await.expect_problem(401, "UNAUTHENTICATED");
}

async fn at_the_public_address_customers_come_in_and_nobody_else(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (bob, admin) =
        (Account::register(&portal.server, "bob@example.com").await, portal.admin("viewer").await);
    let admins = admin.sign_in(&portal.server).await;
    let public = portal.server.another_with(&[("SERVER__ADMIN_BIND", "127.0.0.1:0")]).await;
    let session = bob.sign_in(&public).await;
    session.get(&public, "/user").await.expect(200);
    session.get(&public, "/user/licenses").await.expect(200);
    let renewed = session.renewed(&public).await;
    // An admin is unknown here: by his password, his cookie, his token.
    admin.login(&public).await.expect_problem(401, "CREDENTIALS_INVALID");
    let as_admin = json!({"email": admin.email, "password": PASSWORD, "as": "admin"});
    public.post("/auth/login", as_admin).await.expect_problem(401, "CREDENTIALS_INVALID");
    admins.refresh(&public).await.expect_problem(401, "UNAUTHENTICATED");
    let refused = admins.get(&public, "/user").await.expect_problem(401, "UNAUTHENTICATED");
    let made_up = Session { token: "a.b.c".to_owned(), ..admins.clone() };
    let nonsense = made_up.get(&public, "/user").await.expect_problem(401, "UNAUTHENTICATED");
    assert_eq!(refused["detail"], nonsense["detail"]);
    // Nor does a token set his password here.
    let path = format!("/admins/{}/reset-password", admin.id);
    let elsewhere = portal.server.another().await;
    let token = elsewhere.admin_post(&path, json!({})).await.expect(200)["passwordToken"].clone();
    let set = json!({"token": token, "password": ANOTHER});
    public.post("/auth/password/reset", set.clone()).await.expect_problem(401, "CREDENTIALS_INVALID");
    elsewhere.post("/auth/password/reset", set).await.expect(204);
    assert_eq!(renewed.log_out(&public).await.status, 204);
    renewed.get(&public, "/user").await.expect_problem(401, "UNAUTHENTICATED");
}

async fn forgot(server: &TestServer, body: Value) {
    let reply = server.post("/auth/password/forgot", body).await;
    assert_eq!((reply.status, reply.text.as_str()), (204, ""));
}

async fn who_forgot_his_password_is_written_to_as_whom_he_says(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let admin = portal.admin("viewer").await;
    let both = Account::register(server, &admin.email).await;
    let bob = Account::register(server, "bob@example.com").await;
    let settings = crate::mail::settings(&crate::mail::nobody_there(), &[]);
    let settings = [crate::mail::borrowed(&settings), vec![("SERVER__ADMIN_BIND", "127.0.0.1:0")]].concat();
    let public = server.another_with(&settings).await;
    let mut written = letters(server).await.len();
    for (at, body, template) in [
        (server, json!({"email": both.email}), Some("admin_password_forgotten")),
        (server, json!({"email": both.email, "as": "customer"}), Some("password_reset")),
        (server, json!({"email": both.email, "as": "admin"}), Some("admin_password_forgotten")),
        (server, json!({"email": bob.email}), Some("password_reset")),
        (server, json!({"email": bob.email, "as": "admin"}), None),
        (server, json!({"email": "nobody@example.com"}), None),
        // Where customers come in an admin is nobody.
        (&public, json!({"email": both.email}), Some("password_reset")),
        (&public, json!({"email": both.email, "as": "admin"}), Some("password_reset")),
    ] {
        server.clock.advance(60);
        forgot(at, body.clone()).await;
        let now = letters(server).await;
        let new: Vec<_> = now.iter().skip(written).map(|letter| letter.template.as_str()).collect();
        assert_eq!(new, template.into_iter().collect::<Vec<_>>(), "{body}");
        written = now.len();
    }
}
