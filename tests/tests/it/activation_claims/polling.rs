//! Asking with the claim's secret, until the machine is in.

use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_tests::{Backend, on_both};

use super::*;
use crate::assemblies::{approve, build, withdraw};

on_both![
    an_approved_machine_comes_in_as_it_asked,
    a_manifest_is_judged_when_the_machine_comes_in,
    a_lost_answer_is_given_again_until_the_claim_expires,
    a_claim_ends_at_the_instant_of_its_deadline,
    an_unknown_claim_and_a_wrong_secret_look_the_same,
    guesses_are_bounded,
    a_full_licence_refuses_and_the_machine_may_ask_again,
    an_approved_claim_is_worth_no_more_than_its_licence,
    a_machine_that_was_blocked_since_stays_out,
    claims_end_with_the_key_that_they_were_made_with,
    claims_go_on_while_the_former_key_does,
    claims_end_when_the_licence_changes_hands,
    whoever_asked_before_the_first_one_came_in_comes_in_as_well,
    a_claim_that_waits_for_nothing_is_worth_what_the_key_is,
];

async fn an_approved_machine_comes_in_as_it_asked(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({"maxActivations": 2})).await;
    let more = json!({"hostname": "press", "environment": "hall", "productVersion": "2.4.1",
                      "userRef": "ann", "tenantRef": "north"});
    let claim = guarded.ask_with(&server, "fp-1", more).await;
    let waiting = claim.poll(&server).await;
    assert_eq!(waiting.header("retry-after"), "5");
    assert_eq!(waiting.expect(202)["claim"].get("secret"), None);
    let approved = claim.decide(&server, "approve").await;
    assert_eq!((&approved["status"], &approved["activationId"]), (&json!("approved"), &Value::Null));

    let body = claim.poll(&server).await.expect(201);
    let claims = verified(&server, body["token"].as_str().unwrap(), "acme-desk").await;
    assert_eq!(claims["license_id"], guarded.id.as_str());
    assert_eq!((&claims["environment"], &claims["product_version"]), (&json!("hall"), &json!("2.4.1")));
    let machine = &body["activation"];
    assert_eq!((&machine["fingerprint"], &machine["hostname"]), (&json!("fp-1"), &json!("press")));
    assert_eq!((&machine["userRef"], &machine["tenantRef"]), (&json!("ann"), &json!("north")));
    assert_eq!(body["seats"], json!({"used": 1, "limit": 2}));
    assert_eq!(guarded.counted(&server).await, (1, 1, 1));

    let shown = claim.shown(&server).await;
    assert_eq!((&shown["status"], &shown["activationId"]), (&json!("activated"), &machine["id"]));
    assert_eq!(told(&server, "activation_claim.activated").await, (1, 0));
    assert_eq!(told(&server, "activation.created").await, (1, 1));
    // It goes on as every other machine.
    Machine::of(&guarded.key, "fp-1", &body).beat(&server).await;

    let other = Guarded::issue(&server, &Shop::named(&server, "second").await, json!({})).await;
    let product = server.admin_get("/products/second").await.expect(200);
    let path = format!("/products/{}", product["id"].as_str().unwrap());
    server.admin_put(&path, json!({"firstActivation": "owner_approval"})).await.expect(200);
    let pem = KeyPair::generate(RsaKeyBits::Rsa2048).unwrap().public().to_spki_pem();
    let more = json!({"consumerKey": pem, "consumerKeyAlg": "RSA-OAEP-256"});
    let claim = other.ask_with(&server, "fp-1", more).await;
    claim.decide(&server, "approve").await;
    assert_eq!(claim.poll(&server).await.expect(201)["tokenType"], "JWE");
}

