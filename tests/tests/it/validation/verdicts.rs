//! Each code, with all of its reasons, gravest first.

use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use serde_json::{Value, json};

use super::{assert_verdict, machine, on_token, verdict};
use crate::licenses::suspend;

on_both![
    a_good_token_and_a_good_key_are_valid,
    a_machine_is_asked_for_only_where_a_fingerprint_is_given,
    another_machine_than_the_active_one_is_told_so,
    what_is_not_known_is_not_found,
    an_action_needs_its_feature,
    a_silent_machine_is_in_grace_and_then_past_it,
    an_ended_licence_has_its_grace,
    revoked_and_suspended_are_told,
    every_reason_is_told_gravest_first,
    a_token_ends_by_the_clock,
    an_encrypted_token_is_for_its_owner_only,
    a_question_names_a_token_or_a_key,
    a_verdict_changes_nothing,
];

fn by_key(machine: &Machine) -> Value {
    json!({"licenseKey": machine.key, "fingerprint": machine.fingerprint})
}

/// Its licence's id.
fn license(machine: &Machine) -> String {
    machine.claims()["license_id"].as_str().unwrap().to_owned()
}

async fn revoke(server: &TestServer, machine: &Machine) {
    let path = format!("/license-keys/{}/revoke", license(machine));
    server.admin_post(&path, json!({})).await.expect(200);
}

async fn edit(server: &TestServer, machine: &Machine, edit: Value) {
    let path = format!("/license-keys/{}", license(machine));
    server.admin_put(&path, edit).await.expect(200);
}

async fn a_good_token_and_a_good_key_are_valid(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    let with_fingerprint = json!({"token": machine.token, "fingerprint": "fp-1"});
    for question in [json!({"token": machine.token}), with_fingerprint, by_key(&machine)] {
        let verdict = verdict(&server, question).await;
        assert_verdict(&verdict, "VALID", &[]);
        assert_eq!(verdict["tier"], "pro");
        assert_eq!(verdict["features"], json!(["edit", "export", "rooms"]));
        assert_eq!(
            (&verdict["licenseId"], &verdict["activationId"]),
            (&json!(license(&machine)), &json!(machine.activation))
        );
        assert!(verdict.get("expiresAt").is_none());
    }
}

async fn a_machine_is_asked_for_only_where_a_fingerprint_is_given(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let key = &issued["licenseKey"];
    assert_verdict(&verdict(&server, json!({"licenseKey": key})).await, "VALID", &[]);
    let asked = verdict(&server, json!({"licenseKey": key, "fingerprint": "fp-1"})).await;
    assert_verdict(&asked, "NOT_ACTIVATED", &["NOT_ACTIVATED"]);
    assert_eq!(asked["licenseId"], issued["id"]);
    assert!(asked.get("activationId").is_none());
}

async fn another_machine_than_the_active_one_is_told_so(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    let both = ["FINGERPRINT_MISMATCH", "SEAT_LIMIT_REACHED"];
    for question in [
        json!({"licenseKey": machine.key, "fingerprint": "fp-2"}),
        json!({"token": machine.token, "fingerprint": "fp-2"}),
    ] {
        let verdict = verdict(&server, question.clone()).await;
        assert_verdict(&verdict, "FINGERPRINT_MISMATCH", &both);
        assert!(verdict.get("activationId").is_none());
    }
    edit(&server, &machine, json!({"maxActivations": 2})).await;
    let roomy = verdict(&server, json!({"licenseKey": machine.key, "fingerprint": "fp-2"})).await;
    assert_verdict(&roomy, "FINGERPRINT_MISMATCH", &both[..1]);
    // A machine that gave its seat back is not activated, whoever else is.
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    server.admin_post(&path, json!({})).await.expect(200);
    Machine::activate(&server, &machine.key, "fp-2").await;
    let gone = verdict(&server, by_key(&machine)).await;
    assert_verdict(&gone, "NOT_ACTIVATED", &["NOT_ACTIVATED"]);
}

async fn what_is_not_known_is_not_found(backend: Backend) {
    let server = TestServer::start(backend).await;
    for question in [
        json!({"licenseKey": "a-key-of-nobody"}),
        json!({"licenseKey": "a-key-of-nobody", "fingerprint": "fp-1", "actionType": "edit"}),
    ] {
        let verdict = verdict(&server, question).await;
        assert_verdict(&verdict, "NOT_FOUND", &["NOT_FOUND"]);
        assert_eq!(verdict["features"], json!([]));
        assert!(verdict.get("licenseId").is_none());
    }
    let malformed = json!({"licenseKey": "ACME-00000-00000-00000-00000-00001"});
    server.post("/license-keys/validate", malformed).await.expect_problem(422, "LICENSE_KEY_MALFORMED");
}

async fn an_action_needs_its_feature(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    for (action, granted) in
        [("edit", true), ("rooms", true), ("api", false), ("care", false), ("never-heard-of", false)]
    {
        for mut question in [json!({"token": machine.token}), by_key(&machine)] {
            question["actionType"] = json!(action);
            let verdict = verdict(&server, question).await;
            if granted {
                assert_verdict(&verdict, "VALID", &[]);
            } else {
                assert_verdict(&verdict, "FEATURE_NOT_INCLUDED", &["FEATURE_NOT_INCLUDED"]);
            }
        }
    }
}

