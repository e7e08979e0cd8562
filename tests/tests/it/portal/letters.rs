//! Letters of what changed since, and rows that nobody can read: neither tells the wrong one, nor keeps others waiting.

use licentia_domain::database::Lane;
use licentia_domain::jobs::{self, Job};
use licentia_entity::{account_request, mail, password_request, registration};
use licentia_tests::{Backend, TestServer, on_both, try_activate};
use licentia_types::mails::MailStatus;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::json;

use super::{Account, Portal, letters, register, registration_token};

on_both![
    a_former_owner_is_not_sent_the_key,
    what_was_taken_back_is_sent_to_nobody,
    a_request_that_cannot_be_read_keeps_no_other_waiting,
    a_letter_that_cannot_be_read_keeps_no_other_waiting,
    a_letter_is_worth_as_long_as_what_stands_in_it,
    what_was_asked_long_ago_is_not_answered,
    what_nobody_looks_at_is_forgotten,
    an_owner_is_told_once_an_hour_that_machines_wait,
    nobodys_box_is_filled,
];

/// To whom letters of this kind were written.
async fn told(server: &TestServer, template: &str) -> Vec<String> {
    let of_kind = letters(server).await.into_iter().filter(|letter| letter.template == template);
    of_kind.map(|letter| letter.to).collect()
}

async fn an_owner_is_told_once_an_hour_that_machines_wait(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let owner = json!({"customer": {"email": "ann@example.com"}});
    let mut keys = Vec::new();
    for _ in 0..2 {
        let issued = portal.waiting.issue(server, owner.clone()).await;
        keys.push(issued["licenseKey"].as_str().unwrap().to_owned());
    }
    let ask = |key: &str, fingerprint: &str| {
        let (key, fingerprint) = (key.to_owned(), fingerprint.to_owned());
        async move { try_activate(server, &key, &fingerprint, json!({})).await.expect(202) }
    };
    // Some in one turn of the job, others later.
    ask(&keys[0], "fp-1").await;
    ask(&keys[0], "fp-2").await;
    assert_eq!(told(server, "machine_waiting").await.len(), 1);
    server.clock.advance(3_599);
    ask(&keys[0], "fp-3").await;
    assert_eq!(told(server, "machine_waiting").await.len(), 1);
    ask(&keys[1], "fp-1").await;
    assert_eq!(told(server, "machine_waiting").await.len(), 2, "of each licence");
    server.clock.advance(1);
    ask(&keys[0], "fp-4").await;
    assert_eq!(told(server, "machine_waiting").await.len(), 3);
}

async fn nobodys_box_is_filled(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    for _ in 0..10 {
        server.clock.advance(60);
        for (path, email) in [
            ("/register", "nobody@example.com"),
            ("/register", "bob@example.com"),
            ("/auth/password/forgot", "bob@example.com"),
        ] {
            let status = server.post(path, json!({"email": email})).await.status;
            assert!(matches!(status, 202 | 204), "{path} {status}");
        }
        letters(server).await;
    }
    let to = |email: &'static str| move |told: Vec<String>| told.iter().filter(|to| *to == email).count();
    assert_eq!(to("nobody@example.com")(told(server, "mail_confirmation").await), 3);
    assert_eq!(told(server, "password_reset").await, [bob.email.as_str(); 3]);
    // What is over makes room.
    server.clock.advance(3_600);
    register(server, "nobody@example.com").await;
    register(server, "bob@example.com").await;
    assert_eq!(to("nobody@example.com")(told(server, "mail_confirmation").await), 4);
    assert_eq!(told(server, "password_reset").await.len(), 4);
}

async fn a_former_owner_is_not_sent_the_key(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    let (sold, _) = portal.unclaimed(json!({"customer": {"email": "ann@example.com"}})).await;
    portal.unclaimed(json!({"customer": {"email": "kept@example.com"}})).await;
    let transfer = json!({"customerId": bob.customer});
    server.admin_post(&format!("/license-keys/{sold}/transfer"), transfer).await.expect(200);
    assert_eq!(told(server, "license_issued").await, ["kept@example.com"]);
}

async fn what_was_taken_back_is_sent_to_nobody(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let (id, _) = portal.unclaimed(json!({"customer": {"email": "ann@example.com"}})).await;
    server.admin_post(&format!("/license-keys/{id}/revoke"), json!({})).await.expect(200);
    assert!(told(server, "license_issued").await.is_empty());
    assert_eq!(told(server, "license_revoked").await, ["ann@example.com"]);
}

