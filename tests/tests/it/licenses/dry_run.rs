//! What an edit would touch, without making it.

use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{id, key, read, revoke};

on_both![
    an_edit_of_a_tier_tells_whom_it_would_touch,
    what_touches_nobody_says_so,
    features_tell_whom_they_would_touch,
    an_edit_of_a_licence_tells_what_it_would_touch,
    a_dry_run_refuses_what_the_edit_refuses,
];

async fn dry(server: &TestServer, method: Method, path: &str, body: Value) -> Reply {
    let request = server.admin(method, &format!("{path}?dryRun=true")).header("if-match", "*");
    Reply::of(request.json(&body)).await
}

/// `change name licences/machines`, each.
fn changes(impact: &Value) -> Vec<String> {
    assert_eq!(impact["dryRun"], true);
    let all = impact["changes"].as_array().unwrap().iter();
    all.map(|one| {
        let text = |member: &str| one[member].as_str().unwrap().to_owned();
        format!("{} {} {}/{}", text("change"), text("name"), one["licenses"], one["machines"])
    })
    .collect()
}

fn totals(impact: &Value) -> (i64, i64, i64) {
    let number = |member: &str| impact[member].as_i64().unwrap();
    (number("licenses"), number("machines"), number("overLimit"))
}

async fn an_edit_of_a_tier_tells_whom_it_would_touch(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let pro = shop.issue(&server, json!({})).await;
    let own = shop.issue(&server, json!({"maxActivations": 9, "features": {"set": ["edit", "rooms"]}})).await;
    let max = shop.issue(&server, json!({"tierId": shop.max})).await;
    let gone = shop.issue(&server, json!({})).await;
    for (license, machines) in [(&pro, 2), (&own, 3), (&max, 1), (&gone, 1)] {
        for number in 0..machines {
            Machine::activate(&server, key(license), &format!("fp-{number}")).await;
        }
    }
    revoke(&server, &gone, json!({})).await.expect(200);
    let path = format!("/pricing-tiers/{}", shop.basic);
    let before = server.admin_get(&path).await.expect(200);
    let product = format!("/products/{}", shop.product);
    let revision = server.admin_get(&product).await.expect(200)["catalogueRevision"].clone();
    let body = json!({"maxActivations": 1, "features": [], "heartbeatInterval": 3_600, "name": "New"});
    let impact = dry(&server, Method::PUT, &path, body).await.expect(200);
    assert_eq!(
        changes(&impact),
        [
            // The one that froze its features keeps them, and `*` grants it still.
            "feature_removed edit 1/2",
            "limit maxActivations 1/2",
            "times heartbeatInterval 3/6",
        ]
    );
    assert_eq!(totals(&impact), (3, 6, 1));
    assert_eq!(server.admin_get(&path).await.expect(200), before);
    assert_eq!(server.admin_get(&product).await.expect(200)["catalogueRevision"], revision);
    // The same edit, made.
    let edit = server.admin(Method::PUT, &format!("{path}?dryRun=false")).header("if-match", "*");
    let edited = Reply::of(edit.json(&json!({"maxActivations": 1}))).await.expect(200);
    assert_eq!(edited["maxActivations"], 1);
    assert_eq!(read(&server, &pro).await["overLimit"], true);
}

async fn what_touches_nobody_says_so(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    shop.issue(&server, json!({})).await;
    let path = format!("/pricing-tiers/{}", shop.pro);
    let nothing = json!({"dryRun": true, "licenses": 0, "machines": 0, "overLimit": 0, "changes": []});
    let priced = json!({"monthlyPrice": 900, "currency": "EUR"});
    assert_eq!(dry(&server, Method::PUT, &path, priced).await.expect(200), nothing);
    let path = format!("/pricing-tiers/{}", shop.max);
    assert_eq!(dry(&server, Method::DELETE, &path, json!({})).await.expect(200), nothing);
    assert!(server.admin_get(&path).await.expect(200)["archivedAt"].is_null());
    server.admin_delete(&path).await.expect(204);
    assert_eq!(dry(&server, Method::DELETE, &path, json!({})).await.expect(200), nothing);
}

