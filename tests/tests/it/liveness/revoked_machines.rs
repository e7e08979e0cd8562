//! Revoking one machine, unblocking it, and the grace that a revoked one is told of.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use licentia_entity::license::Status;
use licentia_entity::signing_key::{self, Purpose};
use licentia_tests::{Backend, Machine, Shop, TestServer, claims, on_both, request_id, try_activate};
use licentia_types::time::Timestamp;
use reqwest::Method;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use super::{Issued, audited, deactivate, row, shown, told};
use crate::access::key_with;

on_both![
    a_revoked_machine_is_blocked_until_it_is_unblocked,
    revoking_takes_the_permission_and_a_known_machine,
    a_revoked_seat_is_released_within_the_budget,
    a_grace_token_says_until_when_and_is_no_licence_token,
    a_grace_token_is_encrypted_where_tokens_are,
    a_grace_ends_and_never_outlives_the_licence,
    no_heartbeat_after_a_revocation_gets_a_token,
    what_was_revoked_is_told_to_those_who_believe_tokens,
];

async fn begin(server: &TestServer, more: Value) -> (Shop, Issued, Machine) {
    let shop = Shop::open(server).await;
    let issued = Issued::at(server, &shop, &shop.pro, more).await;
    let machine = Machine::activate(server, &issued.key, "fp-1").await;
    (shop, issued, machine)
}

pub(super) async fn revoke(server: &TestServer, machine: &Machine, body: Value) -> Value {
    let path = format!("/license-activations/{}/revoke", machine.activation);
    server.admin_post(&path, body).await.expect(200)
}

pub(super) async fn unblock(server: &TestServer, machine: &Machine) -> Value {
    let path = format!("/license-activations/{}/unblock", machine.activation);
    server.admin_post(&path, json!({})).await.expect(200)
}

/// As a revocation with a grace leaves the licence.
pub(super) async fn revoke_license(server: &TestServer, issued: &Issued, grace: Option<i64>) {
    use licentia_domain::clock::Clock;
    let now = server.clock.now();
    issued
        .set(server, |row| {
            row.status = Set(Status::Revoked);
            row.revoked_at = Set(Some(now));
            row.grace_until = Set(grace.map(|seconds| Timestamp::from_seconds(now.seconds() + seconds)));
        })
        .await;
}

async fn a_revoked_machine_is_blocked_until_it_is_unblocked(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued, machine) = begin(&server, json!({})).await;
    let revoked = revoke(&server, &machine, json!({"reason": "stolen", "graceHours": 0})).await;
    assert_eq!((&revoked["status"], &revoked["revocationReason"]), (&json!("revoked"), &json!("stolen")));
    assert_eq!((&revoked["graceUntil"], revoked["revokedAt"].is_string()), (&Value::Null, true));
    let stored = row(&server, &machine).await;
    assert!(stored.revoked_by.unwrap().starts_with("api_key:key_"));
    assert_eq!(
        (audited(&server, "activation.revoked").await, told(&server, "activation.revoked").await),
        (1, 1)
    );
    // Again changes nothing.
    assert_eq!(revoke(&server, &machine, json!({"reason": "other"})).await, revoked);
    assert_eq!(audited(&server, "activation.revoked").await, 1);

    for more in [json!({}), json!({"nonce": machine.nonce}), json!({"nonce": "garbage"})] {
        let reply = try_activate(&server, &issued.key, "fp-1", more.clone()).await;
        let expected =
            if more["nonce"] == "garbage" { (401, "NONCE_INVALID") } else { (403, "ACTIVATION_REVOKED") };
        reply.expect_problem(expected.0, expected.1);
    }
    deactivate(&server, &machine).await.expect_problem(409, "STATE_CONFLICT");
    assert_eq!(shown(&server, &machine).await["status"], "revoked");
    // Other machines of the licence are not concerned.
    try_activate(&server, &issued.key, "fp-2", json!({})).await.expect(201);

    let free = unblock(&server, &machine).await;
    assert_eq!((&free["status"], &free["revokedAt"]), (&json!("deactivated"), &Value::Null));
    assert_eq!(unblock(&server, &machine).await, free);
    assert_eq!(
        (audited(&server, "activation.unblocked").await, told(&server, "activation.unblocked").await),
        (1, 1)
    );
    machine.try_beat(&server).await.expect_problem(410, "ACTIVATION_DEACTIVATED");
    let mut back = Machine::activate(&server, &issued.key, "fp-1").await;
    assert_eq!(back.activation, machine.activation);
    assert_eq!(back.beat(&server).await["status"], "active");
    assert_eq!(issued.counted(&server).await, (2, 2));
}

