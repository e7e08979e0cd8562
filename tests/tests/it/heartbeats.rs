//! Heartbeats: rotation, lost answers, copies, every standing of licence and machine.

use futures_util::future::join_all;
use licentia_entity::{activation, audit_event};
use licentia_tests::{Backend, Machine, Shop, TestServer, claims, on_both, request_id};
use licentia_types::ids::ActivationId;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

on_both![
    the_same_heartbeat_twenty_times_at_once_rotates_once,
    twenty_different_heartbeats_at_once_rotate_once,
    a_lost_answer_is_given_again,
    a_copy_is_refused_told_to_reactivate_and_written_down,
    clients_without_request_ids_may_repeat_and_raise_suspicion_when_late,
    a_restored_row_is_adopted_and_written_down,
    garbage_dies_before_the_database,
    every_standing_answers_as_designed,
    a_late_machine_recovers,
    a_token_never_outlives_the_licence,
    a_token_is_minted_afresh_after_an_edit,
    a_token_says_each_thing_of_its_licence_in_its_own_place,
    nothing_is_written_for_a_wrong_fingerprint,
    heartbeats_leave_version_and_edit_time_alone,
];

async fn begin(backend: Backend) -> (TestServer, Machine, Value) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    (server, machine, issued)
}

async fn row(server: &TestServer, machine: &Machine) -> activation::Model {
    let id: ActivationId = machine.activation.parse().unwrap();
    activation::Entity::find_by_id(id).one(&server.context.db).await.unwrap().unwrap()
}

async fn audited(server: &TestServer, action: &str) -> usize {
    let found = audit_event::Entity::find().filter(audit_event::Column::Action.eq(action));
    found.all(&server.context.db).await.unwrap().len()
}

const BEAT: &str = "/license-keys/heartbeat";

async fn the_same_heartbeat_twenty_times_at_once_rotates_once(backend: Backend) {
    let (server, machine, _) = begin(backend).await;
    let before = row(&server, &machine).await;
    let body = machine.beat_body(Some(&request_id()));
    let replies = join_all((0..20).map(|_| server.post(BEAT, body.clone()))).await;
    let answers: Vec<Value> = replies.into_iter().map(|reply| reply.expect(200)).collect();
    let first = &answers[0];
    for answer in &answers {
        assert_eq!((&answer["nonce"], &answer["status"]), (&first["nonce"], &first["status"]));
        assert_eq!(answer["previousStatus"], first["previousStatus"]);
        assert!(answer["token"].is_string());
    }
    assert_eq!(row(&server, &machine).await.generation, before.generation + 1);
}

async fn twenty_different_heartbeats_at_once_rotate_once(backend: Backend) {
    let (server, machine, _) = begin(backend).await;
    let before = row(&server, &machine).await;
    let replies = join_all((0..20).map(|_| machine.try_beat(&server))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.body["code"] == "NONCE_REUSED").count(), 19);
    assert_eq!(row(&server, &machine).await.generation, before.generation + 1);
}

