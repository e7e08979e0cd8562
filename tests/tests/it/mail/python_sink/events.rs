//! What happened to a licence reaches its customer: once each, and nobody else.

use licentia_domain::database::Lane;
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use licentia_types::time::Timestamp;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::{Arrived, Sink, outbox, post};
use crate::activation_claims::Guarded;

on_both![
    a_licences_life_is_told_letter_by_letter,
    a_machine_that_waits_and_one_that_was_copied_are_told_of,
    whoever_has_no_address_gets_none,
    what_is_told_again_after_a_crash_is_told_once,
    what_happened_long_before_there_was_mail_is_no_news,
    thousands_are_written_to_in_batches,
];

const DAY: i64 = 86_400;

fn in_days(server: &TestServer, days: i64) -> Timestamp {
    Timestamp::from_micros(server.context.moment().now.micros() + days * DAY * 1_000_000)
}

fn ada() -> Value {
    json!({"email": "ada@example.com"})
}

fn subjects(letters: &[Arrived]) -> Vec<String> {
    letters.iter().map(|letter| letter.subject.clone()).collect()
}

async fn sql(server: &TestServer, statement: &str) {
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    tx.execute_unprepared(statement).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_licences_life_is_told_letter_by_letter(backend: Backend) {
    let mut sink = Sink::open();
    let kept = [("RETENTION__MAILS_DAYS", "3650"), ("RETENTION__EVENTS_DAYS", "3650")];
    let server = sink.server_with(backend, &kept).await;
    server.run_jobs().await;
    let shop = Shop::open(&server).await;
    let more = json!({"customer": ada(), "expiresAt": in_days(&server, 40), "maxActivations": 1});
    let issued = shop.issue(&server, more).await;
    post(&server).await;
    let key = issued["licenseKey"].as_str().unwrap();
    Machine::activate(&server, key, "fp-1").await;
    post(&server).await;
    for days in [11, 22, 10] {
        server.clock.advance(days * DAY);
        post(&server).await;
        post(&server).await;
    }
    let other = shop.issue(&server, json!({"customer": ada()})).await;
    post(&server).await;
    let revoke = format!("/license-keys/{}/revoke", other["id"].as_str().unwrap());
    server.admin_post(&revoke, json!({})).await.expect(200);
    post(&server).await;

    let letters = sink.letters();
    let about: Vec<String> =
        outbox(&server, "").await.iter().map(|mail| mail["template"].as_str().unwrap().to_owned()).collect();
    let expected = [
        "license_issued",
        "seats_full",
        "license_expiring",
        "license_expiring",
        "license_expired",
        "license_issued",
        "license_revoked",
    ];
    assert_eq!(about, expected, "{:?}", subjects(&letters));
    assert!(letters.iter().all(|letter| letter.to == ["ada@example.com"]));
    assert!(letters[0].text.contains(key) && letters[0].html.contains(key));
    assert!(letters[1].text.contains("All 1 seats"), "{}", letters[1].text);
    assert!(letters[2].subject.ends_with("in 30 days") && letters[3].subject.ends_with("in 7 days"));
    // Only the first letter has the key.
    assert!(letters[1..].iter().all(|letter| !letter.text.contains(key)));
    assert!(letters[1].text.contains(issued["id"].as_str().unwrap()));
}

async fn a_machine_that_waits_and_one_that_was_copied_are_told_of(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let guarded = Guarded::of(&server, json!({"customer": ada()})).await;
    guarded.ask(&server, "fp-1").await;
    let shop = Shop::named(&server, "open").await;
    let issued = shop.issue(&server, json!({"customer": {"email": "grace@example.com"}})).await;
    let mut machine = Machine::activate_with(
        &server,
        issued["licenseKey"].as_str().unwrap(),
        "fp-1",
        json!({"hostname": "pc-<7>"}),
    )
    .await;
    let copy = machine.clone();
    machine.beat(&server).await;
    copy.try_beat(&server).await.expect_problem(409, "NONCE_REUSED");
    post(&server).await;
    let letters = sink.letters();
    let of = |beginning: &str| letters.iter().find(|letter| letter.subject.starts_with(beginning)).unwrap();
    assert_eq!(of("A machine waits").to, ["ada@example.com"]);
    let copied = of("Two machines share");
    assert_eq!(copied.to, ["grace@example.com"]);
    assert!(copied.text.contains("pc-<7>") && copied.html.contains("pc-&lt;7&gt;"));
    assert_eq!(letters.len(), 4, "{:?}", subjects(&letters));
}

async fn whoever_has_no_address_gets_none(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let shop = Shop::open(&server).await;
    shop.issue(&server, json!({})).await;
    shop.issue(&server, json!({"customer": {"name": "Ada"}})).await;
    post(&server).await;
    assert!(sink.letters().is_empty() && outbox(&server, "").await.is_empty());
    // Nor later, when he has one.
    post(&server).await;
    assert!(sink.letters().is_empty());
}

async fn what_is_told_again_after_a_crash_is_told_once(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let shop = Shop::open(&server).await;
    for _ in 0..3 {
        shop.issue(&server, json!({"customer": ada()})).await;
    }
    post(&server).await;
    // As in a database whose events were restored without its letters' marks.
    let due = if backend == Backend::Sqlite { "1" } else { "TRUE" };
    sql(&server, &format!("UPDATE event SET letter_due = {due} WHERE kind = 'license.issued'")).await;
    post(&server).await;
    assert_eq!(sink.letters().len(), 3);
    assert_eq!(outbox(&server, "").await.len(), 3);
}

async fn what_happened_long_before_there_was_mail_is_no_news(backend: Backend) {
    let mut sink = Sink::open();
    let silent = TestServer::start(backend).await;
    let shop = Shop::open(&silent).await;
    shop.issue(&silent, json!({"customer": ada()})).await;
    silent.run_jobs().await;
    silent.clock.advance(2 * DAY);
    shop.issue(&silent, json!({"customer": {"email": "grace@example.com"}})).await;
    let server = sink.another(&silent).await;
    post(&server).await;
    let [letter] = sink.letters().try_into().unwrap();
    assert_eq!(letter.to, ["grace@example.com"]);
}

async fn thousands_are_written_to_in_batches(backend: Backend) {
    let mut sink = Sink::open();
    let server = sink.server(backend).await;
    let shop = Shop::open(&server).await;
    shop.issue(&server, json!({"customer": ada()})).await;
    post(&server).await;
    let copies = "INSERT INTO event (at, kind, subject, license_id, product_id, customer_id, data, letter_due) \
                  SELECT at, kind, subject, license_id, product_id, customer_id, data, 1 = 1 FROM event \
                  WHERE kind = 'license.issued' ORDER BY id LIMIT 1";
    for _ in 0..250 {
        sql(&server, copies).await;
    }
    for _ in 0..10 {
        post(&server).await;
    }
    assert_eq!(sink.letters().len(), 251);
    // One connection took fifty.
    assert!(sink.connections() < 15, "{}", sink.connections());
}