async fn a_manifest_is_judged_when_the_machine_comes_in(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let builds = json!({"assemblyManifest": [build("Core", "a")]});
    let refused = try_activate(&server, &guarded.key, "fp-1", builds.clone()).await;
    refused.expect_problem(403, "ASSEMBLY_NOT_APPROVED");
    let approvals = approve(&server, &[build("Core", "a")]).await;
    let claim = guarded.ask_with(&server, "fp-1", builds).await;
    claim.decide(&server, "approve").await;

    withdraw(&server, &approvals[0]).await;
    claim.poll(&server).await.expect_problem(403, "ASSEMBLY_NOT_APPROVED");
    assert_eq!(guarded.counted(&server).await, (0, 0, 0));
    approve(&server, &[build("Core", "a")]).await;
    let body = claim.poll(&server).await.expect(201);
    let proof = licentia_tests::claims(body["activationProof"].as_str().unwrap());
    assert_eq!(proof["assemblies"][0]["sha256"], "a".repeat(64));
}

async fn a_lost_answer_is_given_again_until_the_claim_expires(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let claim = guarded.ask(&server, "fp-1").await;
    claim.decide(&server, "approve").await;
    let first = claim.poll(&server).await.expect(201);
    for _ in 0..6 {
        let again = claim.poll(&server).await.expect(200);
        assert_eq!(again["activation"]["id"], first["activation"]["id"]);
        Machine::of(&guarded.key, "fp-1", &again).beat(&server).await;
    }
    // None of these was one by key alone, of which three are free.
    for _ in 0..3 {
        try_activate(&server, &guarded.key, "fp-1", json!({})).await.expect(200);
    }
    server.clock.advance(LIFE - 1);
    claim.poll(&server).await.expect(200);
    server.clock.advance(1);
    claim.poll(&server).await.expect_problem(410, "CLAIM_EXPIRED");
    assert_eq!(guarded.counted(&server).await, (1, 1, 1));
    assert_eq!(told(&server, "activation_claim.activated").await, (1, 0));
}

async fn a_claim_ends_at_the_instant_of_its_deadline(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let (pending, approved) = (guarded.ask(&server, "fp-1").await, guarded.ask(&server, "fp-2").await);
    server.clock.advance(LIFE - 1);
    pending.poll(&server).await.expect(202);
    server.clock.advance(1);
    pending.poll(&server).await.expect_problem(410, "CLAIM_EXPIRED");
    assert_eq!(pending.shown(&server).await["status"], "expired");
    for decision in ["approve", "reject"] {
        approved.try_decide(&server, decision).await.expect_problem(410, "CLAIM_EXPIRED");
    }

    let late = guarded.ask(&server, "fp-1").await;
    server.clock.advance(LIFE - 1);
    late.decide(&server, "approve").await;
    server.clock.advance(1);
    late.poll(&server).await.expect_problem(410, "CLAIM_EXPIRED");
    assert_eq!(guarded.counted(&server).await, (0, 0, 0));
    // Its machine may ask again.
    let again = guarded.ask(&server, "fp-1").await;
    again.decide(&server, "approve").await;
    again.poll(&server).await.expect(201);
}

async fn an_unknown_claim_and_a_wrong_secret_look_the_same(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let claim = guarded.ask(&server, "fp-1").await;
    claim.decide(&server, "approve").await;
    let other = Guarded::issue(&server, &Shop::named(&server, "open").await, json!({})).await;
    let mut changed = claim.secret.clone();
    let last = changed.pop().unwrap();
    changed.push(if last == '0' { '1' } else { '0' });
    let unknown = poll(&server, "acl_01h455vb4pex5vsknk084sn02q", &claim.secret).await;
    let unknown = unknown.expect_problem(404, "NOT_FOUND");
    for wrong in [changed.as_str(), "", &claim.secret.to_lowercase(), &other.key, &"x".repeat(5_000)] {
        let refused = poll(&server, &claim.id, wrong).await.expect_problem(404, "NOT_FOUND");
        assert_eq!(refused["detail"], unknown["detail"]);
    }
    for body in [
        json!({"claimId": claim.id}),
        json!({"claimId": "lic_01h455vb4pex5vsknk084sn02q", "claimSecret": claim.secret}),
        json!({"claimId": claim.id, "claimSecret": claim.secret, "licenseKey": guarded.key}),
    ] {
        server.post("/activation-claims", body).await.expect_problem(422, "VALIDATION_FAILED");
    }
    assert_eq!(guarded.counted(&server).await, (0, 0, 0));
    claim.poll(&server).await.expect(201);
}

