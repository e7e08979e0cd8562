//! Activating, activating again, giving the seat back.

use licentia_entity::activation;
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, try_activate};
use licentia_types::ids::ActivationId;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

on_both![
    the_token_says_what_the_design_promises,
    the_same_machine_again_keeps_its_seat_and_starts_a_new_epoch,
    by_key_alone_nothing_is_replaced,
    with_its_current_nonce_a_machine_may_replace_what_binds_it,
    deactivating_takes_key_fingerprint_and_nonce,
    deactivating_is_idempotent_and_the_machine_may_return,
    typing_errors_and_unknown_keys_are_told_apart_and_nothing_else,
    a_licence_that_is_worth_nothing_lets_no_machine_in,
    encrypted_tokens_come_with_a_consumer_key,
    weak_and_oversized_consumer_keys_are_refused,
    the_status_of_a_machine_changes_nothing,
    one_nonce_is_good_for_one_of_two_calls_at_once,
];

async fn begin(backend: Backend) -> (TestServer, String) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    (server, issued["licenseKey"].as_str().unwrap().to_owned())
}

async fn row(server: &TestServer, id: &str) -> activation::Model {
    let id: ActivationId = id.parse().unwrap();
    activation::Entity::find_by_id(id).one(&server.context.db).await.unwrap().unwrap()
}

async fn the_token_says_what_the_design_promises(backend: Backend) {
    let (server, key) = begin(backend).await;
    let more = json!({"environment": "ci", "productVersion": "2.1.0", "hostname": "host", "userRef": "ann"});
    let reply = try_activate(&server, &key, "fp-1", more).await;
    let body = reply.expect(201);
    let claims = licentia_tests::claims(body["token"].as_str().unwrap());
    let now = claims["iat"].as_i64().unwrap() + 60;
    assert_eq!(claims["nbf"], claims["iat"]);
    assert_eq!(claims["exp"], now + 172_800);
    assert_eq!(claims["refresh_after"], claims["iat"].as_i64().unwrap() + 86_400);
    assert_eq!(claims["stale_until"], now + 604_800);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(server.issuer), &json!("acme-desk")));
    assert_eq!(claims["sub"], claims["license_id"]);
    assert_eq!(claims["tier"], "pro");
    assert_eq!(claims["tiers"], json!(["pro", "basic"]));
    assert_eq!(claims["features"], json!(["edit", "export", "rooms"]));
    assert_eq!(claims["feature_values"], json!({"rooms": 10}));
    assert_eq!(claims["max_activations"], 2);
    assert!(claims.get("max_users").is_none() && claims.get("license_exp").is_none());
    assert_eq!(
        (&claims["heartbeat_required"], &claims["heartbeat_interval"]),
        (&json!(true), &json!(86_400))
    );
    assert_eq!((&claims["environment"], &claims["product_version"]), (&json!("ci"), &json!("2.1.0")));
    assert_eq!(claims["enforcement"], "block");
    assert_eq!(claims["activation_id"], body["activation"]["id"]);
    assert!(claims["jti"].as_str().unwrap().starts_with(body["activation"]["id"].as_str().unwrap()));
    let fingerprint = claims["fingerprint"].as_str().unwrap();
    assert!(fingerprint.len() == 43 && !fingerprint.contains("fp-1"));
    assert_eq!(body["heartbeat"], json!({"required": true, "intervalSeconds": 86_400}));
    assert_eq!((&body["tokenType"], &body["seats"]), (&json!("JWT"), &json!({"used": 1, "limit": 2})));
    // What was issued is kept with the machine's row.
    let row = row(&server, body["activation"]["id"].as_str().unwrap()).await;
    assert_eq!((row.token_iat.seconds(), row.token_exp.seconds()), (now - 60, now + 172_800));
    assert!(row.claim_set_id > 0 && row.status_serial > 0);
}

async fn the_same_machine_again_keeps_its_seat_and_starts_a_new_epoch(backend: Backend) {
    let (server, key) = begin(backend).await;
    let first = Machine::activate(&server, &key, "fp-1").await;
    let before = row(&server, &first.activation).await;
    let again = try_activate(&server, &key, "fp-1", json!({"hostname": "renamed"})).await.expect(200);
    assert_eq!(again["activation"]["id"], first.activation.as_str());
    assert_eq!((&again["seats"]["used"], &again["activation"]["hostname"]), (&json!(1), &json!("renamed")));
    let after = row(&server, &first.activation).await;
    assert!(after.epoch > before.epoch);
    assert_eq!(after.status_serial, before.status_serial);
    first.try_beat(&server).await.expect_problem(409, "NONCE_REUSED");
    Machine::of(&key, "fp-1", &again).beat(&server).await;
}