async fn a_request_that_cannot_be_read_keeps_no_other_waiting(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    server.clock.advance(60);
    let broken = vec![7_u8; 80];
    for round in 0..2 {
        let code = json!({"email": "bob@example.com"});
        assert_eq!(server.post("/auth/code", code.clone()).await.status, 202);
        assert_eq!(server.post("/auth/password/forgot", code).await.status, 204);
        server.clock.advance(1);
        if round == 0 {
            let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
            let asked = Expr::value(broken.clone());
            let spoilt =
                account_request::Entity::update_many().col_expr(account_request::Column::Asked, asked);
            assert_eq!(spoilt.exec(&tx).await.unwrap().rows_affected, 1);
            let email = Expr::value(broken.clone());
            let spoilt =
                password_request::Entity::update_many().col_expr(password_request::Column::Email, email);
            assert_eq!(spoilt.exec(&tx).await.unwrap().rows_affected, 1);
            tx.commit().await.unwrap();
        }
    }
    assert_eq!(told(server, "sign_in_code").await, std::slice::from_ref(&bob.email));
    assert_eq!(told(server, "password_reset").await, [bob.email]);
    assert_eq!(account_request::Entity::find().count(&server.context.db).await.unwrap(), 0);
    assert_eq!(password_request::Entity::find().count(&server.context.db).await.unwrap(), 0);
}

async fn a_letter_that_cannot_be_read_keeps_no_other_waiting(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    for email in ["ann@example.com", "bob@example.com"] {
        portal.unclaimed(json!({"customer": {"email": email}})).await;
        jobs::run(&server.context, Job::WriteMail).await.unwrap();
        server.clock.advance(1);
    }
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    let spoilt = mail::Entity::update_many().col_expr(mail::Column::Letter, Expr::value(vec![7_u8; 80]));
    let spoilt = spoilt.filter(mail::Column::Recipient.eq("ann@example.com")).exec(&tx).await.unwrap();
    assert_eq!(spoilt.rows_affected, 1);
    tx.commit().await.unwrap();
    // Nobody takes letters here: it is only now, at the one that can be read, that somebody would have to.
    let failed = jobs::run(&server.context, Job::SendMail).await.unwrap_err();
    assert_eq!(failed.to_string(), "the mail server takes no letters");
    let written = mail::Entity::find().order_by_asc(mail::Column::Id).all(&server.context.db).await.unwrap();
    let status: Vec<_> = written.iter().map(|mail| (mail.recipient.to_string(), mail.status)).collect();
    let expected = [("ann@example.com", MailStatus::Failed), ("bob@example.com", MailStatus::Waiting)];
    assert_eq!(status, expected.map(|(to, status)| (to.to_owned(), status)));
    assert!(written[0].last_error.as_ref().unwrap().contains("sealed"), "{:?}", written[0].last_error);
}

async fn a_letter_is_worth_as_long_as_what_stands_in_it(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let bob = Account::register(server, "bob@example.com").await;
    server.clock.advance(3_600);
    // What confirmed his address is over, and is not sent any more.
    assert!(jobs::run(&server.context, Job::SendMail).await.is_ok());
    assert_eq!(server.post("/auth/code", json!({"email": bob.email})).await.status, 202);
    let written = letters(server).await.len();
    assert_eq!(written, 2);
    let refuse = || async {
        let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
        let failed = mail::Entity::update_many()
            .col_expr(mail::Column::Status, Expr::value(MailStatus::Failed))
            .filter(mail::Column::Status.eq(MailStatus::Waiting));
        failed.exec(&tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    refuse().await;
    let failed = server.admin_get("/mails?template=sign_in_code").await.expect(200);
    let retry = format!("/mails/{}/retry", failed["items"][0]["id"].as_str().unwrap());
    // Trying again makes no code live longer.
    server.clock.advance(599);
    server.admin_post(&retry, json!({})).await.expect(200);
    server.clock.advance(1);
    assert!(jobs::run(&server.context, Job::SendMail).await.is_ok());
    let over = server.admin_post(&retry, json!({})).await.expect_problem(409, "STATE_CONFLICT");
    assert!(over["detail"].as_str().unwrap().contains("is over"), "{over}");
}

async fn what_was_asked_long_ago_is_not_answered(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    assert_eq!(register(server, "late@example.com").await.status, 202);
    server.clock.advance(3_600);
    assert_eq!(register(server, "now@example.com").await.status, 202);
    assert_eq!(told(server, "mail_confirmation").await, ["now@example.com"]);
}

async fn what_nobody_looks_at_is_forgotten(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    registration_token(server, "ann@example.com").await;
    assert_eq!(register(server, "bob@example.com").await.status, 202);
    let kept = || async {
        jobs::run(&server.context, Job::Purge).await.unwrap();
        let db = &server.context.db;
        let registrations = registration::Entity::find().count(db).await.unwrap();
        (registrations, account_request::Entity::find().count(db).await.unwrap())
    };
    server.clock.advance(3_599);
    assert_eq!(kept().await, (1, 1));
    server.clock.advance(1);
    assert_eq!(kept().await, (0, 1));
    server.clock.advance(86_400);
    assert_eq!(kept().await, (0, 0));
}