async fn a_lost_answer_is_given_again(backend: Backend) {
    let (server, mut machine, _) = begin(backend).await;
    let body = machine.beat_body(Some(&request_id()));
    let lost = server.post(BEAT, body.clone()).await.expect(200);
    server.clock.advance(3_600);
    let again = server.post(BEAT, body).await.expect(200);
    assert_eq!(again["nonce"], lost["nonce"]);
    let (lost, again_claims) =
        (claims(lost["token"].as_str().unwrap()), claims(again["token"].as_str().unwrap()));
    assert_eq!(again_claims["iat"].as_i64().unwrap(), lost["iat"].as_i64().unwrap() + 3_600);
    assert_eq!(
        row(&server, &machine).await.last_contact_at.seconds(),
        again_claims["iat"].as_i64().unwrap() + 60
    );
    again["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
    machine.beat(&server).await;
    assert_eq!(audited(&server, "activation.clone_suspected").await, 0);
}

async fn a_copy_is_refused_told_to_reactivate_and_written_down(backend: Backend) {
    let (server, mut original, _) = begin(backend).await;
    let copy = original.clone();
    original.beat(&server).await;
    for _ in 0..3 {
        let problem = copy.try_beat(&server).await.expect_problem(409, "NONCE_REUSED");
        assert_eq!(problem["reactivate"], true);
    }
    // Once an hour is enough for the log.
    assert_eq!(audited(&server, "activation.clone_suspected").await, 1);
    let shown = server.admin_get(&format!("/license-activations/{}", original.activation)).await.expect(200);
    assert!(shown["cloneSuspectedAt"].is_string());
    // The original goes on.
    original.beat(&server).await;
    // By key alone the copy takes no seat, but starts a new epoch: now the original is told.
    let mut copy = Machine::activate(&server, &copy.key, &copy.fingerprint).await;
    copy.beat(&server).await;
    let problem = original.try_beat(&server).await.expect_problem(409, "NONCE_REUSED");
    assert_eq!(problem["reactivate"], true);
    copy.beat(&server).await;
}

async fn clients_without_request_ids_may_repeat_and_raise_suspicion_when_late(backend: Backend) {
    let (server, mut machine, _) = begin(backend).await;
    for generation in 0..3 {
        assert_eq!(audited(&server, "activation.clone_suspected").await, 0, "{generation}");
        let body = machine.beat_body(None);
        let answer = server.post(BEAT, body.clone()).await.expect(200);
        server.clock.advance(61);
        let again = server.post(BEAT, body).await.expect(200);
        assert_eq!(again["nonce"], answer["nonce"]);
        again["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
        server.clock.advance(3_600);
    }
    assert_eq!(audited(&server, "activation.clone_suspected").await, 1);
}

async fn a_restored_row_is_adopted_and_written_down(backend: Backend) {
    let (server, mut machine, _) = begin(backend).await;
    machine.beat(&server).await;
    machine.beat(&server).await;
    // The row as a backup had it.
    let tx = server.context.db.write(licentia_domain::database::Lane::Ordinary).await.unwrap();
    activation::Entity::update_many()
        .col_expr(activation::Column::Generation, Expr::value(1_i64))
        .col_expr(activation::Column::RequestDigest, Expr::value(None::<Vec<u8>>))
        .exec(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    machine.beat(&server).await;
    machine.beat(&server).await;
    assert_eq!(audited(&server, "activation.chain_restored").await, 1);
    assert_eq!(row(&server, &machine).await.generation, 5);
}

async fn garbage_dies_before_the_database(backend: Backend) {
    let (server, machine, _) = begin(backend).await;
    let statements = server.context.db.statements();
    let mut tampered = machine.nonce.clone().into_bytes();
    tampered[5] = if tampered[5] == b'A' { b'B' } else { b'A' };
    let long = "A".repeat(10_000);
    for nonce in ["", "x", "not a nonce", &long, std::str::from_utf8(&tampered).unwrap()] {
        let body = json!({"activationId": machine.activation, "fingerprint": "fp-1", "nonce": nonce});
        server.post(BEAT, body).await.expect_problem(401, "NONCE_INVALID");
    }
    // A genuine nonce of another activation.
    let stranger = Machine::activate(&server, &machine.key, "fp-2").await;
    let before = server.context.db.statements();
    let body = json!({"activationId": machine.activation, "fingerprint": "fp-1", "nonce": stranger.nonce});
    server.post(BEAT, body).await.expect_problem(401, "NONCE_INVALID");
    assert_eq!(server.context.db.statements(), before);
    assert!(before > statements);
}

async fn every_standing_answers_as_designed(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let tier = json!({"productId": shop.product, "key": "kind", "name": "Kind", "expiryGrace": 86_400});
    let tier = server.admin_post("/pricing-tiers", tier).await.expect(201);
    let issued = shop.issue(&server, json!({"tierId": tier["id"], "validDays": 1})).await;
    let license = issued["id"].as_str().unwrap();
    let mut machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    assert_eq!(machine.beat(&server).await["status"], "active");

    server.clock.advance(86_400);
    let in_grace = machine.beat(&server).await;
    assert_eq!((&in_grace["status"], in_grace["token"].is_string()), (&json!("expired"), true));
    server.clock.advance(86_400);
    let expired = machine.beat(&server).await;
    assert_eq!((&expired["status"], expired["token"].is_null()), (&json!("expired"), true));

    server.admin_put(&format!("/license-keys/{license}"), json!({"expiresAt": null})).await.expect(200);
    server.admin_post(&format!("/license-keys/{license}/suspend"), json!({})).await.expect(200);
    let suspended = machine.beat(&server).await;
    assert_eq!((&suspended["status"], suspended["token"].is_null()), (&json!("suspended"), true));
    server.admin_post(&format!("/license-keys/{license}/reinstate"), json!({})).await.expect(200);
    assert!(machine.beat(&server).await["token"].is_string());

    server
        .admin_post(&format!("/license-keys/{license}/revoke"), json!({"reason": "fraud"}))
        .await
        .expect(200);
    let reply = machine.try_beat(&server).await;
    assert!(!reply.text.contains("\"active\"") || reply.body["previousStatus"] == "active");
    let revoked = reply.expect(200);
    assert_eq!((&revoked["status"], revoked["token"].is_null()), (&json!("revoked"), true));
    assert!(revoked.get("expiresAt").is_none() && revoked.get("staleUntil").is_none());

    let deactivate = format!("/license-activations/{}/deactivate", machine.activation);
    server.admin_post(&deactivate, json!({})).await.expect(200);
    machine.nonce = revoked["nonce"].as_str().unwrap().to_owned();
    machine.try_beat(&server).await.expect_problem(410, "ACTIVATION_DEACTIVATED");
}

async fn a_late_machine_recovers(backend: Backend) {
    let (server, mut machine, _) = begin(backend).await;
    let in_time = machine.beat(&server).await;
    assert_eq!((&in_time["recovered"], &in_time["previousStatus"]), (&json!(false), &json!("active")));
    for (pause, previous) in [(86_400, "grace"), (604_800, "grace_expired")] {
        server.clock.advance(pause);
        let late = machine.beat(&server).await;
        assert_eq!((&late["recovered"], &late["previousStatus"]), (&json!(true), &json!(previous)));
        assert!(late["token"].is_string());
    }
    assert_eq!(audited(&server, "activation.recovered").await, 2);
}

async fn a_token_never_outlives_the_licence(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"validDays": 1})).await;
    let mut machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    for _ in 0..2 {
        let claims = machine.claims();
        let end = claims["license_exp"].as_i64().unwrap();
        assert!(
            claims["exp"].as_i64().unwrap() <= end && claims["stale_until"].as_i64().unwrap() <= end,
            "{claims}"
        );
        assert!(claims["stale_until"].as_i64() >= claims["exp"].as_i64());
        machine.beat(&server).await;
    }
}

