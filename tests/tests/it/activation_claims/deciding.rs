//! Deciding: one is picked, the others are told.

use licentia_tests::{Backend, on_both};
use reqwest::Method;

use super::*;
use crate::access::key_with;

on_both![
    one_is_picked_and_the_others_are_told,
    decisions_may_be_repeated_and_a_rejection_stands,
    an_approval_may_be_taken_back_until_the_machine_is_in,
    many_are_rejected_in_as_many_statements_as_one,
    whoever_decides_sees_who_asks,
    lists_are_filtered,
    claims_of_nobody_and_without_the_permission,
    another_may_be_picked_when_the_first_does_not_come,
];

async fn one_is_picked_and_the_others_are_told(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    approve_first(&server, &shop).await;
    let guarded = Guarded::issue(&server, &shop, json!({"maxActivations": 5})).await;
    let other = Guarded::issue(&server, &shop, json!({})).await;
    let elsewhere = other.ask(&server, "fp-0").await;
    let mut claims = Vec::new();
    for number in 0..5 {
        claims.push(guarded.ask(&server, &format!("fp-{number}")).await);
    }
    claims[2].decide(&server, "approve").await;
    for (number, claim) in claims.iter().enumerate() {
        let reply = claim.poll(&server).await;
        if number == 2 {
            assert_eq!(reply.expect(201)["activation"]["fingerprint"], "fp-2");
        } else {
            reply.expect_problem(403, "CLAIM_REJECTED");
        }
    }
    assert_eq!(told(&server, "activation_claim.approved").await, (1, 1));
    assert_eq!(told(&server, "activation_claim.rejected").await, (4, 4));
    // Those of another licence wait on.
    elsewhere.poll(&server).await.expect(202);
    assert_eq!(guarded.counted(&server).await, (1, 1, 1));
}

async fn decisions_may_be_repeated_and_a_rejection_stands(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let (one, two) = (guarded.ask(&server, "fp-1").await, guarded.ask(&server, "fp-2").await);
    let approved = one.decide(&server, "approve").await;
    server.clock.advance(60);
    assert_eq!(one.decide(&server, "approve").await["decidedAt"], approved["decidedAt"]);
    two.try_decide(&server, "approve").await.expect_problem(409, "STATE_CONFLICT");
    assert_eq!(two.decide(&server, "reject").await["status"], "rejected");
    assert_eq!(told(&server, "activation_claim.approved").await, (1, 1));
    assert_eq!(told(&server, "activation_claim.rejected").await, (1, 1));
    // That it was rejected is told also later.
    server.clock.advance(2 * LIFE);
    two.poll(&server).await.expect_problem(403, "CLAIM_REJECTED");
    one.decide(&server, "approve").await;
    one.poll(&server).await.expect_problem(410, "CLAIM_EXPIRED");
}

async fn an_approval_may_be_taken_back_until_the_machine_is_in(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let (wrong, late) = (guarded.ask(&server, "fp-1").await, guarded.ask(&server, "fp-3").await);
    wrong.decide(&server, "approve").await;
    assert_eq!(wrong.decide(&server, "reject").await["status"], "rejected");
    wrong.poll(&server).await.expect_problem(403, "CLAIM_REJECTED");
    wrong.try_decide(&server, "approve").await.expect_problem(409, "STATE_CONFLICT");
    late.poll(&server).await.expect_problem(403, "CLAIM_REJECTED");
    assert_eq!(told(&server, "activation_claim.approved").await, (1, 1));
    assert_eq!(told(&server, "activation_claim.rejected").await, (2, 2));
    assert_eq!(guarded.counted(&server).await, (0, 0, 0));
    // Another one is picked. It is in: there is nothing to take back.
    let right = guarded.ask(&server, "fp-2").await;
    right.decide(&server, "approve").await;
    right.poll(&server).await.expect(201);
    right.try_decide(&server, "reject").await.expect_problem(409, "STATE_CONFLICT");
    right.poll(&server).await.expect(200);
    assert_eq!(right.decide(&server, "approve").await["status"], "activated");
    let expired = Guarded::of_shop(&server, "second").await.ask(&server, "fp-1").await;
    expired.decide(&server, "approve").await;
    server.clock.advance(LIFE);
    expired.try_decide(&server, "reject").await.expect_problem(410, "CLAIM_EXPIRED");
}