async fn guesses_are_bounded(backend: Backend) {
    let settings = [
        ("LIMITS__ENABLED", "true"),
        ("LIMITS__FAILED_KEY_LOOKUPS_BURST", "3"),
        ("LIMITS__FAILED_KEY_LOOKUPS_PER_MINUTE", "1"),
    ];
    let server = TestServer::start_with(backend, &settings).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let claim = guarded.ask(&server, "fp-1").await;
    for _ in 0..10 {
        claim.poll(&server).await.expect(202);
    }
    for _ in 0..3 {
        poll(&server, &claim.id, "a guess").await.expect_problem(404, "NOT_FOUND");
    }
    poll(&server, &claim.id, "a guess").await.expect_problem(429, "RATE_LIMITED");
    claim.poll(&server).await.expect_problem(429, "RATE_LIMITED");
}

async fn a_full_licence_refuses_and_the_machine_may_ask_again(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({"maxActivations": 1})).await;
    let claim = guarded.ask(&server, "fp-1").await;
    claim.decide(&server, "approve").await;
    let checkout = format!("/license-keys/{}/checkout", guarded.id);
    server.admin_post(&checkout, json!({"fingerprint": "fp-2", "ttlDays": 1})).await.expect(201);
    for _ in 0..2 {
        claim.poll(&server).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    }
    assert_eq!(claim.shown(&server).await["status"], "approved");
    let noted = server.admin_get(&format!("/license-keys/{}/refusals", guarded.id)).await.expect(200);
    assert_eq!(noted["items"].as_array().unwrap().len(), 2);
    let path = format!("/license-keys/{}", guarded.id);
    server.admin_put(&path, json!({"maxActivations": 2})).await.expect(200);
    claim.poll(&server).await.expect(201);
    assert_eq!(guarded.counted(&server).await, (2, 2, 2));
}

async fn an_approved_claim_is_worth_no_more_than_its_licence(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let claim = guarded.ask(&server, "fp-1").await;
    claim.decide(&server, "approve").await;
    let change = async |action: &str| {
        let path = format!("/license-keys/{}/{action}", guarded.id);
        server.admin_post(&path, json!({})).await.expect(200);
    };
    change("suspend").await;
    claim.poll(&server).await.expect_problem(403, "LICENSE_SUSPENDED");
    change("reinstate").await;
    claim.poll(&server).await.expect(201);
    change("revoke").await;
    claim.poll(&server).await.expect_problem(403, "LICENSE_REVOKED");
}

async fn a_machine_that_was_blocked_since_stays_out(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let claim = guarded.ask(&server, "fp-1").await;
    claim.decide(&server, "approve").await;
    let body = claim.poll(&server).await.expect(201);
    let path = format!("/license-activations/{}/revoke", body["activation"]["id"].as_str().unwrap());
    server.admin_post(&path, json!({})).await.expect(200);
    claim.poll(&server).await.expect_problem(403, "ACTIVATION_REVOKED");
}

/// One of each: waiting, approved, and in with its claim; of a licence, and one that waits for another.
async fn three_of_a_licence_and_one(server: &TestServer) -> (Guarded, [Claim; 3], Claim) {
    let shop = Shop::open(server).await;
    approve_first(server, &shop).await;
    let guarded = Guarded::issue(server, &shop, json!({"maxActivations": 5})).await;
    let elsewhere = Guarded::issue(server, &shop, json!({})).await.ask(server, "fp-1").await;
    let is_in = guarded.ask(server, "fp-1").await;
    is_in.decide(server, "approve").await;
    let approved = guarded.ask(server, "fp-2").await;
    approved.decide(server, "approve").await;
    let pending = guarded.ask(server, "fp-3").await;
    is_in.poll(server).await.expect(201);
    (guarded, [pending, approved, is_in], elsewhere)
}

/// Whoever had a claim on the licence is out, but for the machine that was in.
async fn expect_out(server: &TestServer, guarded: &Guarded, claims: [Claim; 3], elsewhere: &Claim) {
    let [pending, approved, is_in] = claims;
    for out in [pending, approved] {
        out.poll(server).await.expect_problem(403, "CLAIM_REJECTED");
        assert_eq!(out.shown(server).await["status"], "rejected");
    }
    is_in.poll(server).await.expect(200);
    elsewhere.poll(server).await.expect(202);
    assert_eq!(told(server, "activation_claim.rejected").await, (2, 2));
    assert_eq!(guarded.counted(server).await, (1, 1, 1));
}

