//! What does not fit in a catalogue, and writes nothing.

use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{edit_tier, feature, feature_id, revision, tier};

on_both![
    slugs_and_keys_are_taken_once,
    slugs_and_keys_have_a_form,
    a_tier_of_another_product_cannot_be_included,
    limits_prices_and_times_have_bounds,
    a_token_outlives_two_heartbeats_also_where_times_are_inherited,
    features_and_values_of_a_tier_must_be_there_and_fit,
    a_price_needs_its_currency,
    a_stale_edit_is_refused,
];

async fn slugs_and_keys_are_taken_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let product = json!({"slug": shop.slug, "name": "Again"});
    for (reply, pointer) in [
        (server.admin_post("/products", product).await, "/slug"),
        (tier(&server, &shop, "pro", json!({})).await, "/key"),
        (feature(&server, &shop, "edit", json!({})).await, "/key"),
    ] {
        let problem = reply.expect_problem(409, "ALREADY_EXISTS");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!(pointer), &json!("TAKEN"))
        );
    }
    // Another product has its own keys.
    Shop::named(&server, "other").await;
}

async fn slugs_and_keys_have_a_form(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for slug in ["", "x", "-x", "Upper", "under_score", "dot.ted", "é-tude", &"s".repeat(64)] {
        let body = json!({"slug": slug, "name": "Any"});
        server.admin_post("/products", body).await.expect_problem(422, "VALIDATION_FAILED");
    }
    for key in ["", "-x", "with space", "sla/sh", "*", "é", &"k".repeat(64)] {
        feature(&server, &shop, key, json!({})).await.expect_problem(422, "VALIDATION_FAILED");
        tier(&server, &shop, key, json!({})).await.expect_problem(422, "VALIDATION_FAILED");
    }
    for more in [
        json!({"kind": "other"}),
        json!({"valueType": "float"}),
        json!({"kind": "display", "valueType": "integer"}),
        json!({"name": " padded"}),
        json!({"productId": "prod_01h455vb4pex5vsknk084sn02q"}),
    ] {
        feature(&server, &shop, "fine", more).await.expect_problem(422, "VALIDATION_FAILED");
    }
}

async fn a_tier_of_another_product_cannot_be_included(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let other = Shop::named(&server, "other").await;
    let includes = json!({"includesTierId": other.basic});
    for reply in [
        edit_tier(&server, &shop.basic, includes.clone()).await,
        tier(&server, &shop, "new", includes).await,
        tier(&server, &shop, "new", json!({"includesTierId": "tier_01h455vb4pex5vsknk084sn02q"})).await,
    ] {
        let problem = reply.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/includesTierId");
    }
    let problem =
        shop.try_issue(&server, json!({"tierId": other.pro})).await.expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["pointer"], "/tierId");
}

async fn limits_prices_and_times_have_bounds(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let former = revision(&server, &shop).await;
    let too_large = json!(u64::MAX);
    let mut wrong: Vec<(&str, Value)> = vec![
        ("monthlyPrice", json!(-1)),
        ("monthlyPrice", json!(1_000_000_000_001_i64)),
        ("annualPrice", json!(9.99)),
        ("annualPrice", too_large.clone()),
        ("tokenTtl", json!(-1)),
        ("tokenTtl", json!(315_360_001)),
        ("heartbeatInterval", too_large.clone()),
        ("offlineGrace", json!("1h")),
        ("expiryGrace", json!(-60)),
        ("billingPeriods", json!(["weekly"])),
        ("currency", json!("eur")),
        ("sortOrder", json!(3_000_000_000_u64)),
    ];
    for limit in ["maxActivations", "maxUsers", "maxTenants"] {
        for value in [json!(0), json!(-1), json!(10_000_001), too_large.clone(), json!(1.5), json!("3")] {
            wrong.push((limit, value));
        }
    }
    for (member, value) in wrong {
        for reply in [
            tier(&server, &shop, "new", json!({member: value})).await,
            edit_tier(&server, &shop.pro, json!({member: value})).await,
        ] {
            let found = reply.expect_problem(422, "VALIDATION_FAILED");
            let pointer = found["errors"][0]["pointer"].as_str().unwrap();
            assert!(pointer.starts_with(&format!("/{member}")), "{pointer}");
        }
    }
    assert_eq!(revision(&server, &shop).await, former);
}

