//! Activating again by key alone: three times in a day, then somebody lets the machine in.

use licentia_tests::{Backend, on_both};

use super::*;

on_both![
    the_fourth_time_in_a_day_waits,
    whoever_asks_the_same_gets_no_claim_of_somebody_else,
    a_day_later_one_is_free_again,
    with_its_nonce_a_machine_activates_as_often_as_it_likes,
    each_machine_has_its_own,
    what_was_refused_does_not_count,
    returning_to_a_free_seat_is_not_limited,
    two_copies_that_hand_a_held_seat_on_are_three_a_day,
    a_free_place_that_is_held_is_taken_over_three_times_a_day,
    a_machine_that_returns_with_its_nonce_is_not_limited,
    a_place_that_a_licence_file_holds_is_taken_over_three_times_a_day,
    a_lapsed_machine_returns_as_often_as_seats_are_free,
    by_key_alone_nothing_is_replaced_with_a_claim_either,
    every_instance_counts_the_same,
];

async fn begin(backend: Backend) -> (TestServer, Guarded) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let license = Guarded::issue(&server, &shop, json!({"maxActivations": 2})).await;
    (server, license)
}

async fn again(server: &TestServer, license: &Guarded, more: Value) -> Reply {
    try_activate(server, &license.key, "fp-1", more).await
}

async fn used_up(backend: Backend) -> (TestServer, Guarded, Machine) {
    let (server, license) = begin(backend).await;
    Machine::activate(&server, &license.key, "fp-1").await;
    for _ in 0..2 {
        again(&server, &license, json!({})).await.expect(200);
    }
    let last = again(&server, &license, json!({})).await.expect(200);
    let machine = Machine::of(&license.key, "fp-1", &last);
    (server, license, machine)
}

async fn the_fourth_time_in_a_day_waits(backend: Backend) {
    let (server, license, mut machine) = used_up(backend).await;
    let answer = again(&server, &license, json!({})).await.expect(202);
    assert_eq!(answer["claim"]["kind"], "reactivation");
    let claim = Claim::of(&answer);
    assert_eq!(claim.shown(&server).await["activationId"], machine.activation.as_str());
    // Whoever asked took nothing from the machine.
    machine.beat(&server).await;
    claim.poll(&server).await.expect(202);
    claim.decide(&server, "approve").await;
    machine.beat(&server).await;
    let body = claim.poll(&server).await.expect(200);
    assert_eq!(body["activation"]["id"], machine.activation.as_str());
    machine.try_beat(&server).await.expect_problem(409, "NONCE_REUSED");
    Machine::of(&license.key, "fp-1", &body).beat(&server).await;
    assert_eq!(license.counted(&server).await, (1, 1, 1));
    // The approval was for once, not for the next ones by key alone.
    again(&server, &license, json!({})).await.expect(202);
}

async fn whoever_asks_the_same_gets_no_claim_of_somebody_else(backend: Backend) {
    let (server, license, _) = used_up(backend).await;
    let victim = Claim::of(&again(&server, &license, json!({})).await.expect(202));
    // The same request, from the same address.
    let thief = Claim::of(&again(&server, &license, json!({})).await.expect(202));
    assert_ne!(thief.id, victim.id);
    poll(&server, &victim.id, &thief.secret).await.expect_problem(404, "NOT_FOUND");
    let shown = server.admin_get("/activation-claims?status=pending").await.expect(200);
    assert_eq!((&shown["total"], &shown["items"][0]["requests"]), (&json!(2), &json!(1)));
    victim.decide(&server, "approve").await;
    thief.poll(&server).await.expect(202);
    let mut machine = Machine::of(&license.key, "fp-1", &victim.poll(&server).await.expect(200));
    thief.decide(&server, "reject").await;
    thief.poll(&server).await.expect_problem(403, "CLAIM_REJECTED");
    machine.beat(&server).await;
    for status in [202, 202, 202, 409] {
        again(&server, &license, json!({})).await.expect(status);
    }
}

