//! Under load the sum of usage is what was sent.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, request_id};
use serde_json::{Value, json};

use super::{assert_counted, by_outcome, together, usage};
use crate::licenses::suspend;

on_both![the_sum_is_what_was_sent_to_two_instances, reports_of_many_names_wait_for_each_other_in_no_circle];

const MACHINES: usize = 12;
const ROUNDS: usize = 25;

/// What was answered with 200, by what was asked.
#[derive(Default)]
struct Sent {
    by_key: AtomicU64,
    by_token: AtomicU64,
    with_action: AtomicU64,
    not_included: AtomicU64,
    suspended: AtomicU64,
    unknown: AtomicU64,
    heartbeats: AtomicU64,
}

/// Counts an answer, whose code is as expected.
async fn ask(server: &TestServer, question: Value, code: &str, sent: &AtomicU64) {
    let verdict = server.post("/license-keys/validate", question).await.expect(200);
    assert_eq!(verdict["code"], code, "{verdict}");
    sent.fetch_add(1, Ordering::Relaxed);
}

/// A machine that asks in every way, and reports with each heartbeat, which it sends to both instances at once.
async fn busy(here: &TestServer, there: &TestServer, mut machine: Machine, suspended: &Value, sent: &Sent) {
    for round in 0..ROUNDS {
        let server = if round % 2 == 0 { here } else { there };
        let by_key = json!({"licenseKey": machine.key, "fingerprint": machine.fingerprint});
        let by_token = json!({"token": machine.token});
        let with = |question: &Value, action: &str| {
            let mut question = question.clone();
            question["actionType"] = json!(action);
            question["productVersion"] = json!(format!("1.{}", round % 3));
            question
        };
        let mut body = machine.beat_body(Some(&request_id()));
        body["usage"] = json!({"export": 3, "edit": round, "undeclared": 1});
        let beats = async {
            let (one, other) = tokio::join!(
                here.post("/license-keys/heartbeat", body.clone()),
                there.post("/license-keys/heartbeat", body.clone())
            );
            sent.heartbeats.fetch_add(1, Ordering::Relaxed);
            assert_eq!(one.expect(200)["nonce"], other.body["nonce"]);
            other.expect(200)
        };
        let unknown = json!({"licenseKey": format!("a-key-of-nobody-{round}"), "actionType": "export"});
        let (answer, ..) = tokio::join!(
            beats,
            ask(server, by_key.clone(), "VALID", &sent.by_key),
            ask(server, by_token.clone(), "VALID", &sent.by_token),
            ask(server, with(&by_key, "export"), "VALID", &sent.with_action),
            ask(server, with(&by_token, "export"), "VALID", &sent.with_action),
            ask(server, with(&by_token, "api"), "FEATURE_NOT_INCLUDED", &sent.not_included),
            ask(server, suspended.clone(), "SUSPENDED", &sent.suspended),
            ask(server, unknown, "NOT_FOUND", &sent.unknown),
        );
        answer["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
    }
}

async fn the_sum_is_what_was_sent_to_two_instances(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let shop = Shop::open(&server).await;
    let suspended = shop.issue(&server, json!({})).await;
    suspend(&server, super::id(&suspended)).await;
    let suspended = json!({"licenseKey": suspended["licenseKey"]});
    let mut machines = Vec::new();
    for number in 0..MACHINES {
        // Three to a licence.
        if number % 3 == 0 {
            machines.push(shop.issue(&server, json!({"maxActivations": 3})).await["licenseKey"].clone());
        }
    }
    let keys = machines;
    let mut machines = Vec::new();
    for number in 0..MACHINES {
        let key = keys[number / 3].as_str().unwrap();
        machines.push(Machine::activate(&server, key, &format!("fp-{}", number % 3)).await);
    }
    let sent = Sent::default();
    join_all(machines.into_iter().map(|machine| busy(&server, &other, machine, &suspended, &sent))).await;

    // What the other one counted it writes before it answers.
    usage(&other, "").await;
    let counted = by_outcome(&server, "").await;
    let of = |sent: &AtomicU64| sent.load(Ordering::Relaxed);
    let heartbeats = of(&sent.heartbeats);
    let edits = (0..ROUNDS).map(|round| u64::try_from(round).unwrap()).sum::<u64>();
    let edits = edits * u64::try_from(MACHINES).unwrap();
    let expected = [
        ("_validate", "VALID", of(&sent.by_key) + of(&sent.by_token)),
        ("export", "VALID", of(&sent.with_action)),
        ("api", "FEATURE_NOT_INCLUDED", of(&sent.not_included)),
        ("_validate", "SUSPENDED", of(&sent.suspended)),
        ("other", "NOT_FOUND", of(&sent.unknown)),
        ("export", "REPORTED", 3 * heartbeats),
        ("edit", "REPORTED", edits),
        ("other", "REPORTED", heartbeats),
    ];
    assert_eq!(heartbeats, u64::try_from(MACHINES * ROUNDS).unwrap());
    assert_counted(&counted, &expected);
    let sum = expected.iter().map(|(_, _, count)| count).sum::<u64>();
    assert_eq!((together(&server, "").await, together(&other, "").await), (sum, sum));
}

/// Batches that bring more than is bound to one ordinary statement, for the same rows, by names that come in another
/// order than they are stored in.
async fn reports_of_many_names_wait_for_each_other_in_no_circle(backend: Backend) {
    const REPORTING: usize = 16;
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"maxActivations": REPORTING})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let mut machines = Vec::new();
    for number in 0..REPORTING {
        machines.push(Machine::activate(&server, key, &format!("fp-{number}")).await);
    }
    let report = async |number: usize, mut machine: Machine| {
        let name =
            |name: usize| format!("{}-{number}-{name}", if name.is_multiple_of(2) { "a" } else { "z" });
        let names = (0..99).map(|number| (name(number), json!(1)));
        let names: Value =
            names.chain([("export".to_owned(), json!(1))]).collect::<serde_json::Map<_, _>>().into();
        for _ in 0..4 {
            let mut body = machine.beat_body(Some(&request_id()));
            body["usage"] = names.clone();
            let instance = if number.is_multiple_of(2) { &server } else { &other };
            let answer = instance.post("/license-keys/heartbeat", body).await.expect(200);
            answer["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
        }
    };
    join_all(machines.into_iter().enumerate().map(|(number, machine)| report(number, machine))).await;
    let times = u64::try_from(4 * REPORTING).unwrap();
    let counted = by_outcome(&server, "").await;
    assert_counted(&counted, &[("export", "REPORTED", times), ("other", "REPORTED", 99 * times)]);
}
