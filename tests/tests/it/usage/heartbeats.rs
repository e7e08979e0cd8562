//! What a heartbeat reports counts once, with its rotation, or not at all.

use futures_util::future::join_all;
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, request_id};
use serde_json::{Value, json};

use super::{assert_counted, begin, by_outcome, id, together, usage};
use crate::licenses::suspend;

on_both![
    a_heartbeat_counts_what_it_reports,
    the_same_heartbeat_twenty_times_counts_once,
    a_lost_answer_counts_nothing_again_however_late,
    a_refused_heartbeat_counts_nothing,
    every_standing_counts,
    lapsed_machines_count,
    a_batch_counts_each_of_its_machines,
    only_who_reports_pays_for_it,
    what_is_no_report_is_refused_at_its_place,
];

fn reporting(machine: &Machine, request_id: &str, usage: Value) -> Value {
    let mut body = machine.beat_body(Some(request_id));
    body["usage"] = usage;
    body
}

async fn beat(server: &TestServer, body: Value) -> Reply {
    server.post("/license-keys/heartbeat", body).await
}

/// A heartbeat that reports, whose answer the machine keeps.
async fn report(server: &TestServer, machine: &mut Machine, usage: Value) -> Value {
    let answer = beat(server, reporting(machine, &request_id(), usage)).await.expect(200);
    answer["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
    answer
}

async fn a_heartbeat_counts_what_it_reports(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued, mut machine) = begin(&server).await;
    for nothing in [json!({}), json!(null), json!({"export": 0})] {
        report(&server, &mut machine, nothing).await;
    }
    assert_eq!(usage(&server, "").await["items"], json!([]));
    report(&server, &mut machine, json!({"export": 3, "api": 1, "Any other word": 5, "care": 2, "edit": 0}))
        .await;
    report(&server, &mut machine, json!({"export": 1_000_000_000})).await;
    let mut newer = reporting(&machine, &request_id(), json!({"export": 7}));
    newer["productVersion"] = json!("1.1");
    beat(&server, newer).await.expect(200);
    let expected = [("export", "REPORTED", 1_000_000_010), ("api", "REPORTED", 1), ("other", "REPORTED", 7)];
    assert_counted(&by_outcome(&server, "").await, &expected);
    assert_counted(&by_outcome(&server, "productVersion=1.1").await, &[("export", "REPORTED", 7)]);
    // Those that told none count for the one that was told last.
    assert_eq!(together(&server, "productVersion=1.0&action=export").await, 1_000_000_003);
    let entry = usage(&server, "action=api").await["items"][0].clone();
    let today = server.context.moment().now.to_string()[..10].to_owned();
    let expected = json!({"day": today, "licenseId": id(&issued), "action": "api", "outcome": "REPORTED",
                          "productVersion": "1.0", "count": 1});
    assert_eq!(entry, expected);
}

async fn the_same_heartbeat_twenty_times_counts_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, machine) = begin(&server).await;
    let other = server.another().await;
    let body = reporting(&machine, &request_id(), json!({"export": 7, "edit": 1}));
    let calls = (0..20).map(|number| beat(if number % 2 == 0 { &server } else { &other }, body.clone()));
    let nonces: Vec<Value> =
        join_all(calls).await.into_iter().map(|reply| reply.expect(200)["nonce"].clone()).collect();
    assert!(nonces.iter().all(|nonce| *nonce == nonces[0]));
    assert_counted(&by_outcome(&server, "").await, &[("export", "REPORTED", 7), ("edit", "REPORTED", 1)]);
}

async fn a_lost_answer_counts_nothing_again_however_late(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, machine) = begin(&server).await;
    let body = reporting(&machine, &request_id(), json!({"export": 7}));
    for _ in 0..3 {
        beat(&server, body.clone()).await.expect(200);
        server.clock.advance(90_000);
    }
    // Whatever is reported with it now.
    let mut more = body;
    more["usage"] = json!({"export": 100, "api": 1});
    beat(&server, more).await.expect(200);
    assert_counted(&by_outcome(&server, "").await, &[("export", "REPORTED", 7)]);
    // Without request ids a repeated nonce is a lost answer as well.
    let issued = machine.key.clone();
    let machine = Machine::activate(&server, &issued, "fp-2").await;
    let mut body = machine.beat_body(None);
    body["usage"] = json!({"api": 2});
    for _ in 0..2 {
        beat(&server, body.clone()).await.expect(200);
    }
    assert_eq!(together(&server, "action=api").await, 2);
}

async fn a_refused_heartbeat_counts_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, mut machine) = begin(&server).await;
    let copy = machine.clone();
    machine.beat(&server).await;
    let used = json!({"export": 7});
    beat(&server, reporting(&copy, &request_id(), used.clone())).await.expect_problem(409, "NONCE_REUSED");
    let mut stranger = reporting(&machine, &request_id(), used.clone());
    stranger["fingerprint"] = json!("fp-2");
    beat(&server, stranger).await.expect_problem(409, "FINGERPRINT_MISMATCH");
    let mut garbage = reporting(&machine, &request_id(), used.clone());
    garbage["nonce"] = json!("garbage");
    beat(&server, garbage).await.expect_problem(401, "NONCE_INVALID");
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    server.admin_post(&path, json!({})).await.expect(200);
    beat(&server, reporting(&machine, &request_id(), used))
        .await
        .expect_problem(410, "ACTIVATION_DEACTIVATED");
    assert_eq!(together(&server, "").await, 0);
}

