//! A file cannot be taken back before it ends, so its seat is nobody else's until then.

use licentia_tests::{Backend, TestServer, on_both, try_activate};

use super::*;

on_both![
    the_seat_is_free_when_the_file_has_ended,
    the_seat_waits_for_the_file_whoever_deactivates_the_machine,
    a_revoked_machine_holds_its_seat_until_its_file_ends,
    a_machine_with_a_file_is_well_without_heartbeats,
    a_floating_machine_keeps_its_seat_while_its_file_is_good,
    an_online_machine_keeps_its_seat_beyond_its_file,
    an_offline_machine_may_come_online,
    a_status_list_tells_of_a_file_that_was_taken_back,
    a_key_is_retired_after_its_files,
];

const DAY: i64 = 86_400;

async fn the_seat_is_free_when_the_file_has_ended(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let file = issued.file(&server, "board-1").await;
    try_activate(&server, &issued.key, "other", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    server.clock.advance(30 * DAY - 1);
    issued.checkout(&server, json!({"fingerprint": "other"})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    server.clock.advance(1);
    assert_eq!(issued.used(&server).await, 0, "before anybody wrote it down");
    assert_eq!(machine(&server, &file["activation"]["id"]).await["status"], "lapsed");
    issued.checkout(&server, json!({"fingerprint": "other", "ttlDays": 1})).await.expect(201);
    assert_eq!(issued.counted(&server).await, (1, 1));
    // It comes back when there is room, as the same machine.
    issued
        .checkout(&server, json!({"fingerprint": "board-1"}))
        .await
        .expect_problem(409, "SEAT_LIMIT_REACHED");
    server.clock.advance(DAY);
    server.run_jobs().await;
    assert_eq!(issued.counted(&server).await, (0, 0));
    let again = issued.file(&server, "board-1").await;
    assert_eq!(again["activation"]["id"], file["activation"]["id"]);
    assert_ne!(again["file"], file["file"]);
}

async fn the_seat_waits_for_the_file_whoever_deactivates_the_machine(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let file = issued.file(&server, "board-1").await;
    let gone = deactivate(&server, &file["activation"]["id"]).await;
    assert_eq!((&gone["status"], &gone["seatFreesAt"]), (&json!("deactivated"), &file["expiresAt"]));
    try_activate(&server, &issued.key, "other", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");

    // Nor by way of an activation of the same machine, which knows its nonce.
    let online = activate(&server, &issued, "board-1").await;
    let proof = json!({"licenseKey": issued.key, "fingerprint": "board-1", "nonce": online.nonce});
    let path = format!("/license-activations/{}/deactivate", online.activation);
    let gone = server.post(&path, proof).await.expect(200);
    assert_eq!((&gone["holdsSeat"], &gone["seatFreesAt"]), (&json!(true), &file["expiresAt"]));
    try_activate(&server, &issued.key, "other", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    server.clock.advance(30 * DAY);
    activate(&server, &issued, "other").await;
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn a_revoked_machine_holds_its_seat_until_its_file_ends(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let file = issued.file(&server, "board-1").await;
    let path = format!("/license-activations/{}/revoke", file["activation"]["id"].as_str().unwrap());
    for hours in [24, 0] {
        let revoked = server.admin_post(&path, json!({"graceHours": hours})).await.expect(200);
        assert_eq!((&revoked["holdsSeat"], &revoked["seatFreesAt"]), (&json!(true), &file["expiresAt"]));
    }
    try_activate(&server, &issued.key, "other", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    let list = licentia_tests::claims(&server.get("/api/v1/revocation/list").await.text);
    assert_eq!(list["revoked"][0]["id"], file["activation"]["id"]);
    server.clock.advance(30 * DAY);
    activate(&server, &issued, "other").await;
}

async fn a_machine_with_a_file_is_well_without_heartbeats(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({})).await;
    issued.file(&server, "board-1").await;
    let ask =
        || server.post("/license-keys/validate", json!({"licenseKey": issued.key, "fingerprint": "board-1"}));
    let standing = || {
        server
            .post("/license-activations/status", json!({"licenseKey": issued.key, "fingerprint": "board-1"}))
    };
    for _ in 0..2 {
        let verdict = ask().await.expect(200);
        assert_eq!((&verdict["valid"], &verdict["code"]), (&json!(true), &json!("VALID")), "{verdict}");
        let standing = standing().await.expect(200);
        assert_eq!(
            (&standing["activationStatus"], &standing["liveness"]),
            (&json!("active"), &json!("active"))
        );
        server.clock.advance(29 * DAY);
    }
    assert_eq!(ask().await.expect(200)["code"], "NOT_ACTIVATED");
    assert_eq!(standing().await.expect(200)["activationStatus"], "lapsed");
}

async fn a_floating_machine_keeps_its_seat_while_its_file_is_good(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let tier = json!({"productId": shop.product, "key": "pool", "name": "Pool", "activationModel": "floating",
                      "heartbeatInterval": 300, "maxActivations": 1});
    let tier = server.admin_post("/pricing-tiers", tier).await.expect(201)["id"].clone();
    let issued = Issued::of(&server, &shop, json!({"tierId": tier})).await;
    let mut online = activate(&server, &issued, "laptop").await;
    let file = issued.checkout(&server, json!({"fingerprint": "laptop", "ttlDays": 2})).await.expect(201);
    assert_eq!(
        (&file["activation"]["kind"], &file["activation"]["leaseUntil"]),
        (&json!("online"), &file["expiresAt"])
    );
    // A heartbeat gives no shorter lease than the file.
    online.beat(&server).await;
    let shown = machine(&server, &file["activation"]["id"]).await;
    assert_eq!(shown["leaseUntil"], file["expiresAt"]);
    server.clock.advance(DAY);
    server.run_jobs().await;
    try_activate(&server, &issued.key, "other", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    let back = online.beat(&server).await;
    assert_eq!(
        (&back["status"], &back["recovered"], &back["previousStatus"]),
        (&json!("active"), &json!(false), &json!("active"))
    );
    activate(&server, &issued, "laptop").await;
    server.clock.advance(DAY);
    activate(&server, &issued, "other").await;
    assert_eq!(issued.counted(&server).await, (1, 1));
    // A lapsed machine that checks out goes on with its nonce.
    server.clock.advance(900);
    let mut desk = activate(&server, &issued, "desk").await;
    server.clock.advance(901);
    let file = issued.checkout(&server, json!({"fingerprint": "desk", "ttlDays": 1})).await.expect(201);
    assert_eq!(file["activation"]["status"], "active");
    assert_eq!(desk.beat(&server).await["status"], "active");
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn an_online_machine_keeps_its_seat_beyond_its_file(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let mut online = activate(&server, &issued, "laptop").await;
    let file = issued.file(&server, "laptop").await;
    assert_eq!(
        (&file["activation"]["id"], &file["activation"]["kind"]),
        (&json!(online.activation), &json!("online"))
    );
    assert_eq!(issued.counted(&server).await, (1, 1));
    server.clock.advance(31 * DAY);
    try_activate(&server, &issued.key, "other", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    assert_eq!(online.beat(&server).await["recovered"], true);
}

async fn an_offline_machine_may_come_online(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let file = issued.file(&server, "board-1").await;
    let reply = try_activate(&server, &issued.key, "board-1", json!({})).await.expect(200);
    assert_eq!(
        (&reply["activation"]["id"], &reply["activation"]["kind"]),
        (&file["activation"]["id"], &json!("online"))
    );
    assert_eq!(
        (&reply["activation"]["leaseUntil"], &reply["activation"]["floating"]),
        (&Value::Null, &json!(false))
    );
    let mut online = Machine::of(&issued.key, "board-1", &reply);
    online.beat(&server).await;
    // It is signed no token that it could not fetch.
    let other = Issued::of(&server, &Shop::named(&server, "acme-cloud").await, json!({})).await;
    other.file(&server, "board-1").await;
    assert_eq!(other.change(&server, "regenerate", json!({})).await["tokens"], json!([]));
    let drift = server.admin_post(&format!("/license-keys/{}/audit", other.id), json!({})).await.expect(200);
    assert_eq!((&drift["liveTokens"], &drift["drifted"]), (&json!(1), &json!(0)));
    server.clock.advance(30 * DAY);
    assert_eq!(issued.counted(&server).await, (1, 1));
    assert_eq!(machine(&server, &file["activation"]["id"]).await["status"], "active");
}

async fn a_status_list_tells_of_a_file_that_was_taken_back(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({})).await;
    let file = issued.file(&server, "board-1").await;
    assert_eq!(crate::status_lists::value(&server, &token(&file)).await, 0);
    let online = activate(&server, &issued, "laptop").await;
    let second = issued.file(&server, "laptop").await;
    // New tokens for the machine take no file of it back.
    issued.change(&server, "regenerate", json!({})).await;
    let mut online = online;
    online.beat(&server).await;
    server.clock.advance(3 * DAY);
    online.beat(&server).await;
    assert_eq!(crate::status_lists::value(&server, &token(&second)).await, 0);
    deactivate(&server, &file["activation"]["id"]).await;
    server.clock.advance(20);
    assert_eq!(crate::status_lists::value(&server, &token(&file)).await, 1);
    issued.change(&server, "suspend", json!({})).await;
    assert_eq!(crate::status_lists::value(&server, &token(&second)).await, 2);
}

async fn a_key_is_retired_after_its_files(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({})).await;
    let file = issued.checkout(&server, json!({"fingerprint": "board-1", "ttlDays": 365})).await.expect(201);
    let kid = file["signingKeyId"].as_str().unwrap();
    server.admin_post("/signing-keys/rotate", json!({"purpose": "document"})).await.expect(200);
    server.clock.advance(364 * DAY);
    server.run_jobs().await;
    assert_eq!(server.get(&format!("/.well-known/keys/{kid}.pem")).await.status, 200);
    let again = issued.checkout(&server, json!({"fingerprint": "board-1", "ttlDays": 365})).await.expect(200);
    assert_eq!(again["file"], file["file"]);
    server.clock.advance(3 * DAY);
    server.run_jobs().await;
    assert_eq!(server.get(&format!("/.well-known/keys/{kid}.pem")).await.status, 404);
}