async fn many_are_rejected_in_as_many_statements_as_one(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    approve_first(&server, &shop).await;
    let cost = async |machines: usize| {
        let guarded = Guarded::issue(&server, &shop, json!({})).await;
        let picked = guarded.ask(&server, "fp-0").await;
        for number in 1..machines {
            guarded.ask(&server, &format!("fp-{number}")).await;
        }
        let before = server.context.db.statements();
        picked.decide(&server, "approve").await;
        server.context.db.statements() - before
    };
    // The first answer reads what the next ones know.
    cost(2).await;
    assert_eq!(cost(5).await, cost(2).await);
}

async fn whoever_decides_sees_who_asks(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let more =
        json!({"hostname": "press", "environment": "hall", "productVersion": "2.4.1", "userRef": "ann"});
    let claim = guarded.ask_with(&server, "fp-1", more).await;
    let shown = claim.shown(&server).await;
    let expected = [
        ("licenseId", json!(guarded.id)),
        ("kind", json!("first_activation")),
        ("status", json!("pending")),
        ("fingerprint", json!("fp-1")),
        ("hostname", json!("press")),
        ("ip", json!("127.0.0.1")),
        ("environment", json!("hall")),
        ("productVersion", json!("2.4.1")),
        ("userRef", json!("ann")),
        ("requests", json!(1)),
        ("decidedAt", Value::Null),
    ];
    for (member, value) in expected {
        assert_eq!(shown[member], value, "{member}");
    }
    assert!(shown["requestedAt"].is_string() && shown["expiresAt"].is_string());
    assert!(!shown.to_string().contains(&claim.secret));
}

async fn lists_are_filtered(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    approve_first(&server, &shop).await;
    let guarded = Guarded::issue(&server, &shop, json!({})).await;
    let other = Guarded::issue(&server, &shop, json!({})).await;
    let mut asked = Vec::new();
    for number in 0..3 {
        // Ids sort by the time of their making.
        server.clock.advance(1);
        asked.push(guarded.ask(&server, &format!("fp-{number}")).await);
    }
    other.ask(&server, "fp-elsewhere").await;
    asked[1].decide(&server, "approve").await;
    let ids = async |query: &str| {
        let page = server.admin_get(&format!("/activation-claims?sort=createdAt&{query}")).await.expect(200);
        let ids =
            page["items"].as_array().unwrap().iter().map(|claim| claim["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    let all = ids(&format!("licenseId={}", guarded.id)).await;
    assert_eq!(all, [&asked[0], &asked[1], &asked[2]].map(|claim| claim.id.clone()));
    assert_eq!(ids("status=approved").await, [asked[1].id.clone()]);
    assert_eq!(ids(&format!("status=rejected&licenseId={}", guarded.id)).await.len(), 2);
    assert_eq!(ids("status=pending").await.len(), 1);
    assert_eq!(ids("q=ELSEWHERE").await.len(), 1);
    asked[1].poll(&server).await.expect(201);
    assert_eq!(ids("status=activated").await, [asked[1].id.clone()]);
    assert_eq!(ids("status=approved").await.len(), 0);
    server.admin_get("/activation-claims?status=lost").await.expect_problem(400, "PARAMETER_INVALID");
}

async fn claims_of_nobody_and_without_the_permission(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({})).await;
    let claim = guarded.ask(&server, "fp-1").await;
    for decision in ["approve", "reject"] {
        let nobody = format!("/activation-claims/acl_01h455vb4pex5vsknk084sn02q/{decision}");
        server.admin_post(&nobody, json!({})).await.expect_problem(404, "NOT_FOUND");
        let path = format!("/api/v1/activation-claims/{}/{decision}", claim.id);
        let key = key_with(&server, &[licentia_types::permissions::Permission::Licenses]).await;
        let reply = Reply::of(server.request(Method::POST, &path).bearer_auth(key)).await;
        reply.expect_problem(403, "PERMISSION_DENIED");
        Reply::of(server.request(Method::POST, &path)).await.expect_problem(401, "UNAUTHENTICATED");
    }
    claim.poll(&server).await.expect(202);
}

async fn another_may_be_picked_when_the_first_does_not_come(backend: Backend) {
    let server = TestServer::start(backend).await;
    let guarded = Guarded::of(&server, json!({"maxActivations": 1})).await;
    let silent = guarded.ask(&server, "fp-1").await;
    silent.decide(&server, "approve").await;
    // The licence never had a machine: the next one waits as well.
    let next = guarded.ask(&server, "fp-2").await;
    next.decide(&server, "approve").await;
    next.poll(&server).await.expect(201);
    silent.poll(&server).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    assert_eq!(guarded.counted(&server).await, (1, 1, 1));
}
