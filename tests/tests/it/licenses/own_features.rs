//! A licence's own features, changed bit by bit; and its tier.

use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use reqwest::Method;
use serde_json::{Value, json};

use super::{edit, events, id, key, read};

on_both![
    features_are_added_and_removed_bit_by_bit,
    features_are_frozen_and_thawed,
    a_change_that_contradicts_itself_or_names_nothing_is_refused,
    what_is_so_already_changes_nothing,
    an_archived_feature_is_no_obstacle_to_an_edit,
    an_archived_feature_in_a_frozen_set_is_no_obstacle_to_an_edit,
    a_licence_changes_its_tier,
    a_tier_that_is_not_on_sale_is_none_to_change_to,
    below_its_use_a_licence_keeps_its_machines_and_takes_no_new_ones,
];

async fn change(server: &TestServer, license: &Value, body: Value) -> Reply {
    let path = format!("/license-keys/{}/features", id(license));
    Reply::of(server.admin(Method::POST, &path).header("if-match", "*").json(&body)).await
}

async fn features_are_added_and_removed_bit_by_bit(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let mut machine = Machine::activate(&server, key(&issued), "fp-1").await;
    assert_eq!(machine.claims()["features"], json!(["edit", "export", "rooms"]));
    for (body, features, granted) in [
        (json!({"add": ["api"]}), json!({"add": ["api"]}), json!(["api", "edit", "export", "rooms"])),
        (json!({"remove": ["edit", "api"]}), json!({"remove": ["api", "edit"]}), json!(["export", "rooms"])),
        (
            json!({"add": ["edit"], "values": {"rooms": 7}}),
            json!({"add": ["edit"], "remove": ["api"], "values": {"rooms": 7}}),
            json!(["edit", "export", "rooms"]),
        ),
        (
            json!({"values": {"rooms": null}}),
            json!({"add": ["edit"], "remove": ["api"]}),
            json!(["edit", "export", "rooms"]),
        ),
    ] {
        let changed = change(&server, &issued, body).await.expect(200);
        assert_eq!(changed["features"], features);
        machine.beat(&server).await;
        assert_eq!(machine.claims()["features"], granted);
    }
    assert_eq!(machine.claims()["feature_values"], json!({"rooms": 10}));
    assert_eq!(events(&server, "license.features_changed").await.len(), 4);
}

async fn features_are_frozen_and_thawed(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"features": {"add": ["api"]}})).await;
    let mut machine = Machine::activate(&server, key(&issued), "fp-1").await;
    let frozen = change(&server, &issued, json!({"set": ["edit"]})).await.expect(200);
    assert_eq!(frozen["features"], json!({"set": ["edit"]}));
    let frozen = change(&server, &issued, json!({"add": ["export"]})).await.expect(200);
    assert_eq!(frozen["features"], json!({"set": ["edit", "export"]}));
    edit(&server, &issued, json!({"tierId": shop.max})).await.expect(200);
    machine.beat(&server).await;
    assert_eq!(machine.claims()["features"], json!(["edit", "export"]));
    let thawed = change(&server, &issued, json!({"set": null})).await.expect(200);
    assert_eq!(thawed["features"], json!({}));
    machine.beat(&server).await;
    assert_eq!(machine.claims()["features"], json!(["api", "edit", "export", "rooms"]));
}

async fn a_change_that_contradicts_itself_or_names_nothing_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    for (body, pointer) in [
        (json!({"add": ["api"], "remove": ["api"]}), "/remove"),
        (json!({"remove": ["rooms"], "values": {"rooms": 2}}), "/remove"),
        (json!({"set": ["api"], "add": ["edit"]}), "/set"),
        (json!({"set": null, "add": ["edit"]}), "/set"),
        (json!({"add": ["nothing"]}), "/add"),
        (json!({"add": ["care"]}), "/add"),
        (json!({"remove": ["nothing"]}), "/remove"),
        (json!({"remove": ["care"]}), "/remove"),
        (json!({"values": {"rooms": "many"}}), "/values/rooms"),
        (json!({"values": {"edit": 1}}), "/values/edit"),
        (json!({"grant": ["api"]}), "/grant"),
        (json!({"add": "api"}), "/add"),
    ] {
        let problem = change(&server, &issued, body).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    assert_eq!(read(&server, &issued).await["version"], 1);
}

async fn what_is_so_already_changes_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let once = change(&server, &issued, json!({"add": ["api"]})).await.expect(200);
    server.clock.advance(60);
    let twice = change(&server, &issued, json!({"add": ["api"]})).await;
    assert_eq!(twice.header("etag"), "\"2\"");
    assert_eq!(twice.expect(200), once);
    assert_eq!(change(&server, &issued, json!({})).await.expect(200), once);
}

/// Archives a feature, by its key.
async fn archive(server: &TestServer, key: &str) {
    let features = server.admin_get("/product-features").await.expect(200);
    let mut all = features["items"].as_array().unwrap().iter();
    let feature = all.find(|feature| feature["key"] == key).unwrap();
    server.admin_delete(&format!("/product-features/{}", id(feature))).await.expect(204);
}

