//! What everybody sees without credentials.

use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use licentia_types::permissions::Permission;
use reqwest::Method;
use serde_json::{Value, json};

use crate::access::key_with;

on_both![
    everybody_sees_the_active_products,
    an_archived_product_is_shown_to_those_who_write_the_catalogue,
    the_price_list_shows_prices_and_resolved_features,
    the_price_list_comes_by_name_without_archived_tiers_and_features,
    a_product_gets_its_key_prefix_from_its_slug,
];

async fn everybody_sees_the_active_products(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let page = server.get("/api/v1/products").await.expect(200);
    assert_eq!((&page["total"], &page["items"][0]["id"]), (&json!(1), &json!(shop.product)));
    for name in [&shop.product, &shop.slug] {
        let reply = server.get(&format!("/api/v1/products/{name}")).await;
        assert_eq!(reply.header("cache-control"), "private, no-cache");
        assert_eq!(reply.expect(200)["slug"], shop.slug.as_str());
    }
    server.get("/api/v1/products/nothing-here").await.expect_problem(404, "NOT_FOUND");
}

async fn an_archived_product_is_shown_to_those_who_write_the_catalogue(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let path = format!("/products/{}", shop.product);
    server.admin_delete(&path).await.expect(204);
    let by_slug = format!("/products/{}", shop.slug);
    let catalog = server.get("/api/v1/products/catalog").await.expect(200);
    assert_eq!(catalog, json!({"products": []}));
    let limited = key_with(&server, &[Permission::Licenses]).await;
    for key in [None, Some(&limited)] {
        let ask = |path: &str| {
            let request = server.request(Method::GET, &format!("/api/v1{path}"));
            Reply::of(match key {
                Some(key) => request.bearer_auth(key),
                None => request,
            })
        };
        assert_eq!(ask("/products").await.expect(200)["items"], json!([]));
        assert_eq!(ask("/products?q=acme").await.expect(200)["total"], 0);
        ask(&path).await.expect_problem(404, "NOT_FOUND");
        ask(&by_slug).await.expect_problem(404, "NOT_FOUND");
    }
    for path in [&path, &by_slug] {
        assert!(server.admin_get(path).await.expect(200)["archivedAt"].is_string());
    }
    assert_eq!(server.admin_get("/products").await.expect(200)["total"], 1);
}

async fn the_price_list_shows_prices_and_resolved_features(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let catalog = server.get("/api/v1/products/catalog").await.expect(200);
    let product = &catalog["products"][0];
    assert_eq!((&product["id"], &product["slug"]), (&json!(shop.product), &json!(shop.slug)));
    let basic = &product["tiers"][0];
    assert_eq!(
        (&basic["key"], &basic["monthlyPrice"], &basic["currency"]),
        (&json!("basic"), &json!(500), &json!("EUR"))
    );
    let pro = &product["tiers"][1];
    assert_eq!(pro["path"], json!(["pro", "basic"]));
    let care =
        pro["resolvedFeatures"].as_array().unwrap().iter().find(|feature| feature["key"] == "care").unwrap();
    assert_eq!((&care["kind"], &care["from"]), (&json!("display"), &json!("pro")));
    let keys: Vec<&Value> =
        product["features"].as_array().unwrap().iter().map(|feature| &feature["key"]).collect();
    assert_eq!(keys, ["edit", "export", "api", "rooms", "care"]);
}

async fn the_price_list_comes_by_name_without_archived_tiers_and_features(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for (slug, name) in [("zz", "Aardvark"), ("aa", "Zebra")] {
        let body = json!({"slug": slug, "name": name});
        server.admin_post("/products", body).await.expect(201);
    }
    server.admin_delete(&format!("/pricing-tiers/{}", shop.max)).await.expect(204);
    let catalog = server.get("/api/v1/products/catalog").await.expect(200);
    let names: Vec<&Value> =
        catalog["products"].as_array().unwrap().iter().map(|product| &product["name"]).collect();
    assert_eq!(names, ["Aardvark", "Acme Desk", "Zebra"]);
    let tiers = catalog["products"][1]["tiers"].as_array().unwrap();
    assert_eq!(tiers.len(), 2);
}

async fn a_product_gets_its_key_prefix_from_its_slug(backend: Backend) {
    let server = TestServer::start(backend).await;
    for (slug, prefix) in
        [("acme-desk-2", "ACMEDESK2"), ("a-very-long-name-of-a-product", "AVERYLONGNAMEOFA")]
    {
        let reply = server.admin_post("/products", json!({"slug": slug, "name": "Any"})).await;
        let place = reply.header("location").to_owned();
        assert_eq!(reply.header("etag"), "\"1\"");
        let product = reply.expect(201);
        assert_eq!(product["keyPrefix"], prefix);
        assert_eq!(place, format!("{}/api/v1/products/{}", server.issuer, product["id"].as_str().unwrap()));
        assert_eq!(
            (&product["tokenTyp"], &product["clonePolicy"], &product["firstActivation"]),
            (&json!("JWT"), &json!("record"), &json!("open"))
        );
    }
}
