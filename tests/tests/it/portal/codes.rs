//! Six digits to sign in with: good once, for minutes, for a few tries.

use licentia_entity::sign_in_code;
use licentia_tests::{Backend, Reply, TestServer, on_both};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;

use super::{Account, Portal, last_letter, letters};
use crate::sessions::Session;

on_both![
    a_code_signs_in_once,
    a_code_is_good_for_ten_minutes_and_five_tries,
    of_the_same_code_shown_at_once_one_signs_in,
    twenty_wrong_codes_end_codes_until_a_password_is_set,
    a_right_code_gives_whoever_guesses_no_more_tries,
    whoever_asks_for_codes_keeps_them_locked_for_no_longer,
    a_code_of_an_address_that_nobody_has_is_as_wrong_as_any,
    codes_are_customers_alone,
];

async fn ask(server: &TestServer, email: &str) {
    let reply = server.post("/auth/code", json!({"email": email})).await;
    assert_eq!((reply.status, reply.text.as_str()), (202, ""));
}

async fn code(server: &TestServer, email: &str) -> String {
    ask(server, email).await;
    last_letter(server, email, "sign_in_code", "code").await
}

async fn show(server: &TestServer, email: &str, code: &str) -> Reply {
    server.post("/auth/login", json!({"email": email, "code": code})).await
}

/// Another one than this.
fn wrong(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

async fn a_code_signs_in_once(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    let code = code(server, &bob.email).await;
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    let reply = show(server, "BOB@example.com", &code).await;
    assert_eq!(reply.body["status"], "signed_in");
    let me = Session::of(&reply).get(server, "/user").await.expect(200);
    assert_eq!(me["customerId"], bob.customer);
    show(server, &bob.email, &code).await.expect_problem(401, "CREDENTIALS_INVALID");
}

async fn a_code_is_good_for_ten_minutes_and_five_tries(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    let first = code(server, &bob.email).await;
    server.clock.advance(600);
    show(server, &bob.email, &first).await.expect_problem(401, "CREDENTIALS_INVALID");
    let second = code(server, &bob.email).await;
    for _ in 0..5 {
        show(server, &bob.email, &wrong(&second)).await.expect_problem(401, "CREDENTIALS_INVALID");
    }
    show(server, &bob.email, &second).await.expect_problem(401, "CREDENTIALS_INVALID");
    server.clock.advance(60);
    let third = code(server, &bob.email).await;
    for _ in 0..4 {
        show(server, &bob.email, &wrong(&third)).await.expect_problem(401, "CREDENTIALS_INVALID");
    }
    server.clock.advance(599);
    show(server, &bob.email, &third).await.expect(200);
    licentia_domain::sessions::write_refusals(&server.context).await.unwrap();
    let log = server.admin_get("/audit-events?action=customer.login_refused").await.expect(200);
    assert_eq!(log["items"][0]["detail"], json!({"reason": "code"}));
    assert_eq!(log["items"][0]["subject"], bob.customer);
}

async fn of_the_same_code_shown_at_once_one_signs_in(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    let code = code(server, &bob.email).await;
    let shown = (0..8).map(|_| show(server, &bob.email, &code));
    let replies = futures_util::future::join_all(shown).await;
    let let_in = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(let_in, 1);
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 401)));
}

async fn twenty_wrong_codes_end_codes_until_a_password_is_set(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    guess_until_the_end(server, &bob.email).await;
    let sent = letters(server).await.len();
    server.clock.advance(60);
    ask(server, &bob.email).await;
    assert_eq!(letters(server).await.len(), sent);
    // His password goes on, and one that he sets by a letter lets codes be looked at again.
    bob.sign_in(server).await;
    super::register(server, &bob.email).await;
    let token = last_letter(server, &bob.email, "password_reset", "token").await;
    let another = json!({"token": token, "password": "vexing otter hums low"});
    server.post("/auth/password/reset", another).await.expect(204);
    let code = code(server, &bob.email).await;
    show(server, &bob.email, &code).await.expect(200);
}

/// Somebody guesses at four letters' codes, five times each.
async fn guess_until_the_end(server: &TestServer, email: &str) {
    for _ in 0..4 {
        server.clock.advance(60);
        let code = code(server, email).await;
        for _ in 0..5 {
            show(server, email, &wrong(&code)).await.expect_problem(401, "CREDENTIALS_INVALID");
        }
    }
}

async fn a_right_code_gives_whoever_guesses_no_more_tries(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    for round in 1..=5 {
        server.clock.advance(60);
        let code = code(server, &bob.email).await;
        for _ in 0..4 {
            show(server, &bob.email, &wrong(&code)).await.expect_problem(401, "CREDENTIALS_INVALID");
        }
        // At last there were twenty.
        let shown = show(server, &bob.email, &code).await;
        assert_eq!(shown.status, if round < 5 { 200 } else { 401 }, "{round}: {}", shown.text);
    }
    server.clock.advance(60);
    let sent = letters(server).await.len();
    ask(server, &bob.email).await;
    assert_eq!(letters(server).await.len(), sent);
}

async fn whoever_asks_for_codes_keeps_them_locked_for_no_longer(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    guess_until_the_end(server, &bob.email).await;
    let sent = letters(server).await.len();
    for _ in 0..3 {
        server.clock.advance(10 * 86_400);
        ask(server, &bob.email).await;
        assert_eq!(letters(server).await.len(), sent);
    }
    // A month after the last code.
    server.clock.advance(1);
    licentia_domain::jobs::run(&server.context, licentia_domain::jobs::Job::Purge).await.unwrap();
    let code = code(server, &bob.email).await;
    show(server, &bob.email, &code).await.expect(200);
}

async fn a_code_of_an_address_that_nobody_has_is_as_wrong_as_any(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    let code = code(server, &bob.email).await;
    ask(server, "nobody@example.com").await;
    let written = letters(server).await.len();
    let mut told = Vec::new();
    for email in [bob.email.as_str(), "nobody@example.com"] {
        let mut asked = Vec::new();
        // What the server does by itself meanwhile counts as well: the fewest are those of the call.
        for _ in 0..4 {
            let before = server.context.db.statements();
            let problem = show(server, email, &wrong(&code)).await.expect_problem(401, "CREDENTIALS_INVALID");
            asked.push((server.context.db.statements() - before, problem["detail"].to_string()));
        }
        told.push(asked.into_iter().min().unwrap());
    }
    assert_eq!(told[0], told[1]);
    // Asked for or not, there is nothing to be seen.
    show(server, "stranger@example.com", "123456").await.expect_problem(401, "CREDENTIALS_INVALID");
    assert_eq!(letters(server).await.len(), written);
    // After a month nobody remembers.
    server.clock.advance(31 * 86_400);
    licentia_domain::jobs::run(&server.context, licentia_domain::jobs::Job::Purge).await.unwrap();
    assert_eq!(sign_in_code::Entity::find().count(&server.context.db).await.unwrap(), 0);
}

async fn codes_are_customers_alone(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let admin = portal.admin("viewer").await;
    ask(server, &admin.email).await;
    assert!(letters(server).await.is_empty());
    let asked = json!({"email": admin.email, "code": "123456", "as": "admin"});
    server.post("/auth/login", asked).await.expect_problem(422, "VALIDATION_FAILED");
    for body in
        [json!({"email": admin.email}), json!({"email": admin.email, "code": "123456", "password": "both"})]
    {
        server.post("/auth/login", body).await.expect_problem(422, "VALIDATION_FAILED");
    }
}
