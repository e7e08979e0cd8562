//! Floating seats: a lease, a lapse, a revival.

use licentia_entity::license::Status;
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, request_id, try_activate};
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};

use super::{Issued, audited, deactivate, edit_tier, lapse, row, shown, tier, told, try_tier};

on_both![
    a_floating_tier_without_further_settings_just_works,
    a_lease_must_last_two_heartbeats,
    a_token_never_outlives_the_licence_either,
    a_silent_machine_loses_its_seat_by_the_job,
    a_full_licence_counts_ended_leases_out_and_frees_them_at_once,
    a_lapsed_machine_revives_when_a_seat_is_free,
    a_lapsed_machine_waits_on_a_full_licence,
    a_lapsed_machine_keeps_its_user_by_key_alone,
    contact_on_a_suspended_licence_keeps_the_lease,
    machines_follow_their_tier_at_their_next_contact,
    a_heartbeat_of_a_floating_machine_asks_no_more_than_another,
];

pub(super) async fn begin(server: &TestServer, more: Value) -> (Shop, Issued) {
    let shop = Shop::open(server).await;
    let floating = tier(server, &shop, "floating", json!({"activationModel": "floating"})).await;
    let issued = Issued::at(server, &shop, &floating, more).await;
    (shop, issued)
}

async fn a_floating_tier_without_further_settings_just_works(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let mut machine = Machine::activate(&server, &issued.key, "fp-1").await;
    for _ in 0..2 {
        let claims = machine.claims();
        let iat = claims["iat"].as_i64().unwrap();
        assert_eq!(
            (claims["exp"].as_i64(), claims["stale_until"].as_i64()),
            (Some(iat + 960), Some(iat + 960))
        );
        assert_eq!(
            (&claims["heartbeat_interval"], &claims["heartbeat_required"]),
            (&json!(300), &json!(true))
        );
        let machine_row = row(&server, &machine).await;
        assert!(machine_row.floating);
        assert_eq!(machine_row.lease_until.unwrap().seconds(), iat + 960);
        assert_eq!(shown(&server, &machine).await["floating"], true);
        server.clock.advance(300);
        machine.beat(&server).await;
    }
    // Heartbeats keep the seat for ever.
    for _ in 0..5 {
        server.clock.advance(299);
        lapse(&server).await;
        assert_eq!(machine.beat(&server).await["status"], "active");
    }
    assert_eq!((audited(&server, "activation.lapsed").await, issued.seats(&server).await), (0, json!(1)));
    assert_eq!(told(&server, "license.seats_full").await, 1);
}

async fn a_lease_must_last_two_heartbeats(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    edit_tier(&server, &shop.basic, json!({"heartbeatInterval": 3600})).await.expect(200);
    for wrong in [
        json!({"activationModel": "floating", "heartbeatInterval": 451}),
        json!({"activationModel": "floating", "lease": 119, "heartbeatInterval": 60}),
        json!({"activationModel": "floating", "lease": 0}),
        json!({"activationModel": "floating", "heartbeatInterval": 0}),
        json!({"activationModel": "floating", "includesTierId": shop.basic}),
    ] {
        let problem = try_tier(&server, &shop, "new", wrong).await.expect_problem(422, "VALIDATION_FAILED");
        let pointers: Vec<&Value> =
            problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert_eq!(pointers, ["/lease", "/heartbeatInterval"]);
    }
    let fits = json!({"activationModel": "floating", "includesTierId": shop.basic, "lease": 7200});
    tier(&server, &shop, "new", fits).await;
    // Of a node-locked tier the lease is not asked for.
    tier(&server, &shop, "locked", json!({"lease": 1})).await;
}

async fn a_token_never_outlives_the_licence_either(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"validDays": 1})).await;
    let mut machine = Machine::activate(&server, &issued.key, "fp-1").await;
    server.clock.advance(86_400 - 100);
    machine.beat(&server).await;
    let claims = machine.claims();
    assert_eq!((&claims["exp"], &claims["stale_until"]), (&claims["license_exp"], &claims["license_exp"]));
}

