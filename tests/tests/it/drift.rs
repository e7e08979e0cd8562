//! What live tokens say beside what would be issued now, and tokens that are signed afresh.

use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_domain::database::Lane;
use licentia_entity::activation;
use licentia_tests::{Backend, Machine, Shop, TestServer, claims, on_both};
use licentia_types::ids::{ActivationId, LicenseId};
use licentia_types::text::Fingerprint;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::{Value, json};

use crate::access::key_with;
use crate::status_lists::{change_license, revoke_machine, value};

on_both![
    tokens_that_would_be_issued_again_have_no_drift,
    drift_names_each_claim_for_encrypted_tokens_too,
    drift_ends_with_the_next_heartbeat_or_the_token,
    the_audit_has_a_permission_of_its_own,
    regenerated_tokens_are_good_and_change_no_licence,
    a_former_token_turns_invalid_at_the_next_heartbeat,
    a_former_token_turns_invalid_when_it_ends,
    every_former_token_turns_invalid_however_often_one_was_signed,
    activating_again_ends_the_former_token_too,
    encrypted_machines_get_encrypted_tokens,
    a_licence_that_is_worth_no_token_gets_none,
    only_active_machines_get_one,
    heartbeats_and_regenerations_at_once_agree_on_the_place,
    too_many_machines_are_refused,
];

/// A licence without a limit of machines, and its key.
async fn license(server: &TestServer) -> (Shop, String, String) {
    let shop = Shop::open(server).await;
    let issued = shop.issue(server, json!({"maxActivations": null})).await;
    let text = |member: &str| issued[member].as_str().unwrap().to_owned();
    (shop, text("id"), text("licenseKey"))
}

async fn audit(server: &TestServer, license: &str) -> Value {
    server.admin_post(&format!("/license-keys/{license}/audit"), json!({})).await.expect(200)
}

async fn regenerate(server: &TestServer, license: &str) -> Value {
    server.admin_post(&format!("/license-keys/{license}/regenerate"), json!({})).await.expect(200)
}

/// The one fresh token.
async fn afresh(server: &TestServer, license: &str) -> String {
    let answer = regenerate(server, license).await;
    assert_eq!(answer["tokens"].as_array().unwrap().len(), 1, "{answer}");
    answer["tokens"][0]["token"].as_str().unwrap().to_owned()
}

async fn edit_tier(server: &TestServer, shop: &Shop, edit: Value) {
    let path = format!("/pricing-tiers/{}", shop.pro);
    let request = server.admin(reqwest::Method::PUT, &path).header("if-match", "*").json(&edit);
    licentia_tests::Reply::of(request).await.expect(200);
}

fn consumer_key() -> Value {
    json!({"consumerKey": KeyPair::generate(RsaKeyBits::Rsa2048).unwrap().public().to_spki_pem()})
}

async fn validity(server: &TestServer, token: &str) -> Value {
    server.post("/license-keys/validate", json!({"token": token})).await.expect(200)["code"].clone()
}

async fn tokens_that_would_be_issued_again_have_no_drift(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = license(&server).await;
    let empty = audit(&server, &license).await;
    assert_eq!(empty, json!({"licenseStatus": "active", "liveTokens": 0, "drifted": 0, "machines": []}));
    let machine = Machine::activate(&server, &key, "fp-1").await;
    let report = audit(&server, &license).await;
    assert_eq!((&report["liveTokens"], &report["drifted"]), (&json!(1), &json!(0)));
    let one = &report["machines"][0];
    assert_eq!((&one["activationId"], &one["tokenType"]), (&json!(machine.activation), &json!("JWT")));
    assert_eq!(one["kid"], jsonwebtoken::decode_header(&machine.token).unwrap().kid.unwrap());
    assert_eq!(one["drift"], json!([]));
    for (member, claim) in [("issuedAt", "iat"), ("expiresAt", "exp")] {
        let told: licentia_types::time::Timestamp = one[member].as_str().unwrap().parse().unwrap();
        assert_eq!(Some(told.seconds()), machine.claims()[claim].as_i64());
    }
    let path = "/license-keys/lic_01h455vb4pex5vsknk084sn02q/audit";
    server.admin_post(path, json!({})).await.expect_problem(404, "NOT_FOUND");
}

