//! Machines that take no seat in some environments, as many as the tier says.

use futures_util::future::join_all;
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use serde_json::{Value, json};

use super::{Issued, deactivate, edit_tier, lapse, row, shown, tier, try_tier};

on_both![
    fifty_at_once_take_five_free_places_and_two_seats,
    a_free_place_counts_for_nobody_and_the_token_names_it,
    environments_are_inherited_one_by_one,
    a_machine_moves_with_its_environment,
    nobody_moves_to_a_seat_that_is_not_free,
    moving_to_a_free_place_is_a_release,
    free_places_have_a_release_budget_of_their_own,
    without_a_limit_there_is_no_budget_of_places_either,
    whoever_is_in_a_free_place_stays_when_it_is_taken_away,
    a_floating_machine_loses_its_free_place_too,
    places_have_bounds,
];

async fn begin(server: &TestServer, more: Value) -> (Shop, String, Issued) {
    let shop = Shop::open(server).await;
    let free = json!({"freeEnvironments": {"ci": 5, "dev": 1}, "maxActivations": 2});
    let tier = tier(server, &shop, "free", free).await;
    let issued = Issued::at(server, &shop, &tier, more).await;
    (shop, tier, issued)
}

async fn activate(server: &TestServer, issued: &Issued, machine: &str, environment: &str) -> Reply {
    try_activate(server, &issued.key, machine, json!({"environment": environment})).await
}

async fn machine(server: &TestServer, issued: &Issued, name: &str, environment: &str) -> Machine {
    Machine::of(&issued.key, name, &activate(server, issued, name, environment).await.expect(201))
}

async fn fifty_at_once_take_five_free_places_and_two_seats(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (_, _, issued) = begin(&server, json!({})).await;
    let replies = join_all((0..50).map(|n| {
        let (server, issued) = (if n % 2 == 0 { &server } else { &other }, &issued);
        async move { activate(server, issued, &format!("runner-{n}"), "ci").await }
    }))
    .await;
    let (made, refused): (Vec<Reply>, Vec<Reply>) =
        replies.into_iter().partition(|reply| reply.status == 201);
    assert!(refused.iter().all(|reply| reply.body["code"] == "SEAT_LIMIT_REACHED"));
    let free = made.iter().filter(|reply| reply.body["activation"]["freeEnvironment"] == "ci").count();
    let seated = made.iter().filter(|reply| reply.body["activation"]["holdsSeat"] == true).count();
    assert_eq!((made.len(), free, seated, refused.len()), (7, 5, 2, 43));
    assert_eq!(issued.counted(&server).await, (2, 2));
}

async fn a_free_place_counts_for_nobody_and_the_token_names_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, issued) = begin(&server, json!({"maxActivations": 1, "maxUsers": 1, "maxTenants": 1})).await;
    let ann = json!({"userRef": "ann", "tenantRef": "north"});
    let seated = Machine::activate_with(&server, &issued.key, "desk", ann).await;
    assert_eq!(seated.claims().get("free_environment"), None);
    assert_eq!(seated.claims()["free_environments"], json!({"ci": 5, "dev": 1}));
    for n in 0..5 {
        let who = json!({"environment": "ci", "userRef": format!("bot-{n}"), "tenantRef": format!("t-{n}")});
        let mut runner = Machine::activate_with(&server, &issued.key, &format!("runner-{n}"), who).await;
        for _ in 0..2 {
            let claims = runner.claims();
            assert_eq!((&claims["environment"], &claims["free_environment"]), (&json!("ci"), &json!(true)));
            runner.beat(&server).await;
        }
        let shown = shown(&server, &runner).await;
        assert_eq!((&shown["freeEnvironment"], &shown["holdsSeat"]), (&json!("ci"), &json!(false)));
    }
    assert_eq!(issued.seats(&server).await, 1);
    activate(&server, &issued, "one-more", "ci").await.expect_problem(409, "SEAT_LIMIT_REACHED");
    activate(&server, &issued, "elsewhere", "production").await.expect_problem(409, "SEAT_LIMIT_REACHED");
    // Other names are other environments.
    activate(&server, &issued, "elsewhere", "CI").await.expect_problem(409, "SEAT_LIMIT_REACHED");
}

async fn environments_are_inherited_one_by_one(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, included, _) = begin(&server, json!({})).await;
    let more =
        json!({"includesTierId": included, "freeEnvironments": {"dev": 3, "ci": 0, "test": 0, "qa": 1}});
    let above = tier(&server, &shop, "above", more).await;
    let resolved = server.admin_get(&format!("/pricing-tiers/{above}/features")).await.expect(200);
    assert_eq!(resolved["freeEnvironments"], json!({"dev": 3, "qa": 1}));
    edit_tier(&server, &above, json!({"freeEnvironments": {}})).await.expect(200);
    let resolved = server.admin_get(&format!("/pricing-tiers/{above}/features")).await.expect(200);
    assert_eq!(resolved["freeEnvironments"], json!({"ci": 5, "dev": 1}));
    let plain = Issued::at(&server, &shop, &shop.pro, json!({})).await;
    let machine = Machine::activate(&server, &plain.key, "fp-1").await;
    assert_eq!(machine.claims().get("free_environments"), None);
}