async fn a_silent_machine_loses_its_seat_by_the_job(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 2})).await;
    let silent = Machine::activate(&server, &issued.key, "silent").await;
    let mut talking = Machine::activate(&server, &issued.key, "talking").await;
    server.clock.advance(899);
    talking.beat(&server).await;
    server.run_jobs().await;
    assert_eq!(shown(&server, &silent).await["status"], "active");
    server.clock.advance(1);
    lapse(&server).await;
    let lapsed = shown(&server, &silent).await;
    assert_eq!((&lapsed["status"], &lapsed["holdsSeat"]), (&json!("lapsed"), &json!(false)));
    assert_eq!(shown(&server, &talking).await["status"], "active");
    assert_eq!(issued.counted(&server).await, (1, 1));
    assert_eq!(
        (audited(&server, "activation.lapsed").await, told(&server, "activation.lapsed").await),
        (1, 1)
    );
    assert_eq!(issued.releases(&server).await, 0);
    // Once is enough.
    lapse(&server).await;
    assert_eq!(audited(&server, "activation.lapsed").await, 1);
}

async fn a_full_licence_counts_ended_leases_out_and_frees_them_at_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let first = Machine::activate(&server, &issued.key, "first").await;
    try_activate(&server, &issued.key, "second", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    server.clock.advance(900);
    assert_eq!(issued.seats(&server).await, 0);
    let body = json!({"licenseKey": issued.key, "fingerprint": "second"});
    let standing = server.post("/license-activations/status", body).await.expect(200);
    assert_eq!(standing["seats"]["used"], 0);
    Machine::activate(&server, &issued.key, "second").await;
    assert_eq!(row(&server, &first).await.status, licentia_types::activations::ActivationStatus::Lapsed);
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn a_lapsed_machine_revives_when_a_seat_is_free(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let mut machine = Machine::activate(&server, &issued.key, "fp-1").await;
    server.clock.advance(10_000);
    lapse(&server).await;
    let serial = row(&server, &machine).await.status_serial;
    let body = machine.beat_body(Some(&request_id()));
    let revived = server.post("/license-keys/heartbeat", body.clone()).await.expect(200);
    assert_eq!((&revived["status"], revived["token"].is_string()), (&json!("active"), true));
    assert_eq!((&revived["recovered"], &revived["previousStatus"]), (&json!(true), &json!("grace_expired")));
    assert_eq!(issued.counted(&server).await, (1, 1));
    assert_eq!(
        (audited(&server, "activation.revived").await, audited(&server, "activation.recovered").await),
        (1, 1)
    );
    assert_eq!(told(&server, "activation.revived").await, 1);
    // Its answer was lost: the same again, and nothing counted twice.
    let again = server.post("/license-keys/heartbeat", body).await.expect(200);
    assert_eq!((&again["nonce"], &again["status"]), (&revived["nonce"], &revived["status"]));
    assert_eq!(issued.counted(&server).await, (1, 1));
    assert_eq!(row(&server, &machine).await.status_serial, serial);
    again["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
    assert_eq!(machine.beat(&server).await["recovered"], false);
}

async fn a_lapsed_machine_waits_on_a_full_licence(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let mut waiting = Machine::activate(&server, &issued.key, "waiting").await;
    server.clock.advance(900);
    let holder = Machine::activate(&server, &issued.key, "holder").await;
    let body = waiting.beat_body(Some(&request_id()));
    let first = server.post("/license-keys/heartbeat", body.clone()).await.expect(200);
    for member in ["token", "tokenType", "expiresAt", "staleUntil", "graceToken", "graceUntil"] {
        assert!(first.get(member).is_none(), "{member}");
    }
    assert_eq!((&first["status"], &first["recovered"]), (&json!("lapsed"), &json!(false)));
    assert_eq!(audited(&server, "activation.recovered").await, 0);
    assert_ne!(first["nonce"], waiting.nonce.as_str());
    // The same request again: the same answer, until a seat is free.
    let again = server.post("/license-keys/heartbeat", body.clone()).await.expect(200);
    assert_eq!((&again["nonce"], &again["status"]), (&first["nonce"], &json!("lapsed")));
    deactivate(&server, &holder).await.expect(200);
    let free = server.post("/license-keys/heartbeat", body).await.expect(200);
    assert_eq!((&free["nonce"], &free["status"]), (&first["nonce"], &json!("active")));
    assert!(free["token"].is_string());
    free["nonce"].as_str().unwrap().clone_into(&mut waiting.nonce);
    waiting.beat(&server).await;
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn a_lapsed_machine_keeps_its_user_by_key_alone(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({})).await;
    let machine = Machine::activate_with(&server, &issued.key, "fp-1", json!({"userRef": "ann"})).await;
    server.clock.advance(900);
    let eve = json!({"userRef": "eve"});
    try_activate(&server, &issued.key, "fp-1", eve.clone()).await.expect_problem(409, "BINDING_MISMATCH");
    let proven = json!({"userRef": "eve", "nonce": machine.nonce});
    let back = try_activate(&server, &issued.key, "fp-1", proven).await.expect(201);
    assert_eq!(
        (&back["activation"]["id"], &back["activation"]["userRef"]),
        (&json!(machine.activation), &json!("eve"))
    );
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn contact_on_a_suspended_licence_keeps_the_lease(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let mut machine = Machine::activate(&server, &issued.key, "fp-1").await;
    issued.set(&server, |row| row.status = Set(Status::Suspended)).await;
    for _ in 0..3 {
        server.clock.advance(600);
        let answer = machine.beat(&server).await;
        assert_eq!((&answer["status"], answer.get("token")), (&json!("suspended"), None));
        // It is late, but recovers only with a token.
        assert_eq!((&answer["recovered"], &answer["previousStatus"]), (&json!(false), &json!("grace")));
        assert_eq!(audited(&server, "activation.recovered").await, 0);
        lapse(&server).await;
    }
    assert_eq!(issued.counted(&server).await, (1, 1));
    // Silent, it lapses there as well, and does not revive before the licence is good again.
    server.clock.advance(900);
    lapse(&server).await;
    assert_eq!(machine.beat(&server).await["status"], "suspended");
    assert_eq!(issued.counted(&server).await, (0, 0));
    issued.set(&server, |row| row.status = Set(Status::Active)).await;
    assert_eq!(machine.beat(&server).await["status"], "active");
}

async fn machines_follow_their_tier_at_their_next_contact(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let changing = tier(&server, &shop, "changing", json!({})).await;
    let issued = Issued::at(&server, &shop, &changing, json!({"maxActivations": 2})).await;
    let mut calling = Machine::activate(&server, &issued.key, "calling").await;
    let silent = Machine::activate(&server, &issued.key, "silent").await;
    edit_tier(&server, &changing, json!({"activationModel": "floating"})).await.expect(200);
    server.clock.advance(100_000);
    lapse(&server).await;
    assert_eq!(issued.counted(&server).await, (2, 2));
    calling.beat(&server).await;
    assert_eq!((row(&server, &calling).await.floating, row(&server, &silent).await.floating), (true, false));
    assert_eq!(calling.claims()["heartbeat_interval"], 300);
    server.clock.advance(900);
    lapse(&server).await;
    assert_eq!(issued.counted(&server).await, (1, 1));
    // Back: it revives, and has its seat for good.
    edit_tier(&server, &changing, json!({"activationModel": null})).await.expect(200);
    calling.beat(&server).await;
    let machine = row(&server, &calling).await;
    assert_eq!((machine.floating, machine.lease_until, machine.holds_seat), (false, None, true));
    server.clock.advance(100_000);
    lapse(&server).await;
    assert_eq!(issued.counted(&server).await, (2, 2));
}

async fn a_heartbeat_of_a_floating_machine_asks_no_more_than_another(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued) = begin(&server, json!({})).await;
    let locked = Issued::at(&server, &shop, &shop.pro, json!({})).await;
    let mut counts = Vec::new();
    for key in [&issued.key, &locked.key] {
        let mut machine = Machine::activate(&server, key, "fp-1").await;
        machine.beat(&server).await;
        let before = server.context.db.statements();
        machine.beat(&server).await;
        counts.push(server.context.db.statements() - before);
    }
    // One reads the batch, one writes it.
    assert_eq!(counts, [2, 2]);
}
