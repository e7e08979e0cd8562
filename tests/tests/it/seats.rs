//! The seat transaction under races, and the three limits.

use futures_util::future::join_all;
use licentia_entity::{activation, license};
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

on_both![
    two_hundred_at_once_for_ten_seats_give_exactly_ten,
    two_instances_give_no_seat_twice,
    the_same_machine_at_once_takes_one_seat,
    users_and_tenants_are_limited,
    a_full_licence_tells_when_machines_were_seen_and_no_names,
    released_seats_have_a_budget,
    a_downgrade_below_use_keeps_seats_and_refuses_new_ones,
    a_lowered_user_limit_does_not_punish_proof,
    edits_activations_and_heartbeats_at_once_wait_for_each_other,
];

fn key(issued: &Value) -> String {
    issued["licenseKey"].as_str().unwrap().to_owned()
}

async fn race(servers: &[&TestServer], key: &str, machines: usize) -> Vec<Reply> {
    let attempts = (0..machines).map(|machine| {
        let server = servers[machine % servers.len()];
        async move { try_activate(server, key, &format!("machine-{machine}"), json!({})).await }
    });
    join_all(attempts).await
}

async fn assert_exactly(server: &TestServer, issued: &Value, replies: &[Reply], seats: usize) {
    let created = replies.iter().filter(|reply| reply.status == 201).count();
    let refused: Vec<&Reply> = replies.iter().filter(|reply| reply.status != 201).collect();
    assert_eq!(created, seats);
    assert!(refused.iter().all(|reply| reply.body["code"] == "SEAT_LIMIT_REACHED"), "{:?}", refused.first());
    let id = issued["id"].as_str().unwrap();
    let row = license::Entity::find_by_id(id.parse::<licentia_types::ids::LicenseId>().unwrap())
        .one(&server.context.db)
        .await
        .unwrap()
        .unwrap();
    let holding = activation::Entity::find()
        .filter(activation::Column::LicenseId.eq(row.id))
        .filter(activation::Column::HoldsSeat.eq(true))
        .count(&server.context.db)
        .await
        .unwrap();
    assert_eq!((usize::try_from(row.seats_used).unwrap(), usize::try_from(holding).unwrap()), (seats, seats));
}

async fn two_hundred_at_once_for_ten_seats_give_exactly_ten(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"maxActivations": 10})).await;
    let replies = race(&[&server], &key(&issued), 200).await;
    assert_exactly(&server, &issued, &replies, 10).await;
}

async fn two_instances_give_no_seat_twice(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"maxActivations": 10})).await;
    let other = server.another().await;
    let replies = race(&[&server, &other], &key(&issued), 60).await;
    assert_exactly(&server, &issued, &replies, 10).await;
}