async fn a_day_later_one_is_free_again(backend: Backend) {
    let (server, license) = begin(backend).await;
    Machine::activate(&server, &license.key, "fp-1").await;
    for _ in 0..3 {
        again(&server, &license, json!({})).await.expect(200);
        server.clock.advance(3_600);
    }
    server.clock.advance(86_400 - 3 * 3_600 - 1);
    again(&server, &license, json!({})).await.expect(202);
    server.clock.advance(1);
    again(&server, &license, json!({})).await.expect(200);
    again(&server, &license, json!({})).await.expect(202);
    server.clock.advance(3_600);
    again(&server, &license, json!({})).await.expect(200);
    server.clock.advance(86_400);
    for _ in 0..3 {
        again(&server, &license, json!({})).await.expect(200);
    }
    again(&server, &license, json!({})).await.expect(202);
}

async fn with_its_nonce_a_machine_activates_as_often_as_it_likes(backend: Backend) {
    let (server, license, mut machine) = used_up(backend).await;
    for _ in 0..6 {
        let body = again(&server, &license, json!({"nonce": machine.nonce})).await.expect(200);
        machine = Machine::of(&license.key, "fp-1", &body);
    }
    server.clock.advance(86_400);
    // None of them counted.
    for _ in 0..3 {
        again(&server, &license, json!({})).await.expect(200);
    }
}

async fn each_machine_has_its_own(backend: Backend) {
    let (server, license, _) = used_up(backend).await;
    for status in [201, 200, 200, 200, 202] {
        try_activate(&server, &license.key, "fp-2", json!({})).await.expect(status);
    }
}

async fn what_was_refused_does_not_count(backend: Backend) {
    let (server, license) = begin(backend).await;
    Machine::activate_with(&server, &license.key, "fp-1", json!({"userRef": "ann"})).await;
    for _ in 0..5 {
        let other = json!({"userRef": "eve"});
        again(&server, &license, other).await.expect_problem(409, "BINDING_MISMATCH");
    }
    for status in [200, 200, 200, 202] {
        again(&server, &license, json!({})).await.expect(status);
    }
}

async fn returning_to_a_free_seat_is_not_limited(backend: Backend) {
    let (server, license, machine) = used_up(backend).await;
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    server.admin_post(&path, json!({})).await.expect(200);
    // It gave its seat back: nobody sits there from whom it could be taken.
    again(&server, &license, json!({})).await.expect(201);
    again(&server, &license, json!({})).await.expect(202);
}

/// The machine gives its seat back by itself.
async fn deactivate(server: &TestServer, machine: &Machine) -> Value {
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    let body = json!({"licenseKey": machine.key, "fingerprint": machine.fingerprint, "nonce": machine.nonce});
    server.post(&path, body).await.expect(200)
}

/// A licence for one machine, of a tier that is like this.
async fn of_tier(server: &TestServer, tier: Value) -> Guarded {
    let shop = Shop::open(server).await;
    server.admin_put(&format!("/pricing-tiers/{}", shop.pro), tier).await.expect(200);
    Guarded::issue(server, &shop, json!({"maxActivations": 1})).await
}

/// A licence whose releases are used up by machines that came and went in a place of `more`.
async fn spent(server: &TestServer, tier: Value, more: &Value) -> Guarded {
    let license = of_tier(server, tier).await;
    for round in 0..3 {
        let fingerprint = format!("round-{round}");
        let machine = Machine::activate_with(server, &license.key, &fingerprint, more.clone()).await;
        let left = deactivate(server, &machine).await;
        assert_eq!((&left["holdsSeat"], &left["seatFreesAt"]), (&json!(false), &Value::Null));
    }
    license
}

async fn two_copies_that_hand_a_held_seat_on_are_three_a_day(backend: Backend) {
    let server = TestServer::start(backend).await;
    let license = spent(&server, json!({}), &json!({})).await;
    let mut copy = Machine::activate(&server, &license.key, "fp-1").await;
    for _ in 0..3 {
        assert_eq!(deactivate(&server, &copy).await["holdsSeat"], true);
        // The other copy, which has its token already from the time before.
        copy = Machine::of(&license.key, "fp-1", &again(&server, &license, json!({})).await.expect(201));
    }
    deactivate(&server, &copy).await;
    let answer = again(&server, &license, json!({})).await.expect(202);
    assert_eq!(answer["claim"]["kind"], "reactivation");
    assert_eq!(license.counted(&server).await.0, 1);
    // Somebody lets it in; the next one waits again.
    let claim = Claim::of(&answer);
    claim.decide(&server, "approve").await;
    deactivate(&server, &Machine::of(&license.key, "fp-1", &claim.poll(&server).await.expect(201))).await;
    again(&server, &license, json!({})).await.expect(202);
    // The seat is free when the last token has ended, and whoever comes then takes nothing over.
    server.clock.advance(172_800);
    again(&server, &license, json!({})).await.expect(201);
}