async fn drift_names_each_claim_for_encrypted_tokens_too(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, license, key) = license(&server).await;
    Machine::activate(&server, &key, "fp-1").await;
    server.clock.advance(1);
    Machine::activate_with(&server, &key, "fp-2", consumer_key()).await;
    edit_tier(&server, &shop, json!({"features": ["care"], "featureValues": {"rooms": 11}, "maxUsers": 5}))
        .await;
    let report = audit(&server, &license).await;
    assert_eq!((&report["liveTokens"], &report["drifted"]), (&json!(2), &json!(2)));
    let types: Vec<&Value> =
        report["machines"].as_array().unwrap().iter().map(|one| &one["tokenType"]).collect();
    assert_eq!(types, [&json!("JWT"), &json!("JWE")]);
    let expected = json!([
        {"claim": "feature_values", "issued": {"rooms": 10}, "now": {"rooms": 11}},
        {"claim": "features", "issued": ["edit", "export", "rooms"], "now": ["edit", "rooms"]},
        {"claim": "max_users", "issued": null, "now": 5}
    ]);
    for one in report["machines"].as_array().unwrap() {
        assert_eq!(one["drift"], expected);
    }
}

async fn drift_ends_with_the_next_heartbeat_or_the_token(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, license, key) = license(&server).await;
    let mut machine = Machine::activate(&server, &key, "fp-1").await;
    Machine::activate(&server, &key, "fp-2").await;
    edit_tier(&server, &shop, json!({"maxUsers": 5})).await;
    server.clock.advance(86_400);
    machine.beat(&server).await;
    let report = audit(&server, &license).await;
    assert_eq!((&report["liveTokens"], &report["drifted"]), (&json!(2), &json!(1)));
    assert_ne!(report["machines"][0]["activationId"], machine.activation, "those that drifted come first");
    assert_eq!(report["machines"][1]["drift"], json!([]));
    server.clock.advance(86_400);
    let report = audit(&server, &license).await;
    assert_eq!((&report["liveTokens"], &report["drifted"]), (&json!(1), &json!(0)));
}

async fn the_audit_has_a_permission_of_its_own(backend: Backend) {
    use licentia_types::permissions::Permission;
    let server = TestServer::start(backend).await;
    let (_, license, _) = license(&server).await;
    for (path, may, may_not) in [
        ("audit", Permission::LicensesAudit, Permission::Licenses),
        ("regenerate", Permission::Licenses, Permission::LicensesAudit),
    ] {
        for (permission, status) in [(may, 200), (may_not, 403)] {
            let key = key_with(&server, &[permission]).await;
            let path = format!("/api/v1/license-keys/{license}/{path}");
            let request = server.request(reqwest::Method::POST, &path).bearer_auth(key);
            licentia_tests::Reply::of(request).await.expect(status);
        }
    }
}

async fn regenerated_tokens_are_good_and_change_no_licence(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, license, key) = license(&server).await;
    let mut machine = Machine::activate(&server, &key, "fp-1").await;
    let before = server.admin_get(&format!("/license-keys/{license}")).await.expect(200);
    edit_tier(&server, &shop, json!({"maxUsers": 5})).await;
    server.clock.advance(3_600);
    let answer = regenerate(&server, &license).await;
    let one = &answer["tokens"][0];
    assert_eq!((&one["activationId"], &one["tokenType"]), (&json!(machine.activation), &json!("JWT")));
    let token = one["token"].as_str().unwrap();
    let (fresh, former) = (claims(token), machine.claims());
    assert_eq!((&fresh["max_users"], &former["max_users"]), (&json!(5), &Value::Null));
    assert_eq!(fresh["exp"].as_i64(), former["exp"].as_i64().map(|exp| exp + 3_600));
    assert_eq!(fresh["stale_until"], former["stale_until"], "it is no contact of the machine");
    let told: licentia_types::time::Timestamp = one["expiresAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(Some(told.seconds()), fresh["exp"].as_i64());
    assert_ne!(fresh["jti"], former["jti"]);
    assert_ne!(fresh["status"], former["status"]);
    for good in [token, &machine.token] {
        assert_eq!((validity(&server, good).await, value(&server, good).await), (json!("VALID"), 0));
    }
    let second = afresh(&server, &license).await;
    assert_ne!(claims(&second)["jti"], fresh["jti"]);
    assert_eq!(server.admin_get(&format!("/license-keys/{license}")).await.expect(200), before);
    assert_eq!(audit(&server, &license).await["drifted"], 0);
    // The chain of nonces was not touched: the machine goes on with what it has.
    machine.beat(&server).await;
    assert_eq!(machine.claims()["status"], claims(&second)["status"]);
}