async fn a_machine_moves_with_its_environment(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let moving = machine(&server, &issued, "moving", "production").await;
    assert_eq!(issued.counted(&server).await, (1, 1));
    let moved = activate(&server, &issued, "moving", "dev").await.expect(200);
    assert_eq!(moved["activation"]["freeEnvironment"], "dev");
    assert_eq!((issued.counted(&server).await, issued.releases(&server).await), ((0, 0), 1));
    // Without an environment it stays where it is.
    try_activate(&server, &issued.key, "moving", json!({})).await.expect(200);
    assert_eq!(shown(&server, &moving).await["freeEnvironment"], "dev");
    // From one free place to another, which another machine may have then.
    activate(&server, &issued, "moving", "ci").await.expect(200);
    machine(&server, &issued, "second", "dev").await;
    assert_eq!(issued.counted(&server).await, (0, 0));
    server.clock.advance(86_400);
    let back = activate(&server, &issued, "moving", "production").await.expect(200);
    assert_eq!(
        (&back["activation"]["freeEnvironment"], &back["activation"]["holdsSeat"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn nobody_moves_to_a_seat_that_is_not_free(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, issued) = begin(&server, json!({"maxActivations": 2, "maxUsers": 1})).await;
    let ann = json!({"userRef": "ann"});
    Machine::activate_with(&server, &issued.key, "desk", ann).await;
    let bob = json!({"userRef": "bob", "environment": "ci"});
    let runner = Machine::activate_with(&server, &issued.key, "runner", bob).await;
    let before = row(&server, &runner).await;
    // A seat is free, but his user would be one too many on seats.
    let to_seat = json!({"environment": "production"});
    let full = try_activate(&server, &issued.key, "runner", to_seat).await;
    assert_eq!(full.expect_problem(409, "SEAT_LIMIT_REACHED")["seats"]["dimension"], "users");
    assert_eq!(row(&server, &runner).await, before);
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn moving_to_a_free_place_is_a_release(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, issued) = begin(&server, json!({"maxActivations": 1})).await;
    // One seat may be released three times in 30 days.
    for n in 0..3 {
        machine(&server, &issued, &format!("guest-{n}"), "production").await;
        activate(&server, &issued, &format!("guest-{n}"), "ci").await.expect(200);
    }
    let last = machine(&server, &issued, "last", "production").await;
    let stays = activate(&server, &issued, "last", "ci").await.expect(200);
    assert_eq!(
        (&stays["activation"]["holdsSeat"], &stays["activation"]["freeEnvironment"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(issued.counted(&server).await, (1, 1));
    activate(&server, &issued, "next", "production").await.expect_problem(409, "SEAT_LIMIT_REACHED");
    assert_eq!(row(&server, &last).await.environment.unwrap().as_str(), "ci");
}

async fn free_places_have_a_release_budget_of_their_own(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let gives_back = async |machine: &Machine| {
        let gone = deactivate(&server, machine).await.expect(200);
        assert_eq!((&gone["status"], &gone["holdsSeat"]), (&json!("deactivated"), &json!(false)));
        (gone["freeEnvironment"].clone(), gone["seatFreesAt"].clone())
    };
    for n in 0..3 {
        let dev = machine(&server, &issued, &format!("dev-{n}"), "dev").await;
        assert_eq!(gives_back(&dev).await, (Value::Null, Value::Null));
    }
    // Three releases of one place in 30 days: it stays taken until the machine's last token has ended.
    let last = machine(&server, &issued, "last", "dev").await;
    let ends = json!(row(&server, &last).await.token_exp);
    assert_eq!(gives_back(&last).await, (json!("dev"), ends));
    let next = activate(&server, &issued, "next", "dev").await.expect(201);
    assert_eq!(next["activation"]["holdsSeat"], true);
    activate(&server, &issued, "dev-0", "dev").await.expect_problem(409, "SEAT_LIMIT_REACHED");
    // The machine itself may come back to it.
    let back = machine(&server, &issued, "last", "dev").await;
    assert_eq!(shown(&server, &back).await["freeEnvironment"], "dev");
    assert_eq!(gives_back(&back).await.0, "dev");
    // Seats, and the places of other environments, have budgets of their own.
    assert_eq!(gives_back(&Machine::of(&issued.key, "next", &next)).await, (Value::Null, Value::Null));
    let ci = machine(&server, &issued, "ci", "ci").await;
    assert_eq!(gives_back(&ci).await, (Value::Null, Value::Null));
    assert_eq!((issued.counted(&server).await, issued.releases(&server).await), ((0, 0), 5));

    server.clock.advance(172_800);
    let patient = machine(&server, &issued, "patient", "dev").await;
    assert_eq!(shown(&server, &patient).await["freeEnvironment"], "dev");
    let freed = row(&server, &last).await;
    assert_eq!((freed.free_environment, freed.seat_frees_at), (None, None));
    // A revoked machine keeps its place until the grace is over.
    let path = format!("/license-activations/{}/revoke", patient.activation);
    let held = server.admin_post(&path, json!({"graceHours": 100})).await.expect(200);
    assert_eq!((&held["freeEnvironment"], &held["seatFreesAt"]), (&json!("dev"), &held["graceUntil"]));
    assert_eq!(issued.counted(&server).await, (0, 0));
}

async fn without_a_limit_there_is_no_budget_of_places_either(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, issued) = begin(&server, json!({"maxActivations": null})).await;
    for n in 0..5 {
        let dev = machine(&server, &issued, &format!("dev-{n}"), "dev").await;
        let gone = deactivate(&server, &dev).await.expect(200);
        assert_eq!((&gone["freeEnvironment"], &gone["seatFreesAt"]), (&Value::Null, &Value::Null));
    }
    assert_eq!(issued.releases(&server).await, 0);
}

async fn whoever_is_in_a_free_place_stays_when_it_is_taken_away(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, tier, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let mut early = machine(&server, &issued, "early", "ci").await;
    edit_tier(&server, &tier, json!({"freeEnvironments": {"ci": 0}})).await.expect(200);
    early.beat(&server).await;
    assert_eq!(early.claims()["free_environment"], true);
    assert_eq!(early.claims().get("free_environments"), None);
    activate(&server, &issued, "early", "ci").await.expect(200);
    assert_eq!(issued.counted(&server).await, (0, 0));
    let late = activate(&server, &issued, "late", "ci").await.expect(201);
    assert_eq!(late["activation"]["holdsSeat"], true);
    activate(&server, &issued, "later", "ci").await.expect_problem(409, "SEAT_LIMIT_REACHED");
}

async fn a_floating_machine_loses_its_free_place_too(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, tier, issued) = begin(&server, json!({"maxActivations": 1})).await;
    edit_tier(&server, &tier, json!({"activationModel": "floating"})).await.expect(200);
    let mut dev = machine(&server, &issued, "dev", "dev").await;
    server.clock.advance(900);
    lapse(&server).await;
    let lapsed = shown(&server, &dev).await;
    assert_eq!((&lapsed["status"], &lapsed["freeEnvironment"]), (&json!("lapsed"), &Value::Null));
    assert_eq!(issued.counted(&server).await, (0, 0));
    machine(&server, &issued, "next", "dev").await;
    // Its place is taken, so it comes back on a seat.
    assert_eq!(dev.beat(&server).await["status"], "active");
    assert_eq!(dev.claims().get("free_environment"), None);
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn places_have_bounds(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, tier, _) = begin(&server, json!({})).await;
    let many: serde_json::Map<String, Value> = (0..17).map(|n| (format!("env-{n}"), json!(1))).collect();
    for wrong in [
        Value::Object(many),
        json!({"ci": 10_001}),
        json!({"ci": -1}),
        json!({"ci": 1.5}),
        json!({"ci": "5"}),
        json!({"": 1}),
        json!({" ci": 1}),
        json!(["ci"]),
        Value::Null,
    ] {
        let body = json!({"freeEnvironments": wrong});
        for reply in
            [try_tier(&server, &shop, "new", body.clone()).await, edit_tier(&server, &tier, body).await]
        {
            let problem = reply.expect_problem(422, "VALIDATION_FAILED");
            assert!(problem["errors"][0]["pointer"].as_str().unwrap().starts_with("/freeEnvironments"));
        }
    }
    // What no token could carry is refused when it is written.
    let mut above = tier;
    let mut last = 0;
    for level in 0..8 {
        let named: serde_json::Map<String, Value> =
            (0..16).map(|n| (format!("{}-{level}-{n}", "e".repeat(50)), json!(10_000))).collect();
        let body = json!({"freeEnvironments": named, "includesTierId": above});
        let reply = try_tier(&server, &shop, &format!("level-{level}"), body).await;
        last = reply.status;
        if last != 201 {
            reply.expect_problem(422, "TOKEN_TOO_LARGE");
            break;
        }
        reply.body["id"].as_str().unwrap().clone_into(&mut above);
    }
    assert_eq!(last, 422);
}