async fn a_silent_machine_is_in_grace_and_then_past_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut machine = machine(&server).await;
    server.clock.advance(86_399);
    assert_verdict(&verdict(&server, by_key(&machine)).await, "VALID", &[]);
    server.clock.advance(1);
    let late = verdict(&server, by_key(&machine)).await;
    assert_verdict(&late, "GRACE", &["GRACE", "HEARTBEAT_OVERDUE"]);
    let late = on_token(&server, &machine.token).await;
    assert_verdict(&late, "GRACE", &["GRACE", "HEARTBEAT_OVERDUE"]);
    server.clock.advance(604_800 - 86_400);
    let lost = verdict(&server, by_key(&machine)).await;
    assert_verdict(&lost, "GRACE_EXPIRED", &["GRACE_EXPIRED", "HEARTBEAT_OVERDUE"]);
    machine.beat(&server).await;
    assert_verdict(&verdict(&server, by_key(&machine)).await, "VALID", &[]);
}

async fn an_ended_licence_has_its_grace(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let path = format!("/pricing-tiers/{}", shop.basic);
    server.admin_put(&path, json!({"expiryGrace": 600})).await.expect(200);
    let issued = shop.issue(&server, json!({"validDays": 1})).await;
    let question = json!({"licenseKey": issued["licenseKey"]});
    server.clock.advance(86_399);
    let good = verdict(&server, question.clone()).await;
    assert_verdict(&good, "VALID", &[]);
    assert_eq!(good["expiresAt"], issued["expiresAt"]);
    server.clock.advance(1);
    assert_verdict(&verdict(&server, question.clone()).await, "GRACE", &["GRACE"]);
    server.clock.advance(600);
    assert_verdict(&verdict(&server, question).await, "EXPIRED", &["EXPIRED"]);
}

async fn revoked_and_suspended_are_told(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    suspend(&server, &license(&machine)).await;
    for question in [json!({"token": machine.token}), by_key(&machine)] {
        let verdict = verdict(&server, question).await;
        assert_verdict(&verdict, "SUSPENDED", &["SUSPENDED"]);
    }
    revoke(&server, &machine).await;
    for question in [json!({"token": machine.token}), by_key(&machine)] {
        let verdict = verdict(&server, question).await;
        assert_verdict(&verdict, "REVOKED", &["REVOKED"]);
    }
}

async fn every_reason_is_told_gravest_first(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let more = json!({"validDays": 1, "maxActivations": 1});
    let issued = shop.issue(&server, more).await;
    let machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    revoke(&server, &machine).await;
    server.clock.advance(604_800);
    let stranger = json!({"licenseKey": machine.key, "fingerprint": "fp-2", "actionType": "api"});
    assert_verdict(
        &verdict(&server, stranger).await,
        "REVOKED",
        &["REVOKED", "EXPIRED", "FINGERPRINT_MISMATCH", "SEAT_LIMIT_REACHED", "FEATURE_NOT_INCLUDED"],
    );
    let mut known = by_key(&machine);
    known["actionType"] = json!("api");
    assert_verdict(
        &verdict(&server, known).await,
        "REVOKED",
        &["REVOKED", "EXPIRED", "GRACE_EXPIRED", "FEATURE_NOT_INCLUDED", "HEARTBEAT_OVERDUE"],
    );
}

async fn a_token_ends_by_the_clock(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut machine = machine(&server).await;
    let former = machine.token.clone();
    server.clock.advance(86_400);
    machine.beat(&server).await;
    // The former one is still good, and ends by itself.
    assert_verdict(&on_token(&server, &former).await, "VALID", &[]);
    server.clock.advance(86_400);
    let ended = on_token(&server, &former).await;
    assert_verdict(&ended, "TOKEN_INVALID", &["TOKEN_INVALID", "expired"]);
    assert_eq!(on_token(&server, &machine.token).await["valid"], true);
    server.clock.advance(-86_400 * 3);
    let early = on_token(&server, &machine.token).await;
    assert_verdict(&early, "TOKEN_INVALID", &["TOKEN_INVALID", "not_yet_valid"]);
}

async fn an_encrypted_token_is_for_its_owner_only(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let key = KeyPair::generate(RsaKeyBits::Rsa2048).unwrap().public().to_spki_pem();
    let more = json!({"consumerKey": key});
    let machine = Machine::activate_with(&server, issued["licenseKey"].as_str().unwrap(), "fp-1", more).await;
    let verdict = on_token(&server, &machine.token).await;
    assert_verdict(&verdict, "TOKEN_INVALID", &["TOKEN_INVALID", "encrypted"]);
}

async fn a_question_names_a_token_or_a_key(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    for question in [
        json!({}),
        json!({"fingerprint": "fp-1"}),
        json!({"token": machine.token, "licenseKey": machine.key}),
        json!({"token": 1}),
        json!({"licenseKey": machine.key, "actionType": "not a key"}),
    ] {
        let reply = server.post("/license-keys/validate", question).await;
        assert!(!reply.text.contains(&machine.key));
        reply.expect_problem(422, "VALIDATION_FAILED");
    }
}

async fn a_verdict_changes_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut machine = machine(&server).await;
    let path = format!("/license-activations/{}", machine.activation);
    let before = server.admin_get(&path).await.text;
    server.clock.advance(60);
    verdict(&server, by_key(&machine)).await;
    on_token(&server, &machine.token).await;
    assert_eq!(server.admin_get(&path).await.text, before);
    machine.beat(&server).await;
}
