//! Products, features and tiers: what is sold, and what is inherited.

use licentia_tests::{Reply, Shop, TestServer};
use serde_json::{Value, json};

mod archive;
mod inheritance;
mod public;
mod refusals;
mod sizes;

/// A feature of the shop's product, made with `more`.
async fn feature(server: &TestServer, shop: &Shop, key: &str, more: Value) -> Reply {
    let body = json!({"productId": shop.product, "key": key, "name": key, "kind": "entitlement"});
    server.admin_post("/product-features", with(body, more)).await
}

/// A tier of the shop's product, made with `more`.
async fn tier(server: &TestServer, shop: &Shop, key: &str, more: Value) -> Reply {
    let body = json!({"productId": shop.product, "key": key, "name": key});
    server.admin_post("/pricing-tiers", with(body, more)).await
}

async fn edit_tier(server: &TestServer, tier: &str, edit: Value) -> Reply {
    server.admin_put(&format!("/pricing-tiers/{tier}"), edit).await
}

async fn resolved(server: &TestServer, tier: &str) -> Value {
    let path = format!("/pricing-tiers/{tier}/features");
    server.admin_get(&path).await.expect(200)
}

/// Id of the shop's feature with this key.
async fn feature_id(server: &TestServer, shop: &Shop, key: &str) -> String {
    let path = format!("/product-features?productId={}", shop.product);
    let page = server.admin_get(&path).await.expect(200);
    let features = page["items"].as_array().unwrap();
    let found = features.iter().find(|feature| feature["key"] == key).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

async fn revision(server: &TestServer, shop: &Shop) -> i64 {
    let path = format!("/products/{}", shop.product);
    let product = server.admin_get(&path).await.expect(200);
    product["catalogueRevision"].as_i64().unwrap()
}

fn with(mut body: Value, more: Value) -> Value {
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}