async fn revoking_takes_the_permission_and_a_known_machine(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, machine) = begin(&server, json!({})).await;
    let powerless = key_with(&server, &[]).await;
    for action in ["revoke", "unblock"] {
        let path = format!("/api/v1/license-activations/{}/{action}", machine.activation);
        server.post(&path["/api/v1".len()..], json!({})).await.expect_problem(401, "UNAUTHENTICATED");
        let request = server.request(Method::POST, &path).bearer_auth(&powerless);
        licentia_tests::Reply::of(request.json(&json!({}))).await.expect_problem(403, "PERMISSION_DENIED");
        let nobody = format!("/license-activations/act_01h455vb4pex5vsknk084sn02q/{action}");
        server.admin_post(&nobody, json!({})).await.expect_problem(404, "NOT_FOUND");
    }
    for wrong in [
        json!({"graceHours": -1}),
        json!({"graceHours": 65_536}),
        json!({"graceHours": 1.5}),
        json!({"why": 1}),
    ] {
        let path = format!("/license-activations/{}/revoke", machine.activation);
        server.admin_post(&path, wrong).await.expect_problem(422, "VALIDATION_FAILED");
    }
    assert_eq!(shown(&server, &machine).await["status"], "active");
}

async fn a_revoked_seat_is_released_within_the_budget(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued, first) = begin(&server, json!({"maxActivations": 1})).await;
    let mut machine = first;
    for n in 2..5 {
        assert_eq!(revoke(&server, &machine, json!({"graceHours": 0})).await["holdsSeat"], false);
        machine = Machine::activate(&server, &issued.key, &format!("fp-{n}")).await;
    }
    // The budget of three is spent: the seat frees when what the machine has is worth nothing more.
    let held = revoke(&server, &machine, json!({"graceHours": 100})).await;
    assert_eq!((&held["holdsSeat"], &held["seatFreesAt"]), (&json!(true), &held["graceUntil"]));
    try_activate(&server, &issued.key, "next", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    // Unblocking does not free it either.
    unblock(&server, &machine).await;
    try_activate(&server, &issued.key, "next", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    server.clock.advance(100 * 3_600);
    try_activate(&server, &issued.key, "next", json!({})).await.expect(201);
    assert_eq!(issued.counted(&server).await, (1, 1));
}

fn header(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

async fn a_grace_token_says_until_when_and_is_no_licence_token(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued, mut machine) = begin(&server, json!({})).await;
    revoke_license(&server, &issued, Some(3_600)).await;
    let licence_claims = machine.claims();
    let revoked = machine.beat(&server).await;
    assert_eq!(revoked["status"], "revoked");
    for member in ["token", "expiresAt", "staleUntil"] {
        assert!(revoked.get(member).is_none(), "{member}");
    }
    let token = revoked["graceToken"].as_str().unwrap();
    let grace = claims(token);
    assert_eq!(header(token)["typ"], "grace+jwt");
    assert_eq!(header(token)["kid"], server.signer(Purpose::Document).await.kid());
    assert_eq!(grace["aud"], format!("urn:licentia:grace:{}", shop.slug));
    for member in
        ["iss", "sub", "license_id", "activation_id", "fingerprint", "tier", "features", "feature_values"]
    {
        assert_eq!(grace[member], licence_claims[member], "{member}");
    }
    assert_ne!(grace["jti"], licence_claims["jti"]);
    let until: Timestamp = revoked["graceUntil"].as_str().unwrap().parse().unwrap();
    assert_eq!(grace["exp"].as_i64(), Some(until.seconds()));
    assert_eq!(grace["exp"].as_i64().unwrap() - grace["iat"].as_i64().unwrap(), 3_600 + 60);
    assert_eq!(grace["nbf"], grace["iat"]);

    let verdict = server.post("/license-keys/validate", json!({"token": token})).await;
    assert_eq!(verdict.expect_problem(422, "TOKEN_INVALID")["valid"], false);
    // The document key lives on until the grace is over.
    let kid = server.signer(Purpose::Document).await.kid().to_owned();
    let key = signing_key::Entity::find_by_id(kid).one(&server.context.db).await.unwrap().unwrap();
    assert!(key.signs_until >= until);
}

async fn a_grace_token_is_encrypted_where_tokens_are(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued, _) = begin(&server, json!({})).await;
    let signer = server.signer(Purpose::Document).await;
    let jwks = server.get("/.well-known/jwks.json").await.expect(200);
    let mut key =
        jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == signer.kid()).unwrap().clone();
    for member in ["kid", "use", "alg"] {
        key.as_object_mut().unwrap().remove(member);
    }
    let mut machine =
        Machine::activate_with(&server, &issued.key, "sealed", json!({"consumerKey": key})).await;
    revoke(&server, &machine, json!({"graceHours": 1})).await;
    let revoked = machine.beat(&server).await;
    assert_eq!(revoked["graceToken"].as_str().unwrap().split('.').count(), 5);
    assert!(revoked.get("token").is_none() && revoked.get("tokenType").is_none());
}