async fn the_same_machine_at_once_takes_one_seat(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let key = key(&issued);
    let replies = join_all((0..20).map(|_| try_activate(&server, &key, "the-one", json!({})))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    // Three answers may be lost in a day; more have to wait for somebody.
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 3);
    assert_eq!(replies.iter().filter(|reply| matches!(reply.status, 202 | 409)).count(), 16);
    let license =
        server.admin_get(&format!("/license-keys/{}", issued["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(license["seats"], json!({"used": 1, "limit": 2}));
}

async fn users_and_tenants_are_limited(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"maxActivations": null, "maxUsers": 2, "maxTenants": 1})).await;
    let key = key(&issued);
    let on = |machine: &'static str, more: Value| {
        let (server, key) = (&server, &key);
        async move { try_activate(server, key, machine, more).await }
    };
    on("a", json!({"userRef": "ann", "tenantRef": "north"})).await.expect(201);
    on("b", json!({"userRef": "ann", "tenantRef": "north"})).await.expect(201);
    let full = on("c", json!({"userRef": "bob", "tenantRef": "south"}))
        .await
        .expect_problem(409, "SEAT_LIMIT_REACHED");
    assert_eq!((&full["seats"]["dimension"], &full["seats"]["limit"]), (&json!("tenants"), &json!(1)));
    // An activation without a user counts as a user of its own.
    on("c", json!({})).await.expect(201);
    let full = on("d", json!({"userRef": "bob"})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    assert_eq!((&full["seats"]["dimension"], &full["seats"]["used"]), (&json!("users"), &json!(2)));
    // What was refused left nothing behind.
    let license =
        server.admin_get(&format!("/license-keys/{}", issued["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(license["seats"], json!({"used": 3, "limit": null}));
}

async fn a_full_licence_tells_when_machines_were_seen_and_no_names(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let key = key(&shop.issue(&server, json!({"maxActivations": 1})).await);
    Machine::activate_with(&server, &key, "secret-machine", json!({"hostname": "secret-host"})).await;
    let reply = try_activate(&server, &key, "second", json!({})).await;
    assert!(!reply.text.contains("secret-"));
    let problem = reply.expect_problem(409, "SEAT_LIMIT_REACHED");
    assert_eq!((&problem["seats"]["used"], &problem["seats"]["limit"]), (&json!(1), &json!(1)));
    assert_eq!(problem["seats"]["lastSeen"].as_array().unwrap().len(), 1);
}

async fn released_seats_have_a_budget(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"maxActivations": 1})).await;
    let (key, path) = (key(&issued), format!("/license-keys/{}", issued["id"].as_str().unwrap()));
    let deactivate = |machine: &Machine| {
        let path = format!("/license-activations/{}/deactivate", machine.activation);
        let body =
            json!({"licenseKey": machine.key, "fingerprint": machine.fingerprint, "nonce": machine.nonce});
        let server = &server;
        async move { server.post(&path, body).await.expect(200) }
    };
    for round in 0..3 {
        let machine = Machine::activate(&server, &key, &format!("round-{round}")).await;
        assert_eq!(deactivate(&machine).await["holdsSeat"], false);
    }
    // The budget of three is used up: the seat stays taken until the machine's last token ends.
    let last = Machine::activate(&server, &key, "round-3").await;
    let held = deactivate(&last).await;
    assert_eq!((&held["status"], &held["holdsSeat"]), (&json!("deactivated"), &json!(true)));
    try_activate(&server, &key, "impatient", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    // By the admin's path the budget is the same; the machine itself may come back to its seat.
    let back = Machine::activate(&server, &key, "round-3").await;
    Reply::of(
        server.admin(reqwest::Method::POST, &format!("/license-activations/{}/deactivate", back.activation)),
    )
    .await
    .expect(200);
    try_activate(&server, &key, "impatient", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    server.clock.advance(172_800);
    assert_eq!(server.admin_get(&path).await.expect(200)["seats"]["used"], 0);
    Machine::activate(&server, &key, "patient").await;
    assert_eq!(server.admin_get(&path).await.expect(200)["seats"]["used"], 1);
}

async fn a_downgrade_below_use_keeps_seats_and_refuses_new_ones(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"maxActivations": 3})).await;
    let (key, path) = (key(&issued), format!("/license-keys/{}", issued["id"].as_str().unwrap()));
    let mut first = Machine::activate(&server, &key, "first").await;
    Machine::activate(&server, &key, "second").await;
    let edited = server.admin_put(&path, json!({"maxActivations": 1})).await.expect(200);
    assert_eq!((&edited["overLimit"], &edited["seats"]["used"]), (&json!(true), &json!(2)));
    assert_eq!(first.beat(&server).await["status"], "active");
    try_activate(&server, &key, "third", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    // A machine that holds its seat may activate again.
    assert_eq!(try_activate(&server, &key, "first", json!({})).await.status, 200);
}

async fn a_lowered_user_limit_does_not_punish_proof(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued =
        Shop::open(&server).await.issue(&server, json!({"maxActivations": null, "maxUsers": 2})).await;
    let (key, path) = (key(&issued), format!("/license-keys/{}", issued["id"].as_str().unwrap()));
    let ann = Machine::activate_with(&server, &key, "first", json!({"userRef": "ann"})).await;
    Machine::activate_with(&server, &key, "second", json!({"userRef": "bob"})).await;
    server.admin_put(&path, json!({"maxUsers": 1})).await.expect(200);
    let proof = json!({"nonce": ann.nonce});
    let again = try_activate(&server, &key, "first", proof).await.expect(200);
    let another_user = json!({"nonce": again["nonce"], "userRef": "eve"});
    try_activate(&server, &key, "first", another_user).await.expect_problem(409, "SEAT_LIMIT_REACHED");
}

/// Each edit makes a new claim set, which machines and newcomers then file at the same instant.
async fn edits_activations_and_heartbeats_at_once_wait_for_each_other(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({"maxActivations": null})).await;
    let (key, path) = (key(&issued), format!("/license-keys/{}", issued["id"].as_str().unwrap()));
    let mut machines = Vec::new();
    for n in 0..8 {
        machines.push(Machine::activate(&server, &key, &format!("old-{n}")).await);
    }
    for round in 0..6 {
        server.admin_put(&path, json!({"maxTenants": round + 1})).await.expect(200);
        let newcomers = (0..8).map(|n| {
            let (server, key) = (&server, &key);
            async move { try_activate(server, key, &format!("new-{round}-{n}"), json!({})).await.expect(201) }
        });
        let beats = machines.iter_mut().map(|machine| machine.beat(&server));
        futures_util::future::join(join_all(newcomers), join_all(beats)).await;
    }
}
