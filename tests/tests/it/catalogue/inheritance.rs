//! What a tier grants with all that it includes.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use serde_json::{Value, json};

use super::{edit_tier, feature, feature_id, resolved, revision, tier};

on_both![
    the_nearest_tier_wins_and_nothing_granted_is_lost,
    limits_and_times_are_inherited_one_by_one,
    a_star_grants_every_entitlement_also_those_made_later,
    display_features_are_shown_and_never_become_entitlements,
    an_edit_of_an_included_tier_reaches_machines_at_their_next_heartbeat,
    archived_features_are_granted_no_more,
    a_circle_is_refused_and_nothing_is_written,
    every_edit_raises_the_revision_of_the_catalogue,
    tiers_and_features_are_put_in_order_as_a_whole,
];

/// Key, tier that it comes from, and value of each feature.
fn grants(resolved: &Value) -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    resolved["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|feature| (text(&feature["key"]), text(&feature["from"]), feature["value"].clone()))
        .collect()
}

fn grant(key: &str, from: &str, value: Value) -> (String, String, Value) {
    (key.to_owned(), from.to_owned(), value)
}

async fn the_nearest_tier_wins_and_nothing_granted_is_lost(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let null = || Value::Null;
    let pro = resolved(&server, &shop.pro).await;
    assert_eq!(pro["path"], json!(["pro", "basic"]));
    assert_eq!(
        grants(&pro),
        [
            grant("edit", "basic", null()),
            grant("export", "pro", null()),
            grant("rooms", "pro", json!(10)),
            grant("care", "pro", null()),
        ]
    );
    let max = resolved(&server, &shop.max).await;
    assert_eq!(max["path"], json!(["max", "pro", "basic"]));
    assert_eq!(
        grants(&max),
        [
            grant("edit", "max", null()),
            grant("export", "max", null()),
            grant("api", "max", null()),
            grant("rooms", "max", json!(10)),
            grant("care", "pro", null()),
        ]
    );
    // Once a tier between says nothing of a feature any more, the next one does.
    edit_tier(&server, &shop.pro, json!({"featureValues": {}})).await.expect(200);
    let max = resolved(&server, &shop.max).await;
    assert!(grants(&max).contains(&grant("rooms", "max", json!(3))));
}

async fn limits_and_times_are_inherited_one_by_one(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let defaults = resolved(&server, &shop.basic).await;
    assert_eq!(
        (
            &defaults["tokenTtl"],
            &defaults["heartbeatInterval"],
            &defaults["offlineGrace"],
            &defaults["expiryGrace"]
        ),
        (&json!(172_800), &json!(86_400), &json!(604_800), &json!(0))
    );
    let basic = json!({"maxUsers": 5, "heartbeatInterval": 3600, "expiryGrace": 60});
    edit_tier(&server, &shop.basic, basic).await.expect(200);
    let pro = json!({"maxTenants": 7, "maxUsers": 6, "offlineGrace": 9000});
    edit_tier(&server, &shop.pro, pro).await.expect(200);
    let max = resolved(&server, &shop.max).await;
    assert_eq!(
        (&max["maxActivations"], &max["maxUsers"], &max["maxTenants"]),
        (&Value::Null, &json!(6), &json!(7))
    );
    assert_eq!(
        (&max["heartbeatInterval"], &max["offlineGrace"], &max["expiryGrace"]),
        (&json!(3600), &json!(9000), &json!(60))
    );
    // `inherit` and `null` give up what a tier said itself.
    let pro = json!({"maxUsers": "inherit", "offlineGrace": null});
    edit_tier(&server, &shop.pro, pro).await.expect(200);
    let max = resolved(&server, &shop.max).await;
    assert_eq!((&max["maxUsers"], &max["offlineGrace"]), (&json!(5), &json!(604_800)));
}

async fn a_star_grants_every_entitlement_also_those_made_later(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let license = shop.issue(&server, json!({"tierId": shop.max})).await;
    let key = license["licenseKey"].as_str().unwrap();
    let mut machine = Machine::activate(&server, key, "fp-1").await;
    assert_eq!(machine.claims()["features"], json!(["api", "edit", "export", "rooms"]));
    feature(&server, &shop, "later", json!({})).await.expect(201);
    feature(&server, &shop, "shown", json!({"kind": "display"})).await.expect(201);
    machine.beat(&server).await;
    assert_eq!(machine.claims()["features"], json!(["api", "edit", "export", "later", "rooms"]));
    let granted = grants(&resolved(&server, &shop.max).await);
    assert!(granted.contains(&grant("later", "max", Value::Null)));
    assert!(!granted.iter().any(|(key, _, _)| key == "shown"));
}

async fn display_features_are_shown_and_never_become_entitlements(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    let machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    assert!(!machine.claims()["features"].as_array().unwrap().contains(&json!("care")));
    let body = json!({"licenseKey": machine.key, "actionType": "care"});
    let verdict = server.post("/license-keys/validate", body).await.expect(200);
    assert_eq!(verdict["code"], "FEATURE_NOT_INCLUDED");
    for overrides in [json!({"add": ["care"]}), json!({"set": ["care"]})] {
        let problem = shop.try_issue(&server, json!({"features": overrides})).await;
        problem.expect_problem(422, "VALIDATION_FAILED");
    }
}

