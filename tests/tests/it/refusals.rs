//! The last refusals of each licence, for support.

use futures_util::future::join_all;
use licentia_entity::refusal;
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use reqwest::Method;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::licenses::suspend;

on_both![
    of_sixty_refusals_the_last_fifty_stay_with_every_field,
    refusals_are_kept_for_each_licence_apart,
    every_operation_that_refuses_leaves_a_note,
    what_concerns_no_licence_leaves_none,
    a_flood_is_not_written_on_its_way,
    a_server_that_stops_writes_its_notes,
    instances_share_what_they_wrote,
    an_unknown_licence_has_no_refusals,
];

async fn refusals(server: &TestServer, license: &Value) -> Vec<Value> {
    let path = format!("/license-keys/{}/refusals", license["id"].as_str().unwrap());
    server.admin_get(&path).await.expect(200)["items"].as_array().unwrap().clone()
}

fn codes(refusals: &[Value]) -> Vec<(&str, &str)> {
    let pairs = refusals.iter().map(|refusal| (refusal["operation"].as_str(), refusal["code"].as_str()));
    pairs.map(|(operation, code)| (operation.unwrap(), code.unwrap())).collect()
}

/// A licence whose only seat is taken.
async fn full(server: &TestServer, shop: &Shop) -> (Value, String) {
    let issued = shop.issue(server, json!({"maxActivations": 1})).await;
    let key = issued["licenseKey"].as_str().unwrap().to_owned();
    Machine::activate(server, &key, "the first").await;
    (issued, key)
}

async fn refused_activation(server: &TestServer, key: &str, number: usize) {
    let body = json!({"licenseKey": key, "fingerprint": format!("fp-{number}"), "hostname": format!("host-{number}"),
                      "productVersion": format!("1.{number}")});
    let request = server.request(Method::POST, "/api/v1/license-activations/activate");
    let request = request.header("x-request-id", format!("request-{number:04}")).json(&body);
    Reply::of(request).await.expect_problem(409, "SEAT_LIMIT_REACHED");
}

async fn of_sixty_refusals_the_last_fifty_stay_with_every_field(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (issued, key) = full(&server, &shop).await;
    let mut expected = Vec::new();
    for number in 0..60 {
        server.clock.advance(1);
        refused_activation(&server, &key, number).await;
        expected.push(json!({
            "at": server.context.moment().now,
            "operation": "activate",
            "code": "SEAT_LIMIT_REACHED",
            "ip": "127.0.0.1",
            "hostname": format!("host-{number}"),
            "productVersion": format!("1.{number}"),
            "fingerprint": format!("fp-{number}"),
            "requestId": format!("request-{number:04}"),
        }));
        // Written in several turns.
        if number % 7 == 0 {
            refusals(&server, &issued).await;
        }
    }
    expected.reverse();
    expected.truncate(50);
    assert_eq!(refusals(&server, &issued).await, expected);
    assert_eq!(refusal::Entity::find().count(&server.context.db).await.unwrap(), 50);
}

async fn refusals_are_kept_for_each_licence_apart(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (one, key_of_one) = full(&server, &shop).await;
    let (other, key_of_other) = full(&server, &shop).await;
    for number in 0..3 {
        refused_activation(&server, &key_of_one, number).await;
    }
    for number in 10..65 {
        refused_activation(&server, &key_of_other, number).await;
    }
    assert_eq!(refusals(&server, &one).await.len(), 3);
    let of_other = refusals(&server, &other).await;
    assert_eq!(of_other.len(), 50);
    assert!(of_other.iter().all(|refusal| refusal["fingerprint"] != "fp-2"));
    assert_eq!(
        (&of_other[0]["fingerprint"], &of_other[49]["fingerprint"]),
        (&json!("fp-64"), &json!("fp-15"))
    );
}

