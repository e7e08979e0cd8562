//! What blocking a machine reaches: every instance of its fingerprint, its grace, and what it is bound
//! to when it comes back.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, try_activate};
use serde_json::{Value, json};

use super::floating::begin;
use super::revoked_machines::{revoke, unblock};
use super::{Issued, audited, deactivate, row, told};

on_both![
    a_revoked_fingerprint_is_blocked_under_every_instance,
    a_grace_is_cut_and_never_lengthened,
    a_held_seat_frees_sooner_with_its_grace,
    a_grace_has_bounds,
    an_unblocked_machine_keeps_its_user_by_key_alone,
];

async fn a_revoked_fingerprint_is_blocked_under_every_instance(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 9})).await;
    let on = |more: Value| {
        let (server, issued) = (&server, &issued);
        async move { try_activate(server, &issued.key, "image", more).await }
    };
    let replica = async |name: &str| {
        Machine::of(&issued.key, "image", &on(json!({"instance": name})).await.expect(201))
    };
    let plain = Machine::of(&issued.key, "image", &on(json!({})).await.expect(201));
    let (mut running, gone) = (replica("running").await, replica("gone").await);
    deactivate(&server, &gone).await.expect(200);
    let before = issued.counted(&server).await;
    revoke(&server, &plain, json!({"graceHours": 0})).await;
    for more in [
        json!({}),
        json!({"instance": "new"}),
        json!({"instance": "gone"}),
        json!({"instance": "running"}),
        json!({"instance": "running", "nonce": running.nonce}),
    ] {
        on(more).await.expect_problem(403, "ACTIVATION_REVOKED");
    }
    assert_eq!(issued.counted(&server).await, (before.0 - 1, before.1 - 1));
    // One activation was revoked, and not those that run beside it; nor is another machine concerned.
    for pause in [0, 900] {
        server.clock.advance(pause);
        let answer = running.beat(&server).await;
        assert_eq!((&answer["status"], answer["token"].is_string()), (&json!("active"), true));
    }
    try_activate(&server, &issued.key, "other", json!({"instance": "new"})).await.expect(201);

    // The other way about, and as long as any of them is revoked.
    revoke(&server, &running, json!({"graceHours": 0})).await;
    unblock(&server, &plain).await;
    for more in [json!({}), json!({"instance": "new"})] {
        on(more).await.expect_problem(403, "ACTIVATION_REVOKED");
    }
    unblock(&server, &running).await;
    for more in [json!({}), json!({"instance": "new"}), json!({"instance": "running"})] {
        on(more).await.expect(201);
    }
}

async fn one_machine(server: &TestServer, more: Value) -> (Issued, Machine) {
    let shop = Shop::open(server).await;
    let issued = Issued::at(server, &shop, &shop.pro, json!({"maxActivations": 1})).await;
    let machine = Machine::activate_with(server, &issued.key, "fp-1", more).await;
    (issued, machine)
}

async fn a_grace_is_cut_and_never_lengthened(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, mut machine) = one_machine(&server, json!({})).await;
    let ten = revoke(&server, &machine, json!({"reason": "fraud", "graceHours": 10})).await;
    for same in [json!({}), json!({"graceHours": 10}), json!({"graceHours": 8_760}), json!({"reason": "x"})] {
        assert_eq!(revoke(&server, &machine, same).await, ten);
    }
    server.clock.advance(3_600);
    assert_eq!(revoke(&server, &machine, json!({"graceHours": 9})).await, ten);
    let five = revoke(&server, &machine, json!({"graceHours": 5, "reason": "other"})).await;
    let hours = |shown: &Value| {
        let until: licentia_types::time::Timestamp = shown["graceUntil"].as_str().unwrap().parse().unwrap();
        until.seconds() / 3_600
    };
    assert_eq!((hours(&ten) - hours(&five), &five["revocationReason"]), (4, &json!("fraud")));
    assert_eq!(five["revokedAt"], ten["revokedAt"]);
    let answer = machine.beat(&server).await;
    let seconds = |shown: &Value| shown["graceUntil"].as_str().unwrap()[..19].to_owned();
    assert_eq!((seconds(&answer), answer["recovered"].clone()), (seconds(&five), json!(false)));

    let none = revoke(&server, &machine, json!({"graceHours": 0})).await;
    assert_eq!(none["graceUntil"], Value::Null);
    let answer = machine.beat(&server).await;
    assert_eq!((&answer["status"], answer.get("graceToken")), (&json!("revoked"), None));
    assert_eq!(revoke(&server, &machine, json!({"graceHours": 5})).await, none);
    for count in [audited(&server, "activation.revoked").await, told(&server, "activation.revoked").await] {
        assert_eq!(count, 3);
    }
}

async fn a_held_seat_frees_sooner_with_its_grace(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (issued, mut machine) = one_machine(&server, json!({})).await;
    for n in 2..5 {
        deactivate(&server, &machine).await.expect(200);
        machine = Machine::activate(&server, &issued.key, &format!("fp-{n}")).await;
    }
    revoke(&server, &machine, json!({"graceHours": 100})).await;
    let cut = revoke(&server, &machine, json!({"graceHours": 60})).await;
    assert_eq!((&cut["holdsSeat"], &cut["seatFreesAt"]), (&json!(true), &cut["graceUntil"]));
    // Never before its last token has ended.
    let cut = revoke(&server, &machine, json!({"graceHours": 0})).await;
    let ends = row(&server, &machine).await.token_exp;
    assert_eq!(cut["seatFreesAt"], ends.to_string());
    server.clock.advance(172_800);
    Machine::activate(&server, &issued.key, "next").await;
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn a_grace_has_bounds(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, machine) = one_machine(&server, json!({})).await;
    let path = format!("/license-activations/{}/revoke", machine.activation);
    for hours in [8_761, 65_535, 65_536, -1] {
        let problem = server.admin_post(&path, json!({"graceHours": hours})).await;
        let problem = problem.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/graceHours", "{hours}");
    }
    assert_eq!(audited(&server, "activation.revoked").await, 0);
    assert_eq!(revoke(&server, &machine, json!({"graceHours": 8_760})).await["status"], "revoked");
}

async fn an_unblocked_machine_keeps_its_user_by_key_alone(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (issued, machine) = one_machine(&server, json!({"userRef": "ann"})).await;
    let eve = json!({"userRef": "eve"});
    for _ in 0..2 {
        revoke(&server, &machine, json!({})).await;
        unblock(&server, &machine).await;
        let refused = try_activate(&server, &issued.key, "fp-1", eve.clone()).await;
        let problem = refused.expect_problem(409, "BINDING_MISMATCH");
        assert_eq!(problem["errors"][0]["pointer"], "/userRef");
        let back = try_activate(&server, &issued.key, "fp-1", json!({})).await.expect(201);
        assert_eq!(back["activation"]["userRef"], "ann");
    }
    // Who gives the seat back himself may be followed by another.
    deactivate(&server, &machine).await.expect(200);
    let other = try_activate(&server, &issued.key, "fp-1", eve).await.expect(201);
    assert_eq!(other["activation"]["userRef"], "eve");
    // With the machine's nonce it is the machine.
    revoke(&server, &machine, json!({})).await;
    unblock(&server, &machine).await;
    let proven = json!({"userRef": "bob", "nonce": other["nonce"]});
    let proven = try_activate(&server, &issued.key, "fp-1", proven).await.expect(201);
    assert_eq!(proven["activation"]["userRef"], "bob");
}
