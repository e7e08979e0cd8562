//! Starting: keys and secrets are made once, whoever starts; the issuer is settled.

use licentia_entity::signing_key::{self, Purpose};
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use sea_orm::EntityTrait;
use serde_json::json;

on_both![
    a_first_start_makes_one_active_and_one_pending_key_of_each_purpose,
    two_instances_that_start_together_make_one_set,
    a_key_is_reserved_before_it_signs_what_outlives_its_mark,
    changed_defaults_reach_tokens_and_are_filed_apart,
];

async fn a_first_start_makes_one_active_and_one_pending_key_of_each_purpose(backend: Backend) {
    let server = TestServer::start_reachable(backend).await;
    let rows = signing_key::Entity::find().all(&server.context.db).await.unwrap();
    for purpose in [Purpose::Token, Purpose::Document, Purpose::Session] {
        let of_purpose: Vec<_> = rows.iter().filter(|row| row.purpose == purpose).collect();
        assert_eq!(of_purpose.len(), 2, "{purpose:?}");
        assert_eq!(of_purpose.iter().filter(|row| row.active_from.is_some()).count(), 1);
    }
    // Session keys are nobody's business.
    let jwks = server.get("/.well-known/jwks.json").await.expect(200);
    let kids: Vec<&str> =
        jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids.len(), 4);
    assert!(
        rows.iter()
            .filter(|row| row.purpose == Purpose::Session)
            .all(|row| !kids.contains(&row.kid.as_str()))
    );
    // Nothing that can sign lies in clear in the database.
    for row in &rows {
        assert!(licentia_crypto::rsa_keys::KeyPair::from_pkcs8(&row.private_sealed).is_err());
    }
}

async fn two_instances_that_start_together_make_one_set(backend: Backend) {
    let (mut first, second) = TestServer::start_two(backend).await;
    let jwks = first.get("/.well-known/jwks.json").await.text;
    assert_eq!(second.get("/.well-known/jwks.json").await.text, jwks);
    assert_eq!(signing_key::Entity::find().all(&first.context.db).await.unwrap().len(), 6);
    // What one made, the other understands.
    first.make_admin().await;
    let issued = Shop::open(&first).await.issue(&first, json!({})).await;
    let mut machine = Machine::activate(&first, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    machine.beat(&second).await;
    machine.beat(&first).await;
}

async fn a_key_is_reserved_before_it_signs_what_outlives_its_mark(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let mut machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    for _ in 0..3 {
        let rows = signing_key::Entity::find().all(&server.context.db).await.unwrap();
        let kid = server.signing_kid().await;
        let mark = rows.iter().find(|row| row.kid == kid).unwrap().signs_until;
        assert!(mark.seconds() >= machine.claims()["stale_until"].as_i64().unwrap());
        assert_eq!(mark.seconds() % 86_400, 0);
        server.clock.advance(86_400);
        machine.beat(&server).await;
    }
}

async fn changed_defaults_reach_tokens_and_are_filed_apart(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let mut machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    let sets = async |server: &TestServer| {
        licentia_entity::claim_set::Entity::find().all(&server.context.db).await.unwrap().len()
    };
    assert_eq!((sets(&server).await, &machine.claims()["heartbeat_interval"]), (1, &json!(86_400)));
    let restarted = server.another_with(&[("TOKENS__HEARTBEAT_INTERVAL", "3600")]).await;
    machine.beat(&restarted).await;
    assert_eq!((sets(&restarted).await, &machine.claims()["heartbeat_interval"]), (2, &json!(3_600)));
}