async fn a_former_token_turns_invalid_at_the_next_heartbeat(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (_, license, key) = license(&server).await;
    let mut machine = Machine::activate(&server, &key, "fp-1").await;
    let former = machine.token.clone();
    let fresh = afresh(&server, &license).await;
    assert_eq!((value(&server, &former).await, value(&server, &fresh).await), (0, 0));
    server.clock.advance(60);
    machine.beat(&server).await;
    server.clock.advance(15);
    for instance in [&server, &other] {
        assert_eq!((value(instance, &former).await, value(instance, &fresh).await), (1, 0));
        assert_eq!(value(instance, &machine.token).await, 0);
        // Whoever asks is told the same as whoever reads the list.
        let token = json!({"token": former});
        let verdict = instance.post("/license-keys/validate", token).await.expect(200);
        assert_eq!(verdict["reasons"], json!(["TOKEN_INVALID", "replaced"]));
        assert_eq!(validity(instance, &machine.token).await, "VALID");
    }
}

async fn a_former_token_turns_invalid_when_it_ends(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = license(&server).await;
    let former = Machine::activate(&server, &key, "fp-1").await.token;
    server.clock.advance(100);
    let fresh = afresh(&server, &license).await;
    let left = claims(&former)["exp"].as_i64().unwrap() - server.context.moment().now.seconds();
    server.clock.advance(left - 1);
    assert_eq!((value(&server, &former).await, value(&server, &fresh).await), (0, 0));
    server.clock.advance(1);
    assert_eq!((value(&server, &former).await, value(&server, &fresh).await), (1, 0));
}

async fn every_former_token_turns_invalid_however_often_one_was_signed(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = license(&server).await;
    let mut machine = Machine::activate(&server, &key, "fp-1").await;
    let mut tokens = vec![machine.token.clone()];
    for _ in 0..3 {
        tokens.push(afresh(&server, &license).await);
    }
    server.clock.advance(15);
    machine.beat(&server).await;
    server.clock.advance(15);
    let mut said = Vec::new();
    for token in &tokens {
        said.push(value(&server, token).await);
    }
    assert_eq!(said, [1, 1, 1, 0]);
}

async fn activating_again_ends_the_former_token_too(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = license(&server).await;
    let former = Machine::activate(&server, &key, "fp-1").await.token;
    let fresh = afresh(&server, &license).await;
    let again = Machine::activate(&server, &key, "fp-1").await.token;
    server.clock.advance(15);
    let said = (value(&server, &former).await, value(&server, &fresh).await, value(&server, &again).await);
    assert_eq!(said, (1, 0, 0));
}

async fn encrypted_machines_get_encrypted_tokens(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = license(&server).await;
    for (n, alg) in ["RSA-OAEP", "RSA-OAEP-256"].into_iter().enumerate() {
        let mut more = consumer_key();
        more["consumerKeyAlg"] = json!(alg);
        server.clock.advance(1);
        Machine::activate_with(&server, &key, &format!("fp-{n}"), more).await;
    }
    let answer = regenerate(&server, &license).await;
    for (token, alg) in answer["tokens"].as_array().unwrap().iter().zip(["RSA-OAEP", "RSA-OAEP-256"]) {
        assert_eq!(token["tokenType"], "JWE");
        let text = token["token"].as_str().unwrap();
        let explained = server.admin_post("/tokens/inspect", json!({"token": text})).await.expect(200);
        assert_eq!(explained["header"]["alg"], alg);
    }
}