async fn every_standing_counts(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued, mut machine) = begin(&server).await;
    // Late: written down in the same transaction.
    server.clock.advance(100_000);
    assert_eq!(report(&server, &mut machine, json!({"export": 1})).await["recovered"], true);
    suspend(&server, id(&issued)).await;
    assert_eq!(report(&server, &mut machine, json!({"export": 10})).await["status"], "suspended");
    let path = format!("/license-keys/{}/revoke", id(&issued));
    server.admin_post(&path, json!({})).await.expect(200);
    assert_eq!(report(&server, &mut machine, json!({"export": 100})).await["status"], "revoked");
    assert_eq!(together(&server, "outcome=REPORTED").await, 111);
}

async fn lapsed_machines_count(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let floating = json!({"productId": shop.product, "key": "floating", "name": "Floating", "includesTierId": shop.pro,
                          "activationModel": "floating"});
    let floating = server.admin_post("/pricing-tiers", floating).await.expect(201);
    let issued = shop.issue(&server, json!({"tierId": floating["id"], "maxActivations": 1})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let mut machine = Machine::activate(&server, key, "fp-1").await;
    server.clock.advance(900);
    let mut other = Machine::activate(&server, key, "fp-2").await;
    // No seat is free.
    let body = reporting(&machine, &request_id(), json!({"export": 1}));
    for _ in 0..2 {
        let answer = beat(&server, body.clone()).await.expect(200);
        assert_eq!(answer["status"], "lapsed");
        answer["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
    }
    server.clock.advance(900);
    // One is.
    let body = reporting(&machine, &request_id(), json!({"export": 10}));
    for _ in 0..2 {
        assert_eq!(beat(&server, body.clone()).await.expect(200)["status"], "active");
    }
    assert_eq!(report(&server, &mut other, json!({"export": 100})).await["status"], "lapsed");
    assert_eq!(together(&server, "action=export&outcome=REPORTED").await, 111);
}

async fn a_batch_counts_each_of_its_machines(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let mut machines = Vec::new();
    for _ in 0..3 {
        let issued = shop.issue(&server, json!({"maxActivations": 20})).await;
        let key = issued["licenseKey"].as_str().unwrap();
        for machine in 0..20 {
            machines.push(Machine::activate(&server, key, &format!("fp-{machine}")).await);
        }
    }
    for round in 1..=3_u64 {
        let calls = machines.iter().enumerate().map(|(number, machine)| {
            // Many names of one, none of another.
            let names = (0..number).map(|name| (format!("feature {name}"), json!(1)));
            let mut used: serde_json::Map<String, Value> = names.collect();
            used.insert("export".to_owned(), json!(number));
            beat(&server, reporting(machine, &request_id(), Value::Object(used)))
        });
        let replies = join_all(calls).await;
        for (machine, reply) in machines.iter_mut().zip(replies) {
            reply.expect(200)["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
        }
        let each = (0..60).sum::<u64>() * round;
        let expected = [("export", "REPORTED", each), ("other", "REPORTED", each)];
        assert_counted(&by_outcome(&server, "").await, &expected);
    }
}

async fn only_who_reports_pays_for_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, mut machine) = begin(&server).await;
    machine.beat(&server).await;
    let cost = async |body: Value| {
        let before = server.context.db.statements();
        let answer = beat(&server, body).await.expect(200);
        (answer["nonce"].as_str().unwrap().to_owned(), server.context.db.statements() - before)
    };
    // Read and written.
    let (nonce, statements) = cost(machine.beat_body(Some(&request_id()))).await;
    assert_eq!(statements, 2);
    machine.nonce = nonce;
    let body = reporting(&machine, &request_id(), json!({"export": 0}));
    let (nonce, statements) = cost(body).await;
    assert_eq!(statements, 2);
    machine.nonce = nonce;
    // One more for all that is reported.
    let body = reporting(&machine, &request_id(), json!({"export": 1, "edit": 2, "no such": 3}));
    assert_eq!(cost(body.clone()).await.1, 3);
    // What was counted is not counted again.
    assert_eq!(cost(body).await.1, 2);
}

async fn what_is_no_report_is_refused_at_its_place(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, mut machine) = begin(&server).await;
    let many = (0..101).map(|name| (format!("feature-{name}"), json!(1)));
    let many = Value::Object(many.collect());
    for (used, pointer) in [
        (json!({"export": -1}), "/usage/export"),
        (json!({"export": 1.5}), "/usage/export"),
        (json!({"export": 1_000_000_001}), "/usage/export"),
        (json!({"export": 1e30}), "/usage/export"),
        (json!({"export": "1"}), "/usage/export"),
        (json!({"export": null}), "/usage/export"),
        (json!({"export": {"count": 1}}), "/usage/export"),
        (json!(["export"]), "/usage"),
        (json!("export"), "/usage"),
        (json!(7), "/usage"),
        (many, "/usage"),
    ] {
        let body = reporting(&machine, &request_id(), used.clone());
        let problem = beat(&server, body).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{used}");
    }
    for name in ["", " padded", "null\u{0}", &"x".repeat(64)] {
        let body = reporting(&machine, &request_id(), json!({name: 1}));
        let problem = beat(&server, body).await.expect_problem(422, "VALIDATION_FAILED");
        assert!(problem["errors"][0]["pointer"].as_str().unwrap().starts_with("/usage"), "{problem}");
    }
    // Nothing of it was taken.
    assert_eq!(report(&server, &mut machine, json!({"export": 1})).await["status"], "active");
    assert_eq!(together(&server, "").await, 1);
}