async fn a_token_outlives_two_heartbeats_also_where_times_are_inherited(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let refused = |reply: Reply| {
        let problem = reply.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/tokenTtl");
    };
    for times in [
        json!({"tokenTtl": 7199, "heartbeatInterval": 3600}),
        json!({"tokenTtl": 172_799}),
        json!({"heartbeatInterval": 86_401}),
        json!({"heartbeatInterval": 0}),
    ] {
        refused(edit_tier(&server, &shop.pro, times.clone()).await);
        refused(tier(&server, &shop, "new", times).await);
    }
    let fits = json!({"tokenTtl": 7200, "heartbeatInterval": 3600});
    edit_tier(&server, &shop.pro, fits).await.expect(200);
    // Pro inherits half of it: what basic says would no longer fit there.
    edit_tier(&server, &shop.pro, json!({"heartbeatInterval": null, "tokenTtl": null})).await.expect(200);
    edit_tier(&server, &shop.pro, json!({"tokenTtl": 200_000})).await.expect(200);
    let basic = json!({"tokenTtl": 400_000, "heartbeatInterval": 150_000});
    refused(edit_tier(&server, &shop.basic, basic).await);
    let unchanged = server.admin_get(&format!("/pricing-tiers/{}", shop.basic)).await.expect(200);
    assert_eq!(unchanged["heartbeatInterval"], Value::Null);
}

async fn features_and_values_of_a_tier_must_be_there_and_fit(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for (more, pointer) in [
        (json!({"features": ["nothing"]}), "/features"),
        (json!({"features": ["rooms"], "featureValues": {}}), "/featureValues/rooms"),
        (json!({"featureValues": {"rooms": "many"}}), "/featureValues/rooms"),
        (json!({"featureValues": {"edit": 1}}), "/featureValues/edit"),
        (json!({"featureValues": {"nothing": 1}}), "/featureValues/nothing"),
        (json!({"featureValues": {"rooms": true}}), "/featureValues/rooms"),
        (json!({"features": [""]}), "/features"),
    ] {
        for reply in
            [tier(&server, &shop, "new", more.clone()).await, edit_tier(&server, &shop.basic, more).await]
        {
            let problem = reply.expect_problem(422, "VALIDATION_FAILED");
            let found = problem["errors"][0]["pointer"].as_str().unwrap();
            assert!(found.starts_with(pointer), "{found} {pointer}");
        }
    }
}

async fn a_price_needs_its_currency(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let problem = tier(&server, &shop, "new", json!({"monthlyPrice": 1}))
        .await
        .expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["pointer"], "/currency");
    edit_tier(&server, &shop.basic, json!({"currency": null})).await.expect_problem(422, "VALIDATION_FAILED");
    let free = json!({"currency": null, "monthlyPrice": null});
    edit_tier(&server, &shop.basic, free).await.expect(200);
}

async fn a_stale_edit_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let feature = feature_id(&server, &shop, "api").await;
    for path in [
        format!("/products/{}", shop.product),
        format!("/pricing-tiers/{}", shop.max),
        format!("/product-features/{feature}"),
    ] {
        let send = |method: Method, tag: String| {
            let request = server.admin(method, &path).header("if-match", tag);
            Reply::of(request.json(&json!({"name": "Renamed"})))
        };
        let seen = server.admin_get(&path).await.header("etag").to_owned();
        let edited = send(Method::PUT, seen.clone()).await;
        assert_ne!(edited.header("etag"), seen);
        let current = edited.header("etag").to_owned();
        edited.expect(200);
        for stale in [&seen, "\"77\"", "W/\"2\"", "2", "\"2\", \"3\"", "\"02\"", ""] {
            for method in [Method::PUT, Method::DELETE] {
                send(method, stale.to_owned()).await.expect_problem(412, "VERSION_STALE");
            }
        }
        send(Method::PUT, "*".to_owned()).await.expect(200);
        let problem = send(Method::DELETE, current).await;
        problem.expect_problem(412, "VERSION_STALE");
        assert!(server.admin_get(&path).await.expect(200)["archivedAt"].is_null());
    }
}