async fn a_free_place_that_is_held_is_taken_over_three_times_a_day(backend: Backend) {
    let server = TestServer::start(backend).await;
    let hall = json!({"environment": "hall"});
    let license = spent(&server, json!({"freeEnvironments": {"hall": 1}}), &hall).await;
    let mut copy = Machine::activate_with(&server, &license.key, "fp-1", hall.clone()).await;
    for _ in 0..3 {
        assert_ne!(deactivate(&server, &copy).await["seatFreesAt"], Value::Null);
        copy = Machine::of(&license.key, "fp-1", &again(&server, &license, hall.clone()).await.expect(201));
    }
    deactivate(&server, &copy).await;
    again(&server, &license, hall).await.expect(202);
    again(&server, &license, json!({"environment": "press"})).await.expect(202);
    assert_eq!(license.counted(&server).await.0, 0);
}

async fn a_machine_that_returns_with_its_nonce_is_not_limited(backend: Backend) {
    let server = TestServer::start(backend).await;
    let license = spent(&server, json!({}), &json!({})).await;
    let mut machine = Machine::activate(&server, &license.key, "fp-1").await;
    for _ in 0..6 {
        deactivate(&server, &machine).await;
        let body = again(&server, &license, json!({"nonce": machine.nonce})).await.expect(201);
        machine = Machine::of(&license.key, "fp-1", &body);
    }
}

async fn a_place_that_a_licence_file_holds_is_taken_over_three_times_a_day(backend: Backend) {
    let (server, license) = begin(backend).await;
    let checkout = format!("/license-keys/{}/checkout", license.id);
    let file = json!({"fingerprint": "fp-1", "ttlDays": 1});
    let file = server.admin_post(&checkout, file).await.expect(201);
    let path = format!("/license-activations/{}/deactivate", file["activation"]["id"].as_str().unwrap());
    for status in [201, 201, 201, 202] {
        assert_eq!(server.admin_post(&path, json!({})).await.expect(200)["holdsSeat"], true);
        again(&server, &license, json!({})).await.expect(status);
    }
}

async fn a_lapsed_machine_returns_as_often_as_seats_are_free(backend: Backend) {
    let server = TestServer::start(backend).await;
    let license = of_tier(&server, json!({"activationModel": "floating"})).await;
    for _ in 0..6 {
        again(&server, &license, json!({})).await.expect(201);
        server.clock.advance(3_600);
    }
    again(&server, &license, json!({})).await.expect(201);
    // It has not lapsed: it takes over what is held.
    for status in [200, 200, 200, 202] {
        again(&server, &license, json!({})).await.expect(status);
    }
}

async fn by_key_alone_nothing_is_replaced_with_a_claim_either(backend: Backend) {
    let (server, license) = begin(backend).await;
    let bound = json!({"userRef": "ann"});
    Machine::activate_with(&server, &license.key, "fp-1", bound).await;
    for _ in 0..3 {
        again(&server, &license, json!({})).await.expect(200);
    }
    again(&server, &license, json!({"userRef": "eve"})).await.expect_problem(409, "BINDING_MISMATCH");
    let claim = Claim::of(&again(&server, &license, json!({"userRef": "ann"})).await.expect(202));
    claim.decide(&server, "approve").await;
    assert_eq!(claim.poll(&server).await.expect(200)["activation"]["userRef"], "ann");
}

async fn every_instance_counts_the_same(backend: Backend) {
    let (server, license) = begin(backend).await;
    let other = server.another().await;
    Machine::activate(&server, &license.key, "fp-1").await;
    again(&server, &license, json!({})).await.expect(200);
    again(&other, &license, json!({})).await.expect(200);
    again(&server, &license, json!({})).await.expect(200);
    let claim = Claim::of(&again(&other, &license, json!({})).await.expect(202));
    claim.decide(&server, "approve").await;
    claim.poll(&other).await.expect(200);
}
