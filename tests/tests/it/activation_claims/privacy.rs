//! What lies in the database, and for how long.

use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_entity::{activation_claim, reactivation};
use licentia_tests::{Backend, on_both};

use super::*;

on_both![
    neither_secret_nor_request_lies_in_clear,
    a_claim_opens_only_where_it_lies,
    claims_are_forgotten_a_month_later,
];

async fn only_row(server: &TestServer) -> activation_claim::Model {
    activation_claim::Entity::find().one(&server.context.db).await.unwrap().unwrap()
}

async fn neither_secret_nor_request_lies_in_clear(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let pem = KeyPair::generate(RsaKeyBits::Rsa2048).unwrap().public().to_spki_pem();
    let claim = guarded.ask_with(&server, "fp-1", json!({"consumerKey": pem})).await;
    let row = only_row(&server).await;
    let shown =
        String::from_utf8_lossy(&row.request).into_owned() + &String::from_utf8_lossy(&row.secret_digests);
    let line = pem.lines().nth(2).unwrap();
    for secret in [claim.secret.as_str(), &claim.secret[4..], &guarded.key, line, "fp-1", "fingerprint"] {
        assert!(!shown.contains(secret), "{secret}");
    }
    assert_eq!(row.secret_digests.len(), 32);
    let events = licentia_entity::event::Entity::find().all(&server.context.db).await.unwrap();
    let written = licentia_entity::audit_event::Entity::find().all(&server.context.db).await.unwrap();
    let written = format!("{row:?}{events:?}{written:?}");
    assert!(!written.contains(&claim.secret) && !written.contains(line) && !written.contains(&guarded.key));
}

async fn a_claim_opens_only_where_it_lies(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let (one, two) = (guarded.ask(&server, "fp-1").await, guarded.ask(&server, "fp-2").await);
    let row = async |claim: &Claim| {
        let id: licentia_types::ids::ActivationClaimId = claim.id.parse().unwrap();
        activation_claim::Entity::find_by_id(id).one(&server.context.db).await.unwrap().unwrap()
    };
    let (mine, theirs) = (row(&one).await, row(&two).await);
    let tx = server.context.db.write(licentia_domain::database::Lane::Ordinary).await.unwrap();
    activation_claim::Entity::update_many()
        .col_expr(activation_claim::Column::Request, theirs.request.into())
        .filter(activation_claim::Column::Id.eq(mine.id))
        .exec(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    one.decide(&server, "approve").await;
    one.poll(&server).await.expect_problem(500, "INTERNAL");
    assert_eq!(guarded.counted(&server).await, (0, 0, 0));
}

async fn claims_are_forgotten_a_month_later(backend: Backend) {
    const MONTH: i64 = 30 * 86_400;
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let claim = guarded.ask(&server, "fp-1").await;
    claim.decide(&server, "approve").await;
    claim.poll(&server).await.expect(201);
    try_activate(&server, &guarded.key, "fp-1", json!({})).await.expect(200);
    let kept = async || {
        let db = &server.context.db;
        let claims = activation_claim::Entity::find().count(db).await.unwrap();
        (claims, reactivation::Entity::find().count(db).await.unwrap())
    };
    server.run_jobs().await;
    assert_eq!(kept().await, (1, 1));
    server.clock.advance(86_401);
    server.run_jobs().await;
    assert_eq!(kept().await, (1, 0));
    server.clock.advance(MONTH - 86_401);
    server.run_jobs().await;
    assert_eq!(kept().await, (1, 0));
    server.clock.advance(3_600);
    server.run_jobs().await;
    assert_eq!(kept().await, (0, 0));
    claim.poll(&server).await.expect_problem(404, "NOT_FOUND");
}