async fn a_licence_that_is_worth_no_token_gets_none(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = license(&server).await;
    let machine = Machine::activate(&server, &key, "fp-1").await;
    let path = format!("/license-keys/{license}/regenerate");
    for (action, body) in [("suspend", json!({})), ("revoke", json!({"graceHours": 1}))] {
        change_license(&server, &license, action, body).await;
        server.admin_post(&path, json!({})).await.expect_problem(409, "STATE_CONFLICT");
        let report = audit(&server, &license).await;
        assert_eq!(report["liveTokens"], 1, "what was issued is told all the same");
    }
    assert_eq!(value(&server, &machine.token).await, 1, "a refused one gives no other place");
    let path = "/license-keys/lic_01h455vb4pex5vsknk084sn02q/regenerate";
    server.admin_post(path, json!({})).await.expect_problem(404, "NOT_FOUND");
}

async fn only_active_machines_get_one(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = license(&server).await;
    assert_eq!(regenerate(&server, &license).await, json!({"tokens": []}));
    let mut machines = Vec::new();
    for n in 0..3 {
        machines.push(Machine::activate(&server, &key, &format!("fp-{n}")).await);
    }
    let path = format!("/license-activations/{}/deactivate", machines[0].activation);
    server.admin_post(&path, json!({})).await.expect(200);
    revoke_machine(&server, &machines[1].activation, 0).await;
    let answer = regenerate(&server, &license).await;
    let ids: Vec<&Value> =
        answer["tokens"].as_array().unwrap().iter().map(|token| &token["activationId"]).collect();
    assert_eq!(ids, [&json!(machines[2].activation)]);
}

/// Whoever comes last, every token that a heartbeat hands out stays good.
async fn heartbeats_and_regenerations_at_once_agree_on_the_place(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = license(&server).await;
    let mut machines = Vec::new();
    for n in 0..4 {
        machines.push(Machine::activate(&server, &key, &format!("fp-{n}")).await);
    }
    for _ in 0..5 {
        let beats = machines.into_iter().map(|mut machine| async {
            machine.beat(&server).await;
            machine
        });
        let (beaten, _) = tokio::join!(futures_util::future::join_all(beats), regenerate(&server, &license));
        machines = beaten;
        server.clock.advance(15);
        for machine in &machines {
            assert_eq!(value(&server, &machine.token).await, 0);
        }
    }
    server.clock.advance(15);
    for machine in &mut machines {
        machine.beat(&server).await;
        assert_eq!(value(&server, &machine.token).await, 0);
    }
}

async fn too_many_machines_are_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = license(&server).await;
    Machine::activate(&server, &key, "fp-1").await;
    let id: LicenseId = license.parse().unwrap();
    let found = activation::Entity::find().filter(activation::Column::LicenseId.eq(id));
    let row = found.one(&server.context.db).await.unwrap().unwrap();
    let moment = server.context.moment();
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    for batch in 0..10 {
        let rows = (0..100).map(|n| {
            let fingerprint: Fingerprint = format!("copy-{batch}-{n}").parse().unwrap();
            let id = ActivationId::new(moment.new_uuid().unwrap());
            activation::Model { id, fingerprint, ..row.clone() }.into_active_model().reset_all()
        });
        activation::Entity::insert_many(rows).exec_without_returning(&tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let path = format!("/license-keys/{license}/regenerate");
    server.admin_post(&path, json!({})).await.expect_problem(409, "STATE_CONFLICT");
    let report = audit(&server, &license).await;
    assert_eq!((&report["liveTokens"], report["machines"].as_array().unwrap().len()), (&json!(1_001), 1_000));
}
