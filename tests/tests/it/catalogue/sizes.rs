//! A token stays small enough for real verifiers: a flood of features is refused when it is written.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use serde_json::json;

use super::{edit_tier, feature, resolved, revision};

on_both![a_flood_of_features_is_refused_when_it_is_written, with_two_hundred_features_a_token_is_still_small,];

async fn a_flood_of_features_is_refused_when_it_is_written(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let key = |number: usize| format!("feature-{number:03}-{}", "x".repeat(40));
    // The star of the largest tier grants each of them, until one is too many.
    let mut refused = 0;
    let problem = loop {
        let former = revision(&server, &shop).await;
        let reply = feature(&server, &shop, &key(refused), json!({})).await;
        if reply.status != 201 {
            assert_eq!(revision(&server, &shop).await, former);
            break reply.expect_problem(422, "TOKEN_TOO_LARGE");
        }
        refused += 1;
        assert!(refused < 100);
    };
    assert!(problem["detail"].as_str().unwrap().contains("max"));
    let granted = resolved(&server, &shop.max).await;
    assert_eq!(granted["features"].as_array().unwrap().len(), 5 + refused);
    // Without the star there is room, but a licence cannot have them all either.
    edit_tier(&server, &shop.max, json!({"features": []})).await.expect(200);
    for more in [refused, refused + 1] {
        feature(&server, &shop, &key(more), json!({})).await.expect(201);
    }
    let all: Vec<String> = (0..refused + 2).map(key).collect();
    shop.try_issue(&server, json!({"features": {"add": all}})).await.expect_problem(422, "TOKEN_TOO_LARGE");
    edit_tier(&server, &shop.max, json!({"features": ["*"]})).await.expect_problem(422, "TOKEN_TOO_LARGE");
}

async fn with_two_hundred_features_a_token_is_still_small(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for number in 0..196 {
        let key = format!("f-{number:03}");
        feature(&server, &shop, &key, json!({})).await.expect(201);
    }
    let issued = shop.issue(&server, json!({"tierId": shop.max})).await;
    let machine = json!({"hostname": "h".repeat(255), "environment": "e".repeat(64),
                         "productVersion": "v".repeat(64), "userRef": "u".repeat(255)});
    let key = issued["licenseKey"].as_str().unwrap();
    let machine = Machine::activate_with(&server, key, &"f".repeat(512), machine).await;
    assert_eq!(machine.claims()["features"].as_array().unwrap().len(), 200);
    assert!(machine.token.len() < 6 * 1024, "{}", machine.token.len());
    assert!(machine.token.split('.').next().unwrap().len() < 512);
    let body = json!({"token": machine.token, "actionType": "f-195"});
    let verdict = server.post("/license-keys/validate", body).await.expect(200);
    assert_eq!(verdict["code"], "VALID");
}
