//! Edits say which version they saw.

use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{act, act_on, id, read};

on_both![every_edit_needs_to_say_what_it_saw, other_actions_may_say_it, whole_lists_have_no_version,];

async fn every_edit_needs_to_say_what_it_saw(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"customer": {"name": "Ada"}})).await;
    let features = server.admin_get("/product-features").await.expect(200);
    let feature = id(&features["items"][0]).to_owned();
    let customer = issued["customerId"].as_str().unwrap();
    let license = format!("/license-keys/{}", id(&issued));
    for (method, path) in [
        (Method::PUT, format!("/products/{}", shop.product)),
        (Method::PUT, format!("/pricing-tiers/{}", shop.pro)),
        (Method::PUT, format!("/product-features/{feature}")),
        (Method::PUT, format!("/customers/{customer}")),
        (Method::PUT, license.clone()),
        (Method::POST, format!("{license}/features")),
    ] {
        let send = |tag: Option<&str>| {
            let request = server.admin(method.clone(), &path);
            let request = match tag {
                Some(tag) => request.header("if-match", tag),
                None => request,
            };
            Reply::of(request.json(&json!({})))
        };
        let problem = send(None).await.expect_problem(428, "PRECONDITION_REQUIRED");
        assert!(problem["detail"].as_str().unwrap().contains("ETag"));
        for stale in ["\"99\"", "W/\"1\"", "1", "\"1\", \"2\"", ""] {
            send(Some(stale)).await.expect_problem(412, "VERSION_STALE");
        }
        let seen = send(Some("*")).await;
        let tag = seen.header("etag").to_owned();
        seen.expect(200);
        send(Some(&tag)).await.expect(200);
    }
}

async fn other_actions_may_say_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"validDays": 30, "customer": {"name": "Ada"}})).await;
    let mut version = 1;
    for (action, body) in [
        ("suspend", json!({})),
        ("reinstate", json!({})),
        ("renew", json!({})),
        ("transfer", json!({"customer": {"name": "Eve"}})),
        ("rotate-key", json!({})),
        ("revoke", json!({})),
    ] {
        let problem = act_on(&server, &issued, action, "\"77\"", body.clone()).await;
        let problem = problem.expect_problem(412, "VERSION_STALE");
        assert!(problem["detail"].as_str().unwrap().contains(&version.to_string()));
        let done = act_on(&server, &issued, action, &format!("\"{version}\""), body).await;
        version += 1;
        assert_eq!(done.header("etag"), format!("\"{version}\""));
        done.expect(200);
    }
    act(&server, &issued, "revoke", json!({})).await.expect(200);
    assert_eq!(read(&server, &issued).await["version"], version);
}

async fn whole_lists_have_no_version(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let order = json!({"productId": shop.product, "ids": [shop.max, shop.pro, shop.basic]});
    let request = server.admin(Method::PUT, "/pricing-tiers/order").json(&order);
    let ordered: Value = Reply::of(request).await.expect(200);
    assert_eq!(ordered[0]["id"], shop.max);
}