async fn a_token_is_minted_afresh_after_an_edit(backend: Backend) {
    let (server, mut machine, issued) = begin(backend).await;
    assert_eq!(machine.claims()["feature_values"], json!({"rooms": 10}));
    let path = format!("/license-keys/{}", issued["id"].as_str().unwrap());
    let overrides = json!({"features": {"add": ["api"], "remove": ["export"], "values": {"rooms": 99}}});
    server.admin_put(&path, overrides).await.expect(200);
    machine.beat(&server).await;
    assert_eq!(machine.claims()["features"], json!(["api", "edit", "rooms"]));
    assert_eq!(machine.claims()["feature_values"], json!({"rooms": 99}));
    // The catalogue's edits arrive as well.
    let shop = server.admin_get("/pricing-tiers?q=basic").await.expect(200);
    let basic = shop["items"][0]["id"].as_str().unwrap();
    server.admin_put(&format!("/pricing-tiers/{basic}"), json!({"maxTenants": 7})).await.expect(200);
    machine.beat(&server).await;
    assert_eq!(machine.claims()["max_tenants"], 7);
}

/// The row is read column after column: what stands side by side must not change places.
async fn a_token_says_each_thing_of_its_licence_in_its_own_place(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let license = json!({
        "maxActivations": 5, "maxUsers": 7, "maxTenants": 9, "features": {"add": ["api"], "remove": ["export"]},
        "expiresAt": "2098-01-01T00:00:00Z", "updatesUntil": "2097-01-01T00:00:00Z", "metadata": {"a": "b"}, "notes": "c",
    });
    let issued = shop.issue(&server, license).await;
    let mut machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp").await;
    for _ in 0..2 {
        let claims = machine.claims();
        assert_eq!(
            (&claims["max_activations"], &claims["max_users"], &claims["max_tenants"]),
            (&json!(5), &json!(7), &json!(9))
        );
        assert_eq!(
            (&claims["license_exp"], &claims["updates_until"]),
            (&json!(4_039_372_800_i64), &json!(4_007_836_800_i64))
        );
        let features = claims["features"].as_array().unwrap();
        assert!(features.contains(&json!("api")) && !features.contains(&json!("export")), "{features:?}");
        // Not at hand any more.
        let path = format!("/license-keys/{}", issued["id"].as_str().unwrap());
        server.admin_put(&path, json!({"notes": "d"})).await.expect(200);
        machine.beat(&server).await;
    }
}

async fn nothing_is_written_for_a_wrong_fingerprint(backend: Backend) {
    let (server, machine, _) = begin(backend).await;
    let before = row(&server, &machine).await;
    server.clock.advance(60);
    let body = json!({"activationId": machine.activation, "fingerprint": "another", "nonce": machine.nonce});
    server.post(BEAT, body).await.expect_problem(409, "FINGERPRINT_MISMATCH");
    assert_eq!(row(&server, &machine).await, before);
}

async fn heartbeats_leave_version_and_edit_time_alone(backend: Backend) {
    let (server, mut machine, _) = begin(backend).await;
    let before = row(&server, &machine).await;
    server.clock.advance(60);
    machine.beat(&server).await;
    let after = row(&server, &machine).await;
    assert_eq!((after.version, after.updated_at), (before.version, before.updated_at));
    assert_eq!(after.status_serial, before.status_serial);
    assert_ne!(after.last_contact_at, before.last_contact_at);
}
