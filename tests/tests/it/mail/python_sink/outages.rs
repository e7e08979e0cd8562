//! Whatever becomes of the mail server, or of us: nothing is lost, and what arrives twice says so.

use std::collections::BTreeSet;
use std::sync::Arc;

use licentia_domain::jobs::{self, Job};
use licentia_tests::{Backend, Shop, TestServer, on_both};
use serde_json::{Value, json};

use super::{Sink, outbox, post, run_due};

on_both![
    an_hour_without_a_mail_server_loses_and_doubles_nothing,
    a_letter_that_is_put_off_comes_later_and_once,
    two_instances_send_each_letter_once,
    what_was_not_taken_when_an_instance_died_is_sent_by_the_next,
    what_was_taken_when_an_instance_died_comes_again_and_is_marked,
    a_letter_in_doubt_is_sent_again_under_the_same_name,
];

/// Licences for as many customers; each hears of his.
async fn sell(server: &TestServer, shop: &Shop, customers: usize) {
    for number in 0..customers {
        sell_to(server, shop, &format!("customer{number}@example.com")).await;
    }
}

async fn sell_to(server: &TestServer, shop: &Shop, email: &str) {
    shop.issue(server, json!({"customer": {"email": email}})).await;
}

async fn statuses(server: &TestServer) -> Vec<String> {
    outbox(server, "").await.iter().map(|mail| mail["status"].as_str().unwrap().to_owned()).collect()
}

async fn only_mail(server: &TestServer) -> Value {
    let [mail] = outbox(server, "").await.try_into().unwrap();
    mail
}

async fn an_hour_without_a_mail_server_loses_and_doubles_nothing(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let shop = Shop::open(&server).await;
    sink.mode("closed");
    sell(&server, &shop, 5).await;
    let mut failures = 0;
    for _ in 0..60 {
        server.clock.advance(60);
        let failed = run_due(&server).await;
        assert!(failed.iter().all(|job| *job == "send_mail"), "{failed:?}");
        failures += failed.len();
    }
    // More and more seldom, and no letter's fault.
    let tries = sink.connections();
    assert!((10..25).contains(&tries) && failures > 0, "{tries} tries, {failures} failures");
    let waiting = outbox(&server, "&status=waiting").await;
    assert_eq!(waiting.len(), 5);
    assert!(waiting.iter().all(|mail| mail["attempts"] == 0));
    assert!(sink.letters().is_empty());

    sink.mode("taking");
    server.clock.advance(300);
    server.run_jobs().await;
    for _ in 0..5 {
        server.clock.advance(3_600);
        server.run_jobs().await;
    }
    let letters = sink.letters();
    let reached: BTreeSet<_> = letters.iter().flat_map(|letter| letter.to.clone()).collect();
    assert_eq!((letters.len(), reached.len()), (5, 5));
    assert_eq!(statuses(&server).await, ["sent"; 5]);
}

async fn a_letter_that_is_put_off_comes_later_and_once(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let shop = Shop::open(&server).await;
    sell_to(&server, &shop, "later@example.com").await;
    post(&server).await;
    sell_to(&server, &shop, "now@example.com").await;
    post(&server).await;
    assert_eq!(statuses(&server).await, ["waiting", "sent"]);
    let put_off = &outbox(&server, "&status=waiting").await[0];
    assert_eq!(put_off["attempts"], 1);
    assert!(put_off["lastError"].as_str().unwrap().contains("greylisted"), "{put_off}");
    server.clock.advance(45);
    server.run_jobs().await;
    assert_eq!(statuses(&server).await, ["waiting", "sent"]);
    server.clock.advance(15);
    server.run_jobs().await;
    assert_eq!(statuses(&server).await, ["sent", "sent"]);
    assert_eq!(sink.letters().len(), 2);
}

async fn two_instances_send_each_letter_once(backend: Backend) {
    let mut sink = Sink::open();
    let one = sink.server(backend).await;
    let other = sink.another(&one).await;
    let shop = Shop::open(&one).await;
    sell(&one, &shop, 30).await;
    for _ in 0..10 {
        one.clock.advance(1);
        let (first, second) = tokio::join!(run_due(&one), run_due(&other));
        assert!(first.is_empty() && second.is_empty(), "{first:?} {second:?}");
    }
    let letters = sink.letters();
    let names: BTreeSet<_> = letters.iter().map(|letter| letter.id.clone()).collect();
    assert_eq!((letters.len(), names.len()), (30, 30));
    assert_eq!(statuses(&one).await, vec!["sent"; 30]);
}

/// One letter, which an instance was handing over when it died.
async fn died_over_a_letter(backend: Backend, mode: &str) -> (Sink, TestServer) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let shop = Shop::open(&server).await;
    sell_to(&server, &shop, "ada@example.com").await;
    jobs::run(&server.context, Job::WriteMail).await.unwrap();
    sink.mode(mode);
    let ctx = Arc::clone(&server.context);
    let sending = tokio::spawn(async move { jobs::run(&ctx, Job::SendMail).await });
    sink.held();
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    assert_eq!(only_mail(&server).await["status"], "sending");
    sink.mode("taking");
    let next = sink.another(&server).await;
    // As long as it may still be at it nobody else is.
    next.clock.advance(200);
    next.run_jobs().await;
    assert_eq!(only_mail(&server).await["status"], "sending");
    next.clock.advance(101);
    next.run_jobs().await;
    let sent = only_mail(&server).await;
    assert_eq!(
        (&sent["status"], &sent["attempts"], &sent["doubtful"]),
        (&json!("sent"), &json!(2), &json!(1))
    );
    next.clock.advance(7_200);
    next.run_jobs().await;
    (sink, server)
}

async fn what_was_not_taken_when_an_instance_died_is_sent_by_the_next(backend: Backend) {
    let (mut sink, _server) = died_over_a_letter(backend, "silent").await;
    assert_eq!(sink.letters().len(), 1);
}

async fn what_was_taken_when_an_instance_died_comes_again_and_is_marked(backend: Backend) {
    let (mut sink, _server) = died_over_a_letter(backend, "holding").await;
    let [first, second] = sink.letters().try_into().unwrap();
    assert_eq!((first.id, first.text), (second.id, second.text));
}

async fn a_letter_in_doubt_is_sent_again_under_the_same_name(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let shop = Shop::open(&server).await;
    sell_to(&server, &shop, "ada@example.com").await;
    sink.mode("dropping");
    post(&server).await;
    let doubtful = only_mail(&server).await;
    assert_eq!((&doubtful["status"], &doubtful["doubtful"]), (&json!("waiting"), &json!(1)));
    sink.mode("taking");
    server.clock.advance(60);
    server.run_jobs().await;
    assert_eq!(only_mail(&server).await["status"], "sent");
    let [first, second] = sink.letters().try_into().unwrap();
    assert_eq!(first.id, second.id);
}
