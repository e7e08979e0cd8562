//! Registering: nobody learns whose address is known, and nobody is anybody before the address was shown to be his.

use std::collections::BTreeSet;

use licentia_entity::{customer, customer_account};
use licentia_tests::{Backend, on_both};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use super::{Account, Portal, confirm, last_letter, letters, register, registration_token};
use crate::sessions::{PASSWORD, Session};

on_both![
    whoever_registers_is_a_customer_once_he_showed_his_address,
    the_customer_who_is_known_by_the_address_is_linked_then_and_not_before,
    the_answer_is_the_same_whoever_is_known,
    a_token_is_good_once_for_an_hour,
    of_two_tokens_shown_at_once_one_makes_the_account,
    passwords_are_judged_as_admins_are_and_are_not_needed,
    no_second_letter_follows_within_a_minute,
    whom_a_vendor_invites_may_register_and_nobody_else,
    where_nobody_registers_nobody_is_asked,
    without_letters_nobody_registers,
    look_alikes_are_others,
    whoever_has_capitals_beyond_ascii_is_known,
];

async fn count(portal: &Portal) -> (u64, u64) {
    let db = &portal.server.context.db;
    let customers = customer::Entity::find().count(db).await.unwrap();
    (customers, customer_account::Entity::find().count(db).await.unwrap())
}

async fn whoever_registers_is_a_customer_once_he_showed_his_address(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let token = registration_token(server, "Bob@example.com").await;
    assert_eq!(count(&portal).await, (0, 0));
    let reply = confirm(server, &token).await;
    let session = Session::of(&reply);
    assert_eq!(count(&portal).await, (1, 1));
    let me = session.get(server, "/user").await.expect(200);
    assert_eq!((&me["email"], &me["name"]), (&json!("Bob@example.com"), &json!("Somebody")));
    assert_eq!((&me["hasPassword"], &me["sessionId"]), (&json!(true), &json!(session.id)));
    // Capitals make no difference.
    let login = json!({"email": "bOB@EXAMPLE.com", "password": PASSWORD});
    assert_eq!(server.post("/auth/login", login).await.body["status"], "signed_in");
    let log = server.admin_get("/audit-events?action=customer.registered").await.expect(200);
    assert_eq!(log["items"][0]["detail"], json!({"known": false}));
}

async fn the_customer_who_is_known_by_the_address_is_linked_then_and_not_before(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let known = json!({"name": "Robert", "email": "Bob@Example.com", "notes": "pays late"});
    let known = server.admin_post("/customers", known).await.expect(201);
    server.clock.advance(1);
    let twin = json!({"name": "Twin", "email": "bob@example.com"});
    server.admin_post("/customers", twin).await.expect(201);
    let owned = json!({"customerId": known["id"]});
    let license = portal.shop.issue(server, owned).await;
    let token = registration_token(server, "bob@example.com").await;
    let login = json!({"email": "bob@example.com", "password": PASSWORD});
    server.post("/auth/login", login).await.expect_problem(401, "CREDENTIALS_INVALID");
    let session = Session::of(&confirm(server, &token).await);
    let me = session.get(server, "/user").await.expect(200);
    // He who was made first, by his own name.
    assert_eq!((&me["customerId"], &me["name"]), (&known["id"], &json!("Robert")));
    let own = session.get(server, "/user/licenses").await.expect(200);
    assert_eq!(own["items"][0]["id"], license["id"]);
    assert_eq!(count(&portal).await, (2, 1));
    // What a vendor writes down later makes nobody another one.
    let path = format!("/customers/{}", known["id"].as_str().unwrap());
    server.admin_put(&path, json!({"email": "eve@example.com"})).await.expect(200);
    let eve = Account::register(server, "eve@example.com").await;
    assert_ne!(eve.customer, known["id"]);
}

async fn the_answer_is_the_same_whoever_is_known(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let known = Account::register(server, "bob@example.com").await;
    let admin = portal.admin("viewer").await;
    server.clock.advance(60);
    let mut costs = Vec::new();
    for email in [known.email.as_str(), "nobody@example.com", &admin.email] {
        for path in ["/register", "/auth/code"] {
            let before = server.context.db.statements();
            let reply = server.post(path, json!({"email": email})).await;
            costs.push(server.context.db.statements() - before);
            assert_eq!((reply.status, reply.text.as_str()), (202, ""), "{path} {email}");
        }
    }
    costs.dedup();
    assert_eq!(costs.len(), 1, "{costs:?}");
    let written: Vec<_> = letters(server).await.into_iter().skip(1).collect();
    let of = |to: &str| {
        let own = written.iter().filter(|letter| letter.to == to);
        own.map(|letter| letter.template.as_str()).collect::<BTreeSet<_>>()
    };
    // Whoever forgot that he has an account is helped; somebody without one is sent no code.
    assert_eq!(of(&known.email), ["password_reset", "sign_in_code"].into());
    assert_eq!(of("nobody@example.com"), ["mail_confirmation"].into());
    assert_eq!(of(&admin.email), ["mail_confirmation"].into());
}

