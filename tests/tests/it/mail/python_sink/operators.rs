//! What operators see of the outbox, and do about it.

use licentia_domain::database::Lane;
use licentia_domain::jobs::{self, Job};
use licentia_entity::mail;
use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use reqwest::Method;
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::{Value, json};

use super::{Sink, after, outbox, post};

on_both![
    what_is_refused_for_good_is_kept_and_tried_again_when_asked_for,
    what_is_not_taken_in_time_is_given_up,
    an_address_that_is_none_stops_no_other_letter,
    what_stood_in_a_letter_is_sealed_and_then_gone,
    letters_are_forgotten_after_a_while,
    a_test_says_what_the_mail_server_says,
];

async fn sell_to(server: &TestServer, shop: &Shop, email: &str) {
    shop.issue(server, json!({"customer": {"email": email}})).await;
}

async fn test_to(server: &TestServer, to: &str) -> Reply {
    server.admin_post("/settings/mail/test", json!({"to": to})).await
}

fn path(mail: &Value, rest: &str) -> String {
    format!("/mails/{}{rest}", mail["id"].as_str().unwrap())
}

async fn what_is_refused_for_good_is_kept_and_tried_again_when_asked_for(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let shop = Shop::open(&server).await;
    sell_to(&server, &shop, "refused@example.com").await;
    sell_to(&server, &shop, "grace@example.com").await;
    post(&server).await;
    let [failed] = outbox(&server, "&status=failed").await.try_into().unwrap();
    assert_eq!((&failed["attempts"], &failed["dueAt"]), (&json!(1), &Value::Null));
    assert!(failed["lastError"].as_str().unwrap().contains("no such mailbox"), "{failed}");
    let [sent] = outbox(&server, "&status=sent").await.try_into().unwrap();
    server.clock.advance(86_400);
    server.run_jobs().await;
    assert_eq!(sink.letters().len(), 1);

    server.admin_post(&path(&sent, "/retry"), json!({})).await.expect_problem(409, "STATE_CONFLICT");
    let waiting = server.admin_post(&path(&failed, "/retry"), json!({})).await.expect(200);
    assert_eq!(waiting["status"], "waiting");
    server.admin_post(&path(&failed, "/retry"), json!({})).await.expect_problem(409, "STATE_CONFLICT");
    post(&server).await;
    let again = server.admin_get(&path(&failed, "")).await.expect(200);
    assert_eq!((&again["status"], &again["attempts"]), (&json!("failed"), &json!(2)));
    let audited = server.admin_get("/audit-events?action=mail.retried").await.expect(200);
    assert_eq!(audited["total"], 1);
}

async fn what_is_not_taken_in_time_is_given_up(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let shop = Shop::open(&server).await;
    sell_to(&server, &shop, "ada@example.com").await;
    jobs::run(&server.context, Job::WriteMail).await.unwrap();
    server.clock.advance(3 * 86_400 + 60);
    server.run_jobs().await;
    let [failed] = outbox(&server, "&status=failed").await.try_into().unwrap();
    assert!(failed["lastError"].as_str().unwrap().contains("in time") && sink.letters().is_empty());
    server.admin_post(&path(&failed, "/retry"), json!({})).await.expect(200);
    post(&server).await;
    assert_eq!(sink.letters().len(), 1);
}

async fn an_address_that_is_none_stops_no_other_letter(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let shop = Shop::open(&server).await;
    for email in ["a>,<b@example.com", "\"@example.com", "grüße@example.com", "grace@example.com"] {
        sell_to(&server, &shop, email).await;
    }
    post(&server).await;
    let failed = outbox(&server, "&status=failed").await;
    assert_eq!(failed.len(), 2, "{failed:?}");
    let reached: Vec<String> = sink.letters().into_iter().flat_map(|letter| letter.to).collect();
    assert_eq!(reached, ["grüße@example.com", "grace@example.com"]);
}

async fn what_stood_in_a_letter_is_sealed_and_then_gone(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let made = json!({"email": "ada@example.com", "name": "Ada", "role": "viewer"});
    server.admin_post("/admins", made).await.expect(201);
    let read = || async { mail::Entity::find().one(&server.context.db).await.unwrap().unwrap() };
    let sealed = read().await.letter.unwrap();
    post(&server).await;
    let text = sink.letters().remove(0).text;
    let token = after(&text, "token:").as_bytes().to_vec();
    assert!(!sealed.windows(8).any(|some| some == &token[..8]));
    assert_eq!(read().await.letter, None);
    let shown = server.admin_get("/mails").await;
    assert!(!shown.text.contains("lpt_") && shown.text.contains("admin_invited"));
}

async fn letters_are_forgotten_after_a_while(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let shop = Shop::open(&server).await;
    sell_to(&server, &shop, "ada@example.com").await;
    sell_to(&server, &shop, "refused@example.com").await;
    post(&server).await;
    server.clock.advance(30 * 86_400 - 60);
    jobs::run(&server.context, Job::Purge).await.unwrap();
    assert_eq!(outbox(&server, "").await.len(), 2);
    sell_to(&server, &shop, "grace@example.com").await;
    jobs::run(&server.context, Job::WriteMail).await.unwrap();
    let old = "UPDATE mail SET created_at = 0 WHERE recipient = 'grace@example.com'";
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    tx.execute_unprepared(old).await.unwrap();
    tx.commit().await.unwrap();
    server.clock.advance(120);
    jobs::run(&server.context, Job::Purge).await.unwrap();
    // Whatever is still to be sent stays.
    let [waiting] = outbox(&server, "").await.try_into().unwrap();
    assert_eq!(waiting["to"], "grace@example.com");
    assert_eq!(sink.letters().len(), 1);
}

async fn a_test_says_what_the_mail_server_says(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    test_to(&server, "ada@example.com").await.expect(204);
    let letter = sink.letters().remove(0);
    assert_eq!(
        (letter.sender.as_str(), &letter.to[..]),
        ("licences@vendor.example", &["ada@example.com".to_owned()][..])
    );
    let header =
        |name: &str| letter.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(header("From"), Some("Vendor <licences@vendor.example>"));
    assert_eq!(header("Auto-Submitted"), Some("auto-generated"));
    assert!(letter.id.starts_with("<mail_") && letter.id.ends_with("@vendor.example>"));
    let problem = test_to(&server, "refused@example.com").await.expect_problem(502, "MAIL_NOT_TAKEN");
    assert!(problem["detail"].as_str().unwrap().contains("no such mailbox"), "{problem}");
    test_to(&server, "none").await.expect_problem(422, "VALIDATION_FAILED");
    sink.mode("closed");
    test_to(&server, "ada@example.com").await.expect_problem(502, "MAIL_NOT_TAKEN");
    assert!(outbox(&server, "").await.is_empty());
    let audited = server.admin_get("/audit-events?action=mail.tested").await.expect(200);
    assert_eq!(audited["total"], 1);
    let request =
        server.request(Method::POST, "/api/v1/settings/mail/test").json(&json!({"to": "ada@example.com"}));
    assert_eq!(Reply::of(request).await.status, 401);
}