async fn features_tell_whom_they_would_touch(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let max = shop.issue(&server, json!({"tierId": shop.max})).await;
    shop.issue(&server, json!({"features": {"add": ["api"]}})).await;
    Machine::activate(&server, key(&max), "fp-1").await;
    let new = json!({"productId": shop.product, "key": "new", "name": "New", "kind": "entitlement"});
    let impact = dry(&server, Method::POST, "/product-features", new.clone()).await.expect(200);
    assert_eq!((changes(&impact), totals(&impact)), (vec!["feature_added new 1/1".to_owned()], (1, 1, 0)));
    let features = server.admin_get("/product-features").await.expect(200);
    assert_eq!(features["total"], 5);
    let api = features["items"].as_array().unwrap().iter().find(|feature| feature["key"] == "api").unwrap();
    let path = format!("/product-features/{}", api["id"].as_str().unwrap());
    let impact = dry(&server, Method::DELETE, &path, json!({})).await.expect(200);
    assert_eq!((changes(&impact), totals(&impact)), (vec!["feature_removed api 2/1".to_owned()], (2, 1, 0)));
    let impact = dry(&server, Method::PUT, &path, json!({"name": "Another"})).await.expect(200);
    assert_eq!(totals(&impact), (0, 0, 0));
    assert_eq!(server.admin_get(&path).await.expect(200), *api);
    server.admin_post("/product-features", new).await.expect(201);
}

async fn an_edit_of_a_licence_tells_what_it_would_touch(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"tierId": shop.max, "validDays": 9})).await;
    for number in 0..3 {
        Machine::activate(&server, key(&issued), &format!("fp-{number}")).await;
    }
    let before = read(&server, &issued).await;
    let path = format!("/license-keys/{}", id(&issued));
    let body = json!({"tierId": shop.basic, "expiresAt": null, "features": {"values": {"rooms": 5}}});
    let impact = dry(&server, Method::PUT, &path, body).await.expect(200);
    assert_eq!(
        changes(&impact),
        [
            "tier basic 1/3",
            "feature_removed api 1/3",
            "feature_removed export 1/3",
            "feature_value rooms 1/3",
            "limit maxActivations 1/3",
            "expiry expiresAt 1/3"
        ]
    );
    assert_eq!(totals(&impact), (1, 3, 1));
    let features = format!("{path}/features");
    let impact = dry(&server, Method::POST, &features, json!({"remove": ["api"]})).await.expect(200);
    assert_eq!(changes(&impact), ["feature_removed api 1/3"]);
    let impact = dry(&server, Method::POST, &features, json!({"add": ["api"]})).await.expect(200);
    assert_eq!(totals(&impact), (0, 0, 0));
    let impact = dry(&server, Method::PUT, &path, json!({"notes": "only for us"})).await.expect(200);
    assert_eq!(totals(&impact), (0, 0, 0));
    assert_eq!(read(&server, &issued).await, before);
    // What waits for its first activation keeps its term, so that nothing changes.
    let waiting = shop.issue(&server, json!({"startsAt": "first_activation", "validDays": 9})).await;
    let path = format!("/license-keys/{}", id(&waiting));
    let impact = dry(&server, Method::PUT, &path, json!({"expiresAt": null})).await.expect(200);
    assert_eq!((changes(&impact), totals(&impact)), (vec![], (0, 0, 0)));
    let fixed = json!({"expiresAt": "2090-01-01T00:00:00Z"});
    let impact = dry(&server, Method::PUT, &path, fixed.clone()).await.expect(200);
    assert_eq!(changes(&impact), ["expiry expiresAt 1/0"]);
    server.admin_put(&path, fixed).await.expect(200);
    let impact = dry(&server, Method::PUT, &path, json!({"expiresAt": null})).await.expect(200);
    assert_eq!(changes(&impact), ["expiry expiresAt 1/0"]);
}

async fn a_dry_run_refuses_what_the_edit_refuses(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    let tier = format!("/pricing-tiers/{}", shop.basic);
    let cycle = json!({"includesTierId": shop.max});
    dry(&server, Method::PUT, &tier, cycle).await.expect_problem(422, "TIER_CYCLE");
    dry(&server, Method::DELETE, &tier, json!({})).await.expect_problem(409, "IN_USE");
    let license = format!("/license-keys/{}", id(&issued));
    let unknown = json!({"features": {"add": ["nothing"]}});
    dry(&server, Method::PUT, &license, unknown).await.expect_problem(422, "VALIDATION_FAILED");
    let without = server.admin(Method::PUT, &format!("{tier}?dryRun=true")).json(&json!({}));
    Reply::of(without).await.expect_problem(428, "PRECONDITION_REQUIRED");
    for query in ["dryRun=yes", "dryRun", "dry=true", "dryRun=true&dryRun=true"] {
        let request = server.admin(Method::PUT, &format!("{tier}?{query}")).header("if-match", "*");
        Reply::of(request.json(&json!({"name": "New"}))).await.expect_problem(400, "PARAMETER_INVALID");
    }
    revoke(&server, &issued, json!({})).await.expect(200);
    dry(&server, Method::PUT, &license, json!({"maxUsers": 1})).await.expect_problem(409, "STATE_CONFLICT");
    assert_eq!(server.admin_get(&tier).await.expect(200)["name"], "Basic");
}