async fn every_operation_that_refuses_leaves_a_note(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"maxActivations": 1})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let more = json!({"hostname": "ada-laptop", "productVersion": "2.4.1", "userRef": "ada"});
    let mut machine = Machine::activate_with(&server, key, "fp-1", more).await;
    let copy = machine.clone();
    machine.beat(&server).await;
    copy.try_beat(&server).await.expect_problem(409, "NONCE_REUSED");
    let mut stranger = machine.beat_body(None);
    stranger["fingerprint"] = json!("fp-2");
    server.post("/license-keys/heartbeat", stranger).await.expect_problem(409, "FINGERPRINT_MISMATCH");
    try_activate(&server, key, "fp-1", json!({"userRef": "eve"}))
        .await
        .expect_problem(409, "BINDING_MISMATCH");
    let question = json!({"token": machine.token, "actionType": "api"});
    server.post("/license-keys/validate", question).await.expect(200);
    suspend(&server, issued["id"].as_str().unwrap()).await;
    let question = json!({"licenseKey": key, "fingerprint": "fp-3", "productVersion": "3.0"});
    server.post("/license-keys/validate", question).await.expect(200);
    try_activate(&server, key, "fp-4", json!({})).await.expect_problem(403, "LICENSE_SUSPENDED");
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    server.admin_post(&path, json!({})).await.expect(200);
    machine.try_beat(&server).await.expect_problem(410, "ACTIVATION_DEACTIVATED");

    let mut told = refusals(&server, &issued).await;
    told.reverse();
    let expected = [
        ("heartbeat", "NONCE_REUSED"),
        ("heartbeat", "FINGERPRINT_MISMATCH"),
        ("activate", "BINDING_MISMATCH"),
        ("validate", "FEATURE_NOT_INCLUDED"),
        ("validate", "SUSPENDED"),
        ("activate", "LICENSE_SUSPENDED"),
        ("heartbeat", "ACTIVATION_DEACTIVATED"),
    ];
    assert_eq!(codes(&told), expected);
    let seen = |number: usize| {
        let of = |member: &str| told[number][member].clone();
        json!([of("fingerprint"), of("hostname"), of("productVersion")])
    };
    assert_eq!(seen(0), json!(["fp-1", "ada-laptop", "2.4.1"]));
    assert_eq!(seen(1), json!(["fp-2", "ada-laptop", "2.4.1"]));
    assert_eq!(seen(3), json!(["fp-1", "ada-laptop", "2.4.1"]));
    assert_eq!(seen(4), json!(["fp-3", null, "3.0"]));
}

async fn what_concerns_no_licence_leaves_none(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let mut machine = Machine::activate(&server, key, "fp-1").await;
    // Good calls, and a warning.
    machine.beat(&server).await;
    server.clock.advance(90_000);
    let question = json!({"licenseKey": key, "fingerprint": "fp-1"});
    assert_eq!(server.post("/license-keys/validate", question).await.expect(200)["code"], "GRACE");
    // Whoever knows nothing.
    try_activate(&server, "a-key-of-nobody", "fp-1", json!({})).await.expect_problem(404, "NOT_FOUND");
    server.post("/license-keys/validate", json!({"licenseKey": "a-key-of-nobody"})).await.expect(200);
    let forged = json!({"token": format!("{}x", machine.token)});
    server.post("/license-keys/validate", forged).await.expect_problem(422, "TOKEN_INVALID");
    let mut garbage = machine.beat_body(None);
    garbage["nonce"] = json!("garbage");
    server.post("/license-keys/heartbeat", garbage).await.expect_problem(401, "NONCE_INVALID");
    let sent = json!({"consumerKey": "no key"});
    try_activate(&server, key, "fp-1", sent).await.expect_problem(422, "CONSUMER_KEY_INVALID");
    assert_eq!(refusals(&server, &issued).await, Vec::<Value>::new());
}

async fn a_flood_is_not_written_on_its_way(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    suspend(&server, issued["id"].as_str().unwrap()).await;
    let question = json!({"licenseKey": issued["licenseKey"]});
    let before = server.context.db.statements();
    join_all((0..300).map(|_| server.post("/license-keys/validate", question.clone()))).await;
    let statements = server.context.db.statements() - before;
    // Three reads each; a write costs two more, once a second.
    assert!(statements < 3 * 300 + 100, "{statements}");
    assert_eq!(refusals(&server, &issued).await.len(), 50);
}

async fn a_server_that_stops_writes_its_notes(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (issued, key) = full(&server, &shop).await;
    let other = server.another().await;
    refused_activation(&other, &key, 1).await;
    drop(other);
    assert_eq!(codes(&refusals(&server, &issued).await), [("activate", "SEAT_LIMIT_REACHED")]);
}

async fn instances_share_what_they_wrote(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (issued, key) = full(&server, &shop).await;
    let other = server.another().await;
    for number in 0..60 {
        server.clock.advance(1);
        refused_activation(if number % 2 == 0 { &server } else { &other }, &key, number).await;
    }
    let (here, there) = tokio::join!(refusals(&server, &issued), refusals(&other, &issued));
    assert!(here.len() <= 50 && there.len() <= 50);
    let told = refusals(&server, &issued).await;
    let expected: Vec<String> = (10..60).rev().map(|number| format!("fp-{number}")).collect();
    let seen: Vec<&str> = told.iter().map(|refusal| refusal["fingerprint"].as_str().unwrap()).collect();
    assert_eq!(seen, expected);
}

async fn an_unknown_licence_has_no_refusals(backend: Backend) {
    let server = TestServer::start(backend).await;
    let path = "/license-keys/lic_01h455vb4pex5vsknk084sn02q/refusals";
    server.admin_get(path).await.expect_problem(404, "NOT_FOUND");
}