async fn a_token_is_good_once_for_an_hour(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let token = registration_token(server, "bob@example.com").await;
    for wrong in ["lrt_nothing", "", &token.to_lowercase()] {
        confirm(server, wrong).await.expect_problem(401, "CREDENTIALS_INVALID");
    }
    server.clock.advance(3_600);
    confirm(server, &token).await.expect_problem(401, "CREDENTIALS_INVALID");
    let token = registration_token(server, "bob@example.com").await;
    server.clock.advance(3_599);
    confirm(server, &token).await.expect(200);
    confirm(server, &token).await.expect_problem(401, "CREDENTIALS_INVALID");
}

async fn of_two_tokens_shown_at_once_one_makes_the_account(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let first = registration_token(server, "bob@example.com").await;
    server.clock.advance(60);
    let second = registration_token(server, "BOB@example.com").await;
    let (one, other) = tokio::join!(confirm(server, &first), confirm(server, &second));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "{} {}", one.text, other.text);
    assert_eq!(count(&portal).await, (1, 1));
}

async fn passwords_are_judged_as_admins_are_and_are_not_needed(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let token = registration_token(server, "bob@example.com").await;
    for weak in ["short", "password1234", "bob@example.com", "Somebody2026"] {
        let body = json!({"token": token, "password": weak});
        server.post("/register/confirm", body).await.expect_problem(422, "PASSWORD_WEAK");
    }
    // The token was not used up.
    let reply = server.post("/register/confirm", json!({"token": token})).await;
    let me = Session::of(&reply).get(server, "/user").await.expect(200);
    assert_eq!(me["hasPassword"], false);
    for password in ["", PASSWORD] {
        let login = json!({"email": "bob@example.com", "password": password});
        server.post("/auth/login", login).await.expect_problem(401, "CREDENTIALS_INVALID");
    }
}

async fn no_second_letter_follows_within_a_minute(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    Account::register(server, "ann@example.com").await;
    let before = letters(server).await.len();
    for _ in 0..3 {
        for (path, email) in [
            ("/register", "bob@example.com"),
            ("/register", "ann@example.com"),
            ("/auth/code", "ann@example.com"),
        ] {
            assert_eq!(server.post(path, json!({"email": email})).await.status, 202);
        }
        assert_eq!(letters(server).await.len(), before + 3);
        server.clock.advance(19);
    }
    server.clock.advance(3);
    register(server, "bob@example.com").await;
    assert_eq!(letters(server).await.len(), before + 4);
}

async fn whom_a_vendor_invites_may_register_and_nobody_else(backend: Backend) {
    let portal = Portal::open_with(backend, &[("PORTAL__REGISTRATION", "invited")]).await;
    let server = &portal.server;
    server.admin_post("/customers", json!({"name": "Bob", "email": "bob@example.com"})).await.expect(201);
    assert_eq!(register(server, "eve@example.com").await.status, 202);
    assert!(letters(server).await.is_empty());
    Account::register(server, "bob@example.com").await;
    assert_eq!(count(&portal).await, (1, 1));
}

async fn where_nobody_registers_nobody_is_asked(backend: Backend) {
    let portal = Portal::open(backend).await;
    let bob = Account::register(&portal.server, "bob@example.com").await;
    let off = portal.server.another_with(&[("PORTAL__REGISTRATION", "off")]).await;
    register(&off, "eve@example.com").await.expect_problem(404, "NOT_FOUND");
    // Whoever has an account keeps it.
    bob.sign_in(&off).await.get(&off, "/user").await.expect(200);
}

async fn without_letters_nobody_registers(backend: Backend) {
    let server = licentia_tests::TestServer::start(backend).await;
    register(&server, "bob@example.com").await.expect_problem(409, "STATE_CONFLICT");
    let asked = server.post("/auth/code", json!({"email": "bob@example.com"})).await;
    asked.expect_problem(409, "STATE_CONFLICT");
}

async fn look_alikes_are_others(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let kate = json!({"name": "Kate", "email": "kate@example.com"});
    let kate = server.admin_post("/customers", kate).await.expect(201);
    // The Kelvin sign, which is a K to whoever makes letters small.
    let other = Account::register(server, "\u{212a}ate@example.com").await;
    assert_ne!(json!(other.customer), kate["id"]);
    let asked = server.post("/auth/code", json!({"email": "\u{212a}ATE@example.com"})).await;
    assert_eq!((asked.status, &asked.body), (202, &Value::Null));
    let code = last_letter(server, "\u{212a}ate@example.com", "sign_in_code", "code").await;
    let login = json!({"email": "kate@example.com", "code": code});
    server.post("/auth/login", login).await.expect_problem(401, "CREDENTIALS_INVALID");
}

async fn whoever_has_capitals_beyond_ascii_is_known(backend: Backend) {
    let portal = Portal::open_with(backend, &[("PORTAL__REGISTRATION", "invited")]).await;
    let server = &portal.server;
    let known = json!({"name": "Ottilie", "email": "\u{d6}ttilie@example.com"});
    let known = server.admin_post("/customers", known).await.expect(201);
    let account = Account::register(server, "\u{d6}TTILIE@example.com").await;
    assert_eq!(json!(account.customer), known["id"]);
    // Beyond ASCII a small letter is another one, whatever the database makes of it.
    assert_eq!(register(server, "\u{f6}ttilie@example.com").await.status, 202);
    let told = letters(server).await;
    assert!(told.iter().all(|letter| letter.to != "\u{f6}ttilie@example.com"), "{told:?}");
}
