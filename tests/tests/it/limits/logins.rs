//! Tries to sign in are counted by account, from wherever they come, and by network, whatever account they name.

use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::assert_limited;
use crate::portal::{Account, Portal, last_letter};
use crate::sessions::{PASSWORD, Person};

on_both![
    brute_force_from_many_addresses_in_many_spellings_stays_within_the_limit,
    one_network_tries_many_accounts_within_the_limit,
    codes_are_counted_by_account_too,
    whoever_is_in_is_counted_by_himself,
    what_is_refused_before_it_names_anybody_is_counted_too,
    customers_are_guessed_at_within_the_same_limits,
    letters_are_asked_for_within_a_limit_and_keep_nobody_from_signing_in,
];

/// Whatever stands in X-Forwarded-For is believed.
const PROXIED: [(&str, &str); 3] = [
    ("LIMITS__ENABLED", "true"),
    ("LIMITS__DEFAULT_PER_MINUTE", "1000"),
    ("SERVER__TRUSTED_PROXIES", "127.0.0.1"),
];

async fn from(server: &TestServer, ip: &str, path: &str, body: &Value) -> Reply {
    let request = server.request(Method::POST, &format!("/api/v1{path}")).header("x-forwarded-for", ip);
    Reply::of(request.json(body)).await
}

