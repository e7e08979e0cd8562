//! Archiving: nothing new is made, and what was sold goes on.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use serde_json::json;

use super::{edit_tier, feature, feature_id, tier};

on_both![
    an_archived_product_makes_nothing_new,
    what_was_sold_of_an_archived_product_goes_on,
    a_tier_that_another_includes_is_in_use,
    a_feature_that_a_tier_names_is_in_use,
    an_archived_tier_sells_no_licence_and_keeps_its_own,
    archiving_is_idempotent,
];

async fn an_archived_product_makes_nothing_new(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let path = format!("/products/{}", shop.product);
    server.admin_delete(&path).await.expect(204);
    for reply in [
        shop.try_issue(&server, json!({})).await,
        tier(&server, &shop, "new", json!({})).await,
        feature(&server, &shop, "new", json!({})).await,
    ] {
        reply.expect_problem(409, "PRODUCT_ARCHIVED");
    }
    // Its slug stays taken: tokens with this audience are out there.
    server
        .admin_post("/products", json!({"slug": shop.slug, "name": "Again"}))
        .await
        .expect_problem(409, "ALREADY_EXISTS");
    assert_eq!(server.admin_get("/license-keys").await.expect(200)["total"], 0);
}

async fn what_was_sold_of_an_archived_product_goes_on(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let mut machine = Machine::activate(&server, key, "fp-1").await;
    let path = format!("/products/{}", shop.product);
    server.admin_delete(&path).await.expect(204);
    assert_eq!(machine.beat(&server).await["status"], "active");
    Machine::activate(&server, key, "fp-2").await;
    let body = json!({"token": machine.token});
    let verdict = server.post("/license-keys/validate", body).await.expect(200);
    assert_eq!(verdict["valid"], true);
    let license = format!("/license-keys/{}", issued["id"].as_str().unwrap());
    server.admin_put(&license, json!({"maxActivations": 9})).await.expect(200);
}

async fn a_tier_that_another_includes_is_in_use(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let path = format!("/pricing-tiers/{}", shop.basic);
    let problem = server.admin_delete(&path).await.expect_problem(409, "IN_USE");
    assert!(problem["detail"].as_str().unwrap().contains("pro"));
    edit_tier(&server, &shop.pro, json!({"includesTierId": null})).await.expect(200);
    server.admin_delete(&path).await.expect(204);
    let problem = edit_tier(&server, &shop.pro, json!({"includesTierId": shop.basic}))
        .await
        .expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["code"], "ARCHIVED");
}

async fn a_feature_that_a_tier_names_is_in_use(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for (key, tier) in [("edit", "basic"), ("care", "pro")] {
        let path = format!("/product-features/{}", feature_id(&server, &shop, key).await);
        let problem = server.admin_delete(&path).await.expect_problem(409, "IN_USE");
        assert!(problem["detail"].as_str().unwrap().contains(tier));
        assert!(server.admin_get(&path).await.expect(200)["archivedAt"].is_null());
    }
    // A value names a feature as well.
    let rooms = format!("/product-features/{}", feature_id(&server, &shop, "rooms").await);
    edit_tier(&server, &shop.basic, json!({"featureValues": {}})).await.expect(200);
    server.admin_delete(&rooms).await.expect_problem(409, "IN_USE");
    edit_tier(&server, &shop.pro, json!({"featureValues": {}})).await.expect(200);
    server.admin_delete(&rooms).await.expect(204);
}

async fn an_archived_tier_sells_no_licence_and_keeps_its_own(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"tierId": shop.max})).await;
    let path = format!("/pricing-tiers/{}", shop.max);
    server.admin_delete(&path).await.expect(204);
    let problem =
        shop.try_issue(&server, json!({"tierId": shop.max})).await.expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["pointer"], "/tierId");
    let machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    assert_eq!(machine.claims()["tier"], "max");
    // It is out of the order of those on sale.
    let body = json!({"productId": shop.product, "ids": [shop.pro, shop.basic]});
    server.admin_put("/pricing-tiers/order", body).await.expect(200);
}

async fn archiving_is_idempotent(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for path in [format!("/pricing-tiers/{}", shop.max), format!("/products/{}", shop.product)] {
        server.admin_delete(&path).await.expect(204);
        let archived = server.admin_get(&path).await.expect(200);
        server.clock.advance(60);
        server.admin_delete(&path).await.expect(204);
        assert_eq!(server.admin_get(&path).await.expect(200), archived);
    }
}