async fn by_key_alone_nothing_is_replaced(backend: Backend) {
    let (server, key) = begin(backend).await;
    let bound = json!({"userRef": "ann", "tenantRef": "north"});
    let machine = Machine::activate_with(&server, &key, "fp-1", bound.clone()).await;
    let before = row(&server, &machine.activation).await;
    for (member, value) in
        [("userRef", json!("eve")), ("tenantRef", json!("south")), ("consumerKey", json!(public_key(2048)))]
    {
        let problem = try_activate(&server, &key, "fp-1", json!({member: value}))
            .await
            .expect_problem(409, "BINDING_MISMATCH");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{member}"));
    }
    assert_eq!(row(&server, &machine.activation).await, before);
    // The same values again are no replacement.
    assert_eq!(try_activate(&server, &key, "fp-1", bound).await.status, 200);
}

async fn with_its_current_nonce_a_machine_may_replace_what_binds_it(backend: Backend) {
    let (server, key) = begin(backend).await;
    let mut machine = Machine::activate_with(&server, &key, "fp-1", json!({"userRef": "ann"})).await;
    let former = machine.nonce.clone();
    machine.beat(&server).await;
    let with = |nonce: &str| json!({"userRef": "bob", "consumerKey": public_key(2048), "nonce": nonce});
    try_activate(&server, &key, "fp-1", with(&former)).await.expect_problem(409, "NONCE_REUSED");
    try_activate(&server, &key, "fp-1", with("garbage")).await.expect_problem(401, "NONCE_INVALID");
    let again = try_activate(&server, &key, "fp-1", with(&machine.nonce)).await.expect(200);
    assert_eq!((&again["activation"]["userRef"], &again["tokenType"]), (&json!("bob"), &json!("JWE")));
}

async fn deactivating_takes_key_fingerprint_and_nonce(backend: Backend) {
    let (server, key) = begin(backend).await;
    let mut machine = Machine::activate(&server, &key, "fp-1").await;
    let stranger = Machine::activate(&server, &key, "fp-2").await;
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    let proof = |key: &str, fingerprint: &str, nonce: &str| {
        let body = json!({"licenseKey": key, "fingerprint": fingerprint, "nonce": nonce});
        let (server, path) = (&server, &path);
        async move { server.post(path, body).await }
    };
    server.post(&path, json!({})).await.expect_problem(422, "VALIDATION_FAILED");
    let without_nonce = json!({"licenseKey": key, "fingerprint": "fp-1"});
    server.post(&path, without_nonce).await.expect_problem(422, "VALIDATION_FAILED");
    proof(&key, "fp-1", "guess").await.expect_problem(401, "NONCE_INVALID");
    proof(&key, "fp-1", &stranger.nonce).await.expect_problem(401, "NONCE_INVALID");
    proof(&key, "fp-2", &machine.nonce).await.expect_problem(404, "NOT_FOUND");
    let other = Shop::named(&server, "other").await.issue(&server, json!({})).await;
    proof(other["licenseKey"].as_str().unwrap(), "fp-1", &machine.nonce)
        .await
        .expect_problem(404, "NOT_FOUND");
    // The previous nonce is good as well: the last answer may have been lost.
    let (oldest, previous) = (machine.nonce.clone(), {
        machine.beat(&server).await;
        machine.nonce.clone()
    });
    machine.beat(&server).await;
    proof(&key, "fp-1", &oldest).await.expect_problem(409, "NONCE_REUSED");
    assert_eq!(proof(&key, "fp-1", &previous).await.expect(200)["status"], "deactivated");
}

async fn deactivating_is_idempotent_and_the_machine_may_return(backend: Backend) {
    let (server, key) = begin(backend).await;
    let machine = Machine::activate(&server, &key, "fp-1").await;
    let before = row(&server, &machine.activation).await;
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    for _ in 0..2 {
        let done = server.admin_post(&path, json!({})).await.expect(200);
        assert_eq!((&done["status"], &done["holdsSeat"]), (&json!("deactivated"), &json!(false)));
    }
    let back = try_activate(&server, &key, "fp-1", json!({"userRef": "new"})).await.expect(201);
    assert_eq!(back["activation"]["id"], machine.activation.as_str());
    assert_eq!(back["seats"]["used"], 1);
    let after = row(&server, &machine.activation).await;
    assert!(after.status_serial > before.status_serial && after.epoch > before.epoch);
    machine.try_beat(&server).await.expect_problem(409, "NONCE_REUSED");
}

async fn typing_errors_and_unknown_keys_are_told_apart_and_nothing_else(backend: Backend) {
    let (server, key) = begin(backend).await;
    let mut wrong = key.clone().into_bytes();
    let last = wrong.len() - 1;
    wrong[last] = if wrong[last] == b'0' { b'1' } else { b'0' };
    let wrong = String::from_utf8(wrong).unwrap();
    let statements = server.context.db.statements();
    try_activate(&server, &wrong, "fp-1", json!({})).await.expect_problem(422, "LICENSE_KEY_MALFORMED");
    assert_eq!(server.context.db.statements(), statements);
    // As a person types it.
    let sloppy = format!(" {} ", key.to_lowercase());
    try_activate(&server, &sloppy, "fp-1", json!({})).await.expect(201);
    try_activate(&server, "a-key-of-nobody-at-all", "fp-1", json!({})).await.expect_problem(404, "NOT_FOUND");
}