/// Makes an integer entitlement that no tier names.
async fn declare(server: &TestServer, shop: &Shop, key: &str) {
    let body = json!({"productId": shop.product, "key": key, "name": key, "kind": "entitlement",
                      "valueType": "integer"});
    server.admin_post("/product-features", body).await.expect(201);
}

async fn an_archived_feature_is_no_obstacle_to_an_edit(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for feature in ["beams", "lost"] {
        declare(&server, &shop, feature).await;
    }
    let own = json!({"add": ["api", "beams"], "remove": ["lost"], "values": {"beams": 4}});
    let issued = shop.issue(&server, json!({"features": own})).await;
    for feature in ["api", "beams", "lost"] {
        archive(&server, feature).await;
    }
    let changed = change(&server, &issued, json!({"remove": ["edit"]})).await.expect(200);
    let kept = json!({"add": ["api", "beams"], "remove": ["edit", "lost"], "values": {"beams": 4}});
    assert_eq!(changed["features"], kept);
    edit(&server, &issued, json!({"tierId": shop.max})).await.expect(200);
    edit(&server, &issued, json!({"features": kept, "maxUsers": 3})).await.expect(200);
    assert_eq!(super::claims(&server, &issued).await["features"], json!(["export", "rooms"]));
    // Nothing new of it.
    for (body, pointer) in [
        (json!({"values": {"beams": 5}}), "/values"),
        (json!({"values": {"api": 5}}), "/values"),
        (json!({"add": ["lost"]}), "/add"),
        (json!({"set": ["lost"]}), "/set"),
    ] {
        let problem = change(&server, &issued, body).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    // It can be let go of, once and again.
    for _ in 0..2 {
        let less = change(&server, &issued, json!({"remove": ["api", "beams"]})).await.expect(200);
        assert_eq!(less["features"], json!({"remove": ["edit", "lost"]}));
    }
    let problem = change(&server, &issued, json!({"add": ["api"]})).await;
    assert_eq!(problem.expect_problem(422, "VALIDATION_FAILED")["errors"][0]["pointer"], "/add");
    let other = shop.try_issue(&server, json!({"features": {"add": ["api"]}})).await;
    other.expect_problem(422, "VALIDATION_FAILED");
}

async fn an_archived_feature_in_a_frozen_set_is_no_obstacle_to_an_edit(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"features": {"set": ["api", "edit"]}})).await;
    archive(&server, "api").await;
    let more = change(&server, &issued, json!({"add": ["export"], "values": {"rooms": 7}})).await;
    let set = json!(["api", "edit", "export", "rooms"]);
    assert_eq!(more.expect(200)["features"], json!({"set": set, "values": {"rooms": 7}}));
    edit(&server, &issued, json!({"tierId": shop.max})).await.expect(200);
    let less = change(&server, &issued, json!({"remove": ["api", "rooms"]})).await.expect(200);
    assert_eq!(less["features"], json!({"set": ["edit", "export"]}));
    assert_eq!(super::claims(&server, &issued).await["features"], json!(["edit", "export"]));
}

async fn a_licence_changes_its_tier(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"maxUsers": 5})).await;
    let mut machine = Machine::activate(&server, key(&issued), "fp-1").await;
    let changed = edit(&server, &issued, json!({"tierId": shop.max})).await.expect(200);
    assert_eq!((&changed["tierId"], &changed["seats"]["limit"]), (&json!(shop.max), &Value::Null));
    machine.beat(&server).await;
    let claims = machine.claims();
    assert_eq!((&claims["tier"], &claims["max_users"]), (&json!("max"), &json!(5)));
    assert_eq!(claims["tiers"], json!(["max", "pro", "basic"]));
}

async fn a_tier_that_is_not_on_sale_is_none_to_change_to(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, other) = (Shop::open(&server).await, Shop::named(&server, "other").await);
    let issued = shop.issue(&server, json!({})).await;
    let at_max = shop.issue(&server, json!({"tierId": shop.max})).await;
    server.admin_delete(&format!("/pricing-tiers/{}", shop.max)).await.expect(204);
    for tier in [json!(shop.max), json!(other.pro), json!("tier_01h455vb4pex5vsknk084sn02q"), Value::Null] {
        let problem = edit(&server, &issued, json!({"tierId": tier})).await;
        let problem = problem.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/tierId");
    }
    // Whoever is at it stays there.
    edit(&server, &at_max, json!({"tierId": shop.max, "notes": "kept"})).await.expect(200);
}

async fn below_its_use_a_licence_keeps_its_machines_and_takes_no_new_ones(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"tierId": shop.max})).await;
    let mut machines = Vec::new();
    for number in 0..3 {
        machines.push(Machine::activate(&server, key(&issued), &format!("fp-{number}")).await);
    }
    let lowered = edit(&server, &issued, json!({"tierId": shop.basic})).await.expect(200);
    assert_eq!((&lowered["overLimit"], &lowered["seats"]), (&json!(true), &json!({"used": 3, "limit": 2})));
    for machine in &mut machines {
        assert!(machine.beat(&server).await["token"].is_string());
    }
    try_activate(&server, key(&issued), "fp-0", json!({})).await.expect(200);
    try_activate(&server, key(&issued), "fp-9", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
}