async fn claims_end_with_the_key_that_they_were_made_with(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (guarded, claims, elsewhere) = three_of_a_licence_and_one(&server).await;
    let path = format!("/license-keys/{}/rotate-key", guarded.id);
    server.admin_post(&path, json!({})).await.expect(200);
    expect_out(&server, &guarded, claims, &elsewhere).await;
}

async fn claims_go_on_while_the_former_key_does(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (guarded, [pending, approved, _], _) = three_of_a_licence_and_one(&server).await;
    let path = format!("/license-keys/{}/rotate-key", guarded.id);
    let until = server.context.moment().now.plus_days(7);
    server.admin_post(&path, json!({"keepOldUntil": until.to_string()})).await.expect(200);
    approved.poll(&server).await.expect(201);
    pending.poll(&server).await.expect(201);
}

async fn claims_end_when_the_licence_changes_hands(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (guarded, claims, elsewhere) = three_of_a_licence_and_one(&server).await;
    let path = format!("/license-keys/{}/transfer", guarded.id);
    let license = server.admin_post(&path, json!({"customer": {"name": "Ann"}})).await.expect(200);
    expect_out(&server, &guarded, claims, &elsewhere).await;
    // To the same customer nothing changes.
    let again = Guarded::of_shop(&server, "second").await;
    let path = format!("/license-keys/{}/transfer", again.id);
    let customer = json!({"customerId": license["customerId"]});
    server.admin_post(&path, customer.clone()).await.expect(200);
    let claim = again.ask(&server, "fp-1").await;
    server.admin_post(&path, customer).await.expect(200);
    claim.poll(&server).await.expect(202);
}

async fn whoever_asked_before_the_first_one_came_in_comes_in_as_well(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({"maxActivations": 2})).await;
    let first = guarded.ask(&server, "fp-1").await;
    first.decide(&server, "approve").await;
    // The first one is picked, but not in yet.
    let (second, third) = (guarded.ask(&server, "fp-2").await, guarded.ask(&server, "fp-3").await);
    let no = guarded.ask(&server, "fp-4").await;
    second.poll(&server).await.expect(202);
    first.poll(&server).await.expect(201);
    let body = second.poll(&server).await.expect(201);
    assert_eq!(body["seats"], json!({"used": 2, "limit": 2}));
    let shown = second.shown(&server).await;
    assert_eq!((&shown["status"], &shown["activationId"]), (&json!("activated"), &body["activation"]["id"]));
    second.poll(&server).await.expect(200);
    second.try_decide(&server, "reject").await.expect_problem(409, "STATE_CONFLICT");
    // As everybody else, it is refused when the licence is full, or when somebody says no.
    third.poll(&server).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    no.decide(&server, "reject").await;
    no.poll(&server).await.expect_problem(403, "CLAIM_REJECTED");
    // Nobody is picked any more: approving one says nothing of the others.
    let path = format!("/license-keys/{}", guarded.id);
    server.admin_put(&path, json!({"maxActivations": 3})).await.expect(200);
    assert_eq!(guarded.counted(&server).await, (2, 2, 2));
    third.decide(&server, "approve").await;
    third.poll(&server).await.expect(201);
}

async fn a_claim_that_waits_for_nothing_is_worth_what_the_key_is(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let first = guarded.ask(&server, "fp-1").await;
    first.decide(&server, "approve").await;
    // Somebody who says that he is the same machine.
    let copy = guarded.ask(&server, "fp-1").await;
    assert_ne!(copy.id, first.id);
    first.poll(&server).await.expect(201);
    for status in [200, 200, 200, 202] {
        copy.poll(&server).await.expect(status);
    }
    let answer = try_activate(&server, &guarded.key, "fp-1", json!({})).await.expect(202);
    assert_eq!(answer["claim"]["kind"], "reactivation");
}