async fn a_licence_that_is_worth_nothing_lets_no_machine_in(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let expiring = shop.issue(&server, json!({"validDays": 1})).await;
    let revoked = shop.issue(&server, json!({})).await;
    let revoke = format!("/license-keys/{}/revoke", revoked["id"].as_str().unwrap());
    server.admin_post(&revoke, json!({})).await.expect(200);
    let key = |issued: &Value| issued["licenseKey"].as_str().unwrap().to_owned();
    try_activate(&server, &key(&revoked), "fp-1", json!({})).await.expect_problem(403, "LICENSE_REVOKED");
    server.clock.advance(86_400);
    try_activate(&server, &key(&expiring), "fp-1", json!({})).await.expect_problem(403, "LICENSE_EXPIRED");
    assert_eq!(server.admin_get("/license-activations").await.expect(200)["total"], 0);
}

fn public_key(bits: u32) -> String {
    use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
    KeyPair::generate(RsaKeyBits::try_from(bits).unwrap()).unwrap().public().to_spki_pem()
}

async fn encrypted_tokens_come_with_a_consumer_key(backend: Backend) {
    let (server, key) = begin(backend).await;
    for (fingerprint, alg) in [("fp-1", None), ("fp-2", Some("RSA-OAEP-256"))] {
        let mut more = json!({"consumerKey": public_key(2048)});
        if let Some(alg) = alg {
            more["consumerKeyAlg"] = json!(alg);
        }
        let body = try_activate(&server, &key, fingerprint, more).await.expect(201);
        assert_eq!(body["tokenType"], "JWE");
        assert_eq!(body["token"].as_str().unwrap().split('.').count(), 5);
        let mut machine = Machine::of(&key, fingerprint, &body);
        assert_eq!(machine.beat(&server).await["tokenType"], "JWE");
    }
    try_activate(&server, &key, "fp-3", json!({"consumerKeyAlg": "RSA-OAEP"}))
        .await
        .expect_problem(422, "VALIDATION_FAILED");
    try_activate(&server, &key, "fp-3", json!({"consumerKey": public_key(2048), "consumerKeyAlg": "RSA1_5"}))
        .await
        .expect_problem(422, "VALIDATION_FAILED");
}

async fn weak_and_oversized_consumer_keys_are_refused(backend: Backend) {
    let (server, key) = begin(backend).await;
    let modulus = |bytes: usize| {
        use base64::Engine;
        let mut modulus = vec![0xd5_u8; bytes];
        modulus[bytes - 1] = 0xd3;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(modulus)
    };
    for jwk in [
        json!({"kty": "RSA", "n": modulus(128), "e": "AQAB"}),
        json!({"kty": "RSA", "n": modulus(1024), "e": "AQAB"}),
        json!({"kty": "RSA", "n": modulus(256), "e": "Aw"}),
        json!({"kty": "RSA", "n": modulus(256), "e": "AQAA"}),
        json!({"kty": "RSA", "n": modulus(256), "e": "AQAB", "d": "AQAB"}),
        json!({"kty": "EC", "crv": "P-256"}),
        json!("-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----"),
        json!("x".repeat(20_000)),
    ] {
        try_activate(&server, &key, "fp-1", json!({"consumerKey": jwk}))
            .await
            .expect_problem(422, "CONSUMER_KEY_INVALID");
    }
    assert_eq!(server.admin_get("/license-activations").await.expect(200)["total"], 0);
}

async fn the_status_of_a_machine_changes_nothing(backend: Backend) {
    let (server, key) = begin(backend).await;
    let ask = |fingerprint: &str| {
        let body = json!({"licenseKey": key, "fingerprint": fingerprint});
        let server = &server;
        async move { server.post("/license-activations/status", body).await.expect(200) }
    };
    let stranger = ask("fp-1").await;
    assert_eq!((&stranger["licenseStatus"], &stranger["activationId"]), (&json!("active"), &Value::Null));
    let machine = Machine::activate(&server, &key, "fp-1").await;
    let before = row(&server, &machine.activation).await;
    server.clock.advance(86_400);
    let late = ask("fp-1").await;
    assert_eq!((&late["activationStatus"], &late["liveness"]), (&json!("active"), &json!("grace")));
    assert_eq!(row(&server, &machine.activation).await, before);
}

async fn one_nonce_is_good_for_one_of_two_calls_at_once(backend: Backend) {
    let (server, key) = begin(backend).await;
    let mut machine = Machine::activate(&server, &key, "fp-1").await;
    for _ in 0..8 {
        let again = try_activate(&server, &key, "fp-1", json!({"nonce": machine.nonce}));
        let (beat, again) = futures_util::future::join(machine.try_beat(&server), again).await;
        let good = [&beat, &again].into_iter().filter(|reply| reply.status == 200).count();
        assert_eq!(good, 1, "{} {}", beat.text, again.text);
        let (good, refused) = if beat.status == 200 { (beat, again) } else { (again, beat) };
        assert_eq!(refused.body["code"], "NONCE_REUSED", "{}", refused.text);
        good.body["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
    }
}
