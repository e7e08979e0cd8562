//! The cookie that renews a session: it changes each time, and a copy of it ends the session.

use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;
use serde_json::json;

use super::{PASSWORD, Person, Session};

on_both![
    the_cookie_is_kept_by_browsers_of_this_host_alone,
    a_cookie_that_was_used_before_ends_the_session_for_everybody,
    two_tabs_that_renew_at_once_are_both_answered,
    a_tampered_cookie_is_none_and_ends_nothing,
    pages_of_others_renew_nothing_and_sign_nobody_in,
];

async fn the_cookie_is_kept_by_browsers_of_this_host_alone(backend: Backend) {
    let server = TestServer::start(backend).await;
    let reply = Person::with_role(&server, "viewer").await.login(&server).await;
    let cookie = reply.header("set-cookie");
    assert!(cookie.starts_with("__Host-licentia_session="), "{cookie}");
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=43200"] {
        assert!(cookie.split("; ").any(|one| one == attribute), "{attribute}: {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    // It is no token, and the token is no cookie.
    let session = Session::of(&reply);
    let value = session.cookie.split_once('=').unwrap().1;
    let bearer = server.request(Method::GET, "/api/v1/auth/me").bearer_auth(value);
    Reply::of(bearer).await.expect_problem(401, "UNAUTHENTICATED");
    let swapped = Session { cookie: format!("__Host-licentia_session={}", session.token), ..session };
    swapped.refresh(&server).await.expect_problem(401, "UNAUTHENTICATED");
}

async fn a_cookie_that_was_used_before_ends_the_session_for_everybody(backend: Backend) {
    let server = TestServer::start(backend).await;
    let stolen = Session::of_role(&server, "viewer").await;
    let owner = Session::of(&stolen.refresh(&server).await);
    server.clock.advance(10);
    stolen.refresh(&server).await.expect_problem(401, "UNAUTHENTICATED");
    owner.get(&server, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    owner.refresh(&server).await.expect_problem(401, "UNAUTHENTICATED");
    let log = server.admin_get("/audit-events?action=session.ended").await.expect(200);
    assert_eq!(log["items"][0]["detail"]["reason"], "cookie_reused");
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
}

async fn two_tabs_that_renew_at_once_are_both_answered(backend: Backend) {
    let server = TestServer::start(backend).await;
    let another = server.another().await;
    let session = Session::of_role(&server, "viewer").await;
    let (one, other) = tokio::join!(session.refresh(&server), session.refresh(&another));
    let (one, other) = (Session::of(&one), Session::of(&other));
    assert_eq!(one.cookie, other.cookie);
    server.clock.advance(9);
    let late = Session::of(&session.refresh(&server).await);
    assert_eq!(late.cookie, one.cookie);
    for tab in [&one, &other, &late] {
        tab.get(&server, "/auth/me").await.expect(200);
    }
    assert_ne!(Session::of(&one.refresh(&server).await).cookie, one.cookie);
}

async fn a_tampered_cookie_is_none_and_ends_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let session = Session::of_role(&server, "viewer").await;
    let (name, value) = session.cookie.split_once('=').unwrap();
    for at in 0..value.len() {
        let mut bytes = value.as_bytes().to_vec();
        // Another symbol with other significant bits.
        bytes[at] = if bytes[at] == b'A' { b'Q' } else { b'A' };
        let tampered = String::from_utf8(bytes).unwrap();
        if tampered != value {
            let copy = Session { cookie: format!("{name}={tampered}"), ..session.clone() };
            copy.refresh(&server).await.expect_problem(401, "UNAUTHENTICATED");
        }
    }
    for value in ["", "AAAA", &"A".repeat(4000)] {
        let copy = Session { cookie: format!("{name}={value}"), ..session.clone() };
        copy.refresh(&server).await.expect_problem(401, "UNAUTHENTICATED");
    }
    assert_eq!(session.refresh(&server).await.status, 200);
}

async fn pages_of_others_renew_nothing_and_sign_nobody_in(backend: Backend) {
    let settings = [("ADMIN__ORIGINS", "https://admin.example.com")];
    let server = TestServer::start_with(backend, &settings).await;
    let person = Person::with_role(&server, "viewer").await;
    let mut session = person.sign_in(&server).await;
    let login = json!({"email": person.email, "password": PASSWORD});
    for (header, value, good) in [
        ("origin", server.issuer.as_str(), true),
        ("origin", "https://admin.example.com", true),
        ("origin", "https://evil.example", false),
        ("origin", "https://admin.example.com.evil.example", false),
        ("origin", "null", false),
        ("sec-fetch-site", "same-origin", true),
        ("sec-fetch-site", "cross-site", false),
        ("sec-fetch-site", "same-site", false),
    ] {
        let post = |path: &str| server.request(Method::POST, &format!("/api/v1{path}")).header(header, value);
        let entered = Reply::of(post("/auth/login").json(&login)).await;
        let renewed = Reply::of(post("/auth/refresh").header("cookie", &session.cookie)).await;
        if good {
            assert_eq!((entered.status, renewed.status), (200, 200), "{value}: {}", renewed.text);
            session = Session::of(&renewed);
        } else {
            entered.expect_problem(403, "ORIGIN_REFUSED");
            renewed.expect_problem(403, "ORIGIN_REFUSED");
            let out = Reply::of(post("/auth/logout").header("cookie", &session.cookie)).await;
            out.expect_problem(403, "ORIGIN_REFUSED");
        }
    }
    session.get(&server, "/auth/me").await.expect(200);
}
