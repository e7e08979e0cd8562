//! Replicas that share a fingerprint, told apart by their instance.

use futures_util::future::join_all;
use licentia_tests::{Backend, Machine, TestServer, on_both, try_activate};
use serde_json::{Value, json};

use super::floating::begin;
use super::{Issued, deactivate, edit_tier, row};

on_both![
    each_replica_takes_a_seat_of_its_own,
    the_same_replica_at_once_takes_one_seat,
    replicas_are_for_floating_licences,
    a_fingerprint_alone_means_the_machine_without_instance_or_an_active_one,
    replicas_stay_when_their_licence_becomes_node_locked,
];

async fn replica(server: &TestServer, issued: &Issued, instance: &str) -> Machine {
    Machine::activate_with(server, &issued.key, "image", json!({"instance": instance})).await
}

async fn each_replica_takes_a_seat_of_its_own(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 3})).await;
    let mut first = replica(&server, &issued, "a").await;
    let mut second = replica(&server, &issued, "b").await;
    let plain = Machine::activate(&server, &issued.key, "image").await;
    assert_eq!(issued.counted(&server).await, (3, 3));
    let full = try_activate(&server, &issued.key, "image", json!({"instance": "c"})).await;
    full.expect_problem(409, "SEAT_LIMIT_REACHED");
    // Each beats for itself.
    first.beat(&server).await;
    second.beat(&server).await;
    assert_eq!(row(&server, &first).await.instance.unwrap().as_str(), "a");
    assert_eq!(row(&server, &plain).await.instance, None);
    let again = try_activate(&server, &issued.key, "image", json!({"instance": "b"})).await.expect(200);
    assert_eq!(
        (&again["activation"]["id"], &again["activation"]["instance"]),
        (&json!(second.activation), &json!("b"))
    );
    for wrong in [json!(""), json!("x".repeat(129)), json!(7), json!("a\0")] {
        let reply = try_activate(&server, &issued.key, "image", json!({"instance": wrong})).await;
        assert_eq!(reply.expect_problem(422, "VALIDATION_FAILED")["errors"][0]["pointer"], "/instance");
    }
}

async fn the_same_replica_at_once_takes_one_seat(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 5})).await;
    let body = || json!({"instance": "a"});
    let replies = join_all((0..12).map(|_| try_activate(&server, &issued.key, "image", body()))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    // Three answers may be lost in a day; more have to wait for somebody.
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 3);
    assert_eq!(replies.iter().filter(|reply| matches!(reply.status, 202 | 409)).count(), 8);
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn replicas_are_for_floating_licences(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, _) = begin(&server, json!({})).await;
    let locked = Issued::at(&server, &shop, &shop.pro, json!({})).await;
    let reply = try_activate(&server, &locked.key, "image", json!({"instance": "a"})).await;
    assert_eq!(reply.expect_problem(422, "VALIDATION_FAILED")["errors"][0]["pointer"], "/instance");
    assert_eq!(locked.counted(&server).await, (0, 0));
    try_activate(&server, &locked.key, "image", json!({"instance": null})).await.expect(201);
}

async fn a_fingerprint_alone_means_the_machine_without_instance_or_an_active_one(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 5})).await;
    let gone = replica(&server, &issued, "a").await;
    let alive = replica(&server, &issued, "b").await;
    deactivate(&server, &gone).await.expect(200);
    let meant = || async {
        let body = json!({"licenseKey": issued.key, "fingerprint": "image"});
        let verdict = server.post("/license-keys/validate", body).await.expect(200);
        (verdict["code"].clone(), verdict["activationId"].clone())
    };
    assert_eq!(meant().await, (json!("VALID"), json!(alive.activation)));
    let plain = Machine::activate(&server, &issued.key, "image").await;
    assert_eq!(meant().await, (json!("VALID"), json!(plain.activation)));
    // The status is that of exactly the one that is asked for.
    for (instance, activation, status) in [
        (json!("a"), json!(gone.activation), json!("deactivated")),
        (json!("b"), json!(alive.activation), json!("active")),
        (Value::Null, json!(plain.activation), json!("active")),
        (json!("c"), Value::Null, Value::Null),
    ] {
        let body = json!({"licenseKey": issued.key, "fingerprint": "image", "instance": instance});
        let standing = server.post("/license-activations/status", body).await.expect(200);
        assert_eq!((&standing["activationId"], &standing["activationStatus"]), (&activation, &status));
    }
}

async fn replicas_stay_when_their_licence_becomes_node_locked(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 5})).await;
    let mut early = replica(&server, &issued, "a").await;
    let license = server.admin_get(&format!("/license-keys/{}", issued.id)).await.expect(200);
    let tier = license["tierId"].as_str().unwrap().to_owned();
    edit_tier(&server, &tier, json!({"activationModel": "node_locked"})).await.expect(200);
    early.beat(&server).await;
    let again = try_activate(&server, &issued.key, "image", json!({"instance": "a"})).await.expect(200);
    assert_eq!(again["activation"]["floating"], false);
    let late = try_activate(&server, &issued.key, "image", json!({"instance": "b"})).await;
    late.expect_problem(422, "VALIDATION_FAILED");
}