async fn an_edit_of_an_included_tier_reaches_machines_at_their_next_heartbeat(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    let mut machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    edit_tier(&server, &shop.basic, json!({"features": ["api"], "maxUsers": 4})).await.expect(200);
    machine.beat(&server).await;
    let claims = machine.claims();
    assert_eq!(claims["features"], json!(["api", "export", "rooms"]));
    assert_eq!(claims["max_users"], 4);
}

async fn archived_features_are_granted_no_more(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let path = format!("/product-features/{}", feature_id(&server, &shop, "api").await);
    // Only a star grants it, which names it nowhere.
    server.admin_delete(&path).await.expect(204);
    server.admin_delete(&path).await.expect(204);
    let granted = grants(&resolved(&server, &shop.max).await);
    assert!(!granted.iter().any(|(key, _, _)| key == "api"));
    assert!(server.admin_get(&path).await.expect(200)["archivedAt"].is_string());
    tier(&server, &shop, "new", json!({"features": ["api"]})).await.expect_problem(422, "VALIDATION_FAILED");
}

async fn a_circle_is_refused_and_nothing_is_written(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let before = server.admin_get(&format!("/pricing-tiers/{}", shop.basic)).await.text;
    let former = revision(&server, &shop).await;
    for included in [&shop.basic, &shop.pro, &shop.max] {
        let edit = json!({"name": "Changed", "includesTierId": included});
        let problem = edit_tier(&server, &shop.basic, edit).await.expect_problem(422, "TIER_CYCLE");
        assert_eq!(problem["errors"][0]["pointer"], "/includesTierId");
    }
    let after = server.admin_get(&format!("/pricing-tiers/{}", shop.basic)).await.text;
    assert_eq!((after, revision(&server, &shop).await), (before, former));
}

async fn every_edit_raises_the_revision_of_the_catalogue(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let mut former = revision(&server, &shop).await;
    let feature_path = format!("/product-features/{}", feature_id(&server, &shop, "edit").await);
    for step in 0..4 {
        match step {
            0 => feature(&server, &shop, "new", json!({})).await.expect(201),
            1 => server.admin_put(&feature_path, json!({"name": "Edit"})).await.expect(200),
            2 => tier(&server, &shop, "new", json!({})).await.expect(201),
            _ => edit_tier(&server, &shop.pro, json!({"name": "Pro 2"})).await.expect(200),
        };
        let now = revision(&server, &shop).await;
        assert!(now > former, "step {step}");
        former = now;
    }
    // What is refused, and what concerns another product, leaves it.
    feature(&server, &shop, "new", json!({})).await.expect_problem(409, "ALREADY_EXISTS");
    Shop::named(&server, "other").await;
    assert_eq!(revision(&server, &shop).await, former);
}

async fn tiers_and_features_are_put_in_order_as_a_whole(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let other = Shop::named(&server, "other").await;
    let order = |ids: Vec<&String>| {
        let body = json!({"productId": shop.product, "ids": ids});
        let server = &server;
        async move { server.admin_put("/pricing-tiers/order", body).await }
    };
    let wanted = vec![&shop.max, &shop.basic, &shop.pro];
    let ordered = order(wanted.clone()).await.expect(200);
    let ids: Vec<&str> =
        ordered.as_array().unwrap().iter().map(|tier| tier["id"].as_str().unwrap()).collect();
    assert_eq!(ids, wanted);
    for wrong in [
        vec![],
        vec![&shop.max, &shop.basic],
        vec![&shop.max, &shop.basic, &shop.pro, &shop.pro],
        vec![&shop.max, &shop.basic, &other.pro],
    ] {
        let problem = order(wrong).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/ids");
    }
    let catalog = server.get("/api/v1/products/catalog").await.expect(200);
    let products = catalog["products"].as_array().unwrap();
    let product = products.iter().find(|product| product["id"] == shop.product.as_str()).unwrap();
    let keys: Vec<&Value> = product["tiers"].as_array().unwrap().iter().map(|tier| &tier["key"]).collect();
    assert_eq!(keys, ["max", "basic", "pro"]);

    let mut features = Vec::new();
    for key in ["care", "rooms", "api", "export", "edit"] {
        features.push(feature_id(&server, &shop, key).await);
    }
    let body = json!({"productId": shop.product, "ids": features});
    server.admin_put("/product-features/order", body).await.expect(200);
    let shown: Vec<String> =
        grants(&resolved(&server, &shop.max).await).into_iter().map(|(key, _, _)| key).collect();
    assert_eq!(shown, ["care", "rooms", "api", "export", "edit"]);
    let body = json!({"productId": shop.product, "ids": features[1..]});
    server.admin_put("/product-features/order", body).await.expect_problem(422, "VALIDATION_FAILED");
}