async fn a_grace_ends_and_never_outlives_the_licence(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued, mut machine) = begin(&server, json!({"validDays": 2})).await;
    // As the tier says: a day.
    let shown = revoke(&server, &machine, json!({})).await;
    assert!(shown["graceUntil"].is_string());
    server.clock.advance(86_400 - 1);
    assert!(machine.beat(&server).await["graceToken"].is_string());
    server.clock.advance(1);
    let over = machine.beat(&server).await;
    assert_eq!(
        (&over["status"], over.get("graceToken"), over.get("graceUntil")),
        (&json!("revoked"), None, None)
    );

    let mut late = Machine::activate(&server, &issued.key, "fp-2").await;
    revoke(&server, &late, json!({"graceHours": 1_000})).await;
    let license = server.admin_get(&format!("/license-keys/{}", issued.id)).await.expect(200);
    assert_eq!(
        late.beat(&server).await["graceUntil"].as_str().unwrap().get(..19),
        license["expiresAt"].as_str().unwrap().get(..19)
    );
    server.clock.advance(86_400);
    assert!(late.beat(&server).await.get("graceToken").is_none());
}

async fn no_heartbeat_after_a_revocation_gets_a_token(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (_, issued, _) = begin(&server, json!({"maxActivations": null})).await;
    let mut machines = Vec::new();
    for n in 0..10 {
        machines.push(Machine::activate(&server, &issued.key, &format!("machine-{n}")).await);
    }
    let revoked = std::sync::atomic::AtomicBool::new(false);
    let beats = join_all(machines.iter_mut().enumerate().map(|(n, machine)| {
        let (server, revoked) = (if n % 2 == 0 { &server } else { &other }, &revoked);
        async move {
            let mut without = 0;
            // As long as the revocation takes, and five times more.
            for _ in 0..5_000 {
                let told = revoked.load(std::sync::atomic::Ordering::SeqCst);
                let answer = machine.beat(server).await;
                if told {
                    assert_eq!((&answer["status"], answer.get("token")), (&json!("revoked"), None));
                    without += 1;
                }
                if without == 5 {
                    break;
                }
            }
            without
        }
    }));
    let revocation = async {
        let path = format!("/license-keys/{}/revoke", issued.id);
        server.admin_post(&path, json!({"reason": "fraud"})).await.expect(200);
        revoked.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    let (without, ()) = futures_util::future::join(beats, revocation).await;
    assert_eq!(without, [5; 10]);
}

async fn what_was_revoked_is_told_to_those_who_believe_tokens(backend: Backend) {
    use licentia_entity::revocation_generation;
    let server = TestServer::start(backend).await;
    let (_, _, machine) = begin(&server, json!({})).await;
    let generation = || async {
        let row = revocation_generation::Entity::find().one(&server.context.db).await.unwrap().unwrap();
        row.generation
    };
    let before = generation().await;
    revoke(&server, &machine, json!({})).await;
    assert_eq!(generation().await, before + 1);
    let body = machine.beat_body(Some(&request_id()));
    server.post("/license-keys/heartbeat", body).await.expect(200);
    unblock(&server, &machine).await;
    assert_eq!(generation().await, before + 2);
}