/// Before anything is limited.
async fn person(backend: Backend) -> (TestServer, Person) {
    let server = TestServer::start(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    (server, person)
}

async fn brute_force_from_many_addresses_in_many_spellings_stays_within_the_limit(backend: Backend) {
    let (open, person) = person(backend).await;
    let server = open.another_with(&PROXIED).await;
    let mut tried = 0;
    let spellings = [
        person.email.clone(),
        person.email.to_uppercase(),
        person.email.replace("viewer", "Viewer"),
        format!(" {}", person.email),
        format!("{} ", person.email),
    ];
    for number in 0..60 {
        let email = &spellings[number % spellings.len()];
        let body = json!({"email": email, "password": format!("guess {number}")});
        let reply = from(&server, &format!("203.0.113.{number}"), "/auth/login", &body).await;
        match reply.status {
            401 => tried += 1,
            // No address, no try.
            422 => assert!(email.trim() != email),
            _ => assert_limited(reply),
        }
    }
    assert_eq!(tried, 5);
    // His own try waits like any other; somebody else's does not.
    let own = json!({"email": person.email, "password": PASSWORD});
    assert_limited(from(&server, "198.51.100.1", "/auth/login", &own).await);
    let other = json!({"email": "other@example.com", "password": "guess"});
    from(&server, "198.51.100.1", "/auth/login", &other).await.expect_problem(401, "CREDENTIALS_INVALID");
}

async fn one_network_tries_many_accounts_within_the_limit(backend: Backend) {
    let (open, _) = person(backend).await;
    let server = open.another_with(&PROXIED).await;
    for number in 0..8 {
        let body = json!({"email": format!("somebody-{number}@example.com"), "password": "guess"});
        // One /64.
        let reply = from(&server, &format!("2001:db8:0:1::{number:x}"), "/auth/login", &body).await;
        if number < 5 {
            reply.expect_problem(401, "CREDENTIALS_INVALID");
        } else {
            assert_limited(reply);
        }
    }
    let tokens = json!({"token": "lpt_guess", "password": PASSWORD});
    assert_limited(from(&server, "2001:db8:0:1::ffff", "/auth/password/reset", &tokens).await);
    from(&server, "2001:db8:0:2::1", "/auth/password/reset", &tokens)
        .await
        .expect_problem(401, "CREDENTIALS_INVALID");
}

async fn codes_are_counted_by_account_too(backend: Backend) {
    let (open, person) = person(backend).await;
    let session = person.sign_in(&open).await;
    crate::totp::App::enroll(&open, &session).await;
    let challenge = person.login(&open).await.expect(200)["challenge"].clone();
    let server = open.another_with(&PROXIED).await;
    for number in 0..8 {
        let body = json!({"challenge": challenge, "recoveryCode": "ZZZZ-ZZZZ-ZZZZ-ZZZZ"});
        let reply = from(&server, &format!("203.0.113.{number}"), "/auth/totp", &body).await;
        if number < 5 {
            reply.expect_problem(401, "CREDENTIALS_INVALID");
        } else {
            assert_limited(reply);
        }
    }
    // A password has a bucket of its own.
    let body = json!({"email": person.email, "password": PASSWORD});
    from(&server, "198.51.100.1", "/auth/login", &body).await.expect(200);
}

async fn whoever_is_in_is_counted_by_himself(backend: Backend) {
    let (open, person) = person(backend).await;
    let settings = [("LIMITS__ENABLED", "true"), ("LIMITS__DEFAULT_PER_MINUTE", "3")];
    let server = open.another_with(&settings).await;
    let (one, other) = (person.sign_in(&open).await, person.sign_in(&open).await);
    for session in [&one, &other, &one] {
        session.get(&server, "/auth/me").await.expect(200);
    }
    // Both sessions are his.
    assert_limited(other.get(&server, "/auth/me").await);
    server.admin_get("/customers").await.expect(200);
}

async fn what_is_refused_before_it_names_anybody_is_counted_too(backend: Backend) {
    let settings = [("LIMITS__ENABLED", "true"), ("LIMITS__DEFAULT_PER_MINUTE", "3")];
    let server = TestServer::start_with(backend, &settings).await;
    let login = || server.request(Method::POST, "/api/v1/auth/login");
    let body = json!({"email": "ada@example.com", "password": "guess"});
    Reply::of(login().bearer_auth("lsk_guess").json(&body)).await.expect_problem(401, "UNAUTHENTICATED");
    Reply::of(login().header("origin", "https://evil.example")).await.expect_problem(403, "ORIGIN_REFUSED");
    Reply::of(login().json(&json!({}))).await.expect_problem(422, "VALIDATION_FAILED");
    assert_limited(Reply::of(login().bearer_auth("lsk_guess").json(&body)).await);
}

async fn customers_are_guessed_at_within_the_same_limits(backend: Backend) {
    let portal = Portal::open(backend).await;
    let bob = Account::register(&portal.server, "bob@example.com").await;
    portal.server.post("/auth/code", json!({"email": bob.email})).await;
    let code = last_letter(&portal.server, &bob.email, "sign_in_code", "code").await;
    let server = portal.server.another_with(&PROXIED).await;
    // Passwords and codes have buckets of their own.
    for (member, guess) in [("password", "guess"), ("code", "999999")] {
        let mut tried = 0;
        for number in 0..20 {
            let email = if number % 2 == 0 { bob.email.to_uppercase() } else { bob.email.clone() };
            let body = json!({"email": email, member: guess, "as": "customer"});
            let reply = from(&server, &format!("203.0.113.{number}"), "/auth/login", &body).await;
            if reply.status == 401 {
                tried += 1;
            } else {
                assert_limited(reply);
            }
        }
        assert_eq!(tried, 5, "{member}");
    }
    for (member, own) in [("password", PASSWORD), ("code", code.as_str())] {
        let own = json!({"email": bob.email, member: own});
        assert_limited(from(&server, "198.51.100.1", "/auth/login", &own).await);
    }
    let made_up = json!({"token": "lrt_guess", "password": PASSWORD});
    for number in 0..8 {
        let reply = from(&server, &format!("2001:db8:0:9::{number:x}"), "/register/confirm", &made_up).await;
        if number < 5 {
            reply.expect_problem(401, "CREDENTIALS_INVALID");
        } else {
            assert_limited(reply);
        }
    }
}

async fn letters_are_asked_for_within_a_limit_and_keep_nobody_from_signing_in(backend: Backend) {
    let portal = Portal::open(backend).await;
    let bob = Account::register(&portal.server, "bob@example.com").await;
    let settings = crate::mail::settings(&crate::mail::nobody_there(), &PROXIED);
    let server = portal.server.another_with(&crate::mail::borrowed(&settings)).await;
    for number in 0..9 {
        let path = ["/register", "/auth/code", "/auth/password/forgot"][number % 3];
        let body = json!({"email": bob.email});
        let reply = from(&server, &format!("203.0.113.{number}"), path, &body).await;
        if number < 5 {
            assert!(matches!(reply.status, 202 | 204), "{}", reply.text);
        } else {
            assert_limited(reply);
        }
    }
    let own = json!({"email": bob.email, "password": PASSWORD});
    from(&server, "203.0.113.1", "/auth/login", &own).await.expect(200);
}
