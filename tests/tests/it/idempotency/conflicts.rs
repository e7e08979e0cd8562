//! What a key stands for, and for whom.

use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use licentia_types::permissions::Permission;
use reqwest::Method;
use serde_json::json;

use super::{HEADER, is_replayed, kept, keyed, total, under};
use crate::access::key_with;

on_both![
    another_request_under_the_same_key_is_refused,
    a_key_of_one_principal_says_nothing_to_another,
    a_key_of_one_route_says_nothing_to_another,
    what_was_refused_leaves_the_key_free,
    what_changed_nothing_leaves_the_key_free,
    a_key_is_visible_ascii,
    a_repeat_is_for_those_who_still_may,
];

async fn another_request_under_the_same_key_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let id = shop.issue(&server, json!({})).await["id"].as_str().unwrap().to_owned();
    let body = json!({"name": "Ada"});
    let first = keyed(&server, "k", "/customers", body.clone()).await.expect(201);
    let other = keyed(&server, "k", "/customers", json!({"name": "Bob"})).await;
    let problem = other.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    assert!(!problem.to_string().contains("Ada"), "{problem}");
    // The body as it came, not what it says.
    let spaced = server
        .admin(Method::POST, "/customers")
        .header(HEADER, "k")
        .header("content-type", "application/json");
    let spaced = Reply::of(spaced.body("{\"name\":  \"Ada\"}")).await;
    spaced.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    // A body that nobody reads is a part of the request, too; and so is the query.
    let reinstate = format!("/license-keys/{id}/reinstate");
    server.admin_post(&format!("/license-keys/{id}/suspend"), json!({})).await.expect(200);
    keyed(&server, "k", &reinstate, json!({"a": 1})).await.expect(200);
    keyed(&server, "k", &reinstate, json!({"a": 2})).await.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    let feature = json!({"productId": shop.product, "key": "late", "name": "Late", "kind": "entitlement"});
    keyed(&server, "k", "/product-features", feature.clone()).await.expect(201);
    let query = keyed(&server, "k", "/product-features?dryRun=true", feature).await;
    query.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    // The alias is the same route.
    let alias = server.request(Method::POST, "/api/v1.0/customers").bearer_auth(&server.admin_key);
    let alias = Reply::of(alias.header(HEADER, "k").json(&body)).await;
    assert!(is_replayed(&alias));
    assert_eq!(alias.expect(201), first);
    assert_eq!(total(&server, "/customers").await, 1);
}

async fn a_key_of_one_principal_says_nothing_to_another(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut made = Vec::new();
    for name in ["Ada", "Ada", "Bob"] {
        let key = key_with(&server, &[Permission::Customers]).await;
        let request = server.request(Method::POST, "/api/v1/customers").bearer_auth(key);
        let reply = Reply::of(request.header(HEADER, "k").json(&json!({"name": name}))).await;
        assert!(!is_replayed(&reply));
        made.push(reply.expect(201)["id"].clone());
    }
    made.dedup();
    assert_eq!(made.len(), 3);
}

async fn a_key_of_one_route_says_nothing_to_another(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for _ in 0..2 {
        let id = shop.issue(&server, json!({})).await["id"].as_str().unwrap().to_owned();
        for action in ["suspend", "reinstate"] {
            let reply = keyed(&server, "k", &format!("/license-keys/{id}/{action}"), json!({})).await;
            assert!(!is_replayed(&reply));
            assert_eq!(reply.expect(200)["id"], id.as_str());
        }
    }
}

async fn what_was_refused_leaves_the_key_free(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.admin_post("/customers", json!({"name": "Eve", "externalId": "crm-1"})).await.expect(201);
    let taken = json!({"name": "Ada", "externalId": "crm-1"});
    for _ in 0..2 {
        keyed(&server, "k", "/customers", json!({})).await.expect_problem(422, "VALIDATION_FAILED");
        keyed(&server, "k", "/customers", taken.clone()).await.expect_problem(409, "ALREADY_EXISTS");
    }
    assert_eq!(kept(&server).await.len(), 0);
    let mended = json!({"name": "Ada", "externalId": "crm-2"});
    let first = keyed(&server, "k", "/customers", mended.clone()).await.expect(201);
    assert_eq!(keyed(&server, "k", "/customers", mended).await.expect(201), first);
    assert_eq!(total(&server, "/customers").await, 2);
}

async fn what_changed_nothing_leaves_the_key_free(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let id = shop.issue(&server, json!({})).await["id"].as_str().unwrap().to_owned();
    let (suspend, reinstate) =
        (format!("/license-keys/{id}/suspend"), format!("/license-keys/{id}/reinstate"));
    keyed(&server, "k", &reinstate, json!({})).await.expect(200);
    let feature = json!({"productId": shop.product, "key": "late", "name": "Late", "kind": "entitlement"});
    let tried = keyed(&server, "k", "/product-features?dryRun=true", feature.clone()).await;
    assert_eq!(tried.expect(200)["dryRun"], true);
    assert_eq!(kept(&server).await.len(), 0);
    // What was only tried is done under the same key.
    keyed(&server, "k", "/product-features", feature).await.expect(201);
    server.admin_post(&suspend, json!({})).await.expect(200);
    let done = keyed(&server, "k", &reinstate, json!({})).await;
    assert!(!is_replayed(&done));
    assert_eq!(done.expect(200)["status"], "active");
}

async fn a_key_is_visible_ascii(backend: Backend) {
    let server = TestServer::start(backend).await;
    let body = json!({"name": "Ada"});
    let long = "k".repeat(256);
    for key in ["", "a b", "\u{e9}", &long] {
        let refused = server.admin(Method::POST, "/customers");
        let value = reqwest::header::HeaderValue::from_bytes(key.as_bytes()).unwrap();
        let problem = Reply::of(refused.header(HEADER, value).json(&body)).await;
        let problem = problem.expect_problem(400, "PARAMETER_INVALID");
        assert!(problem["detail"].as_str().unwrap().starts_with("Idempotency-Key must be"), "{problem}");
    }
    let twice = under(&server, "k", "/customers", &body).header(HEADER, "k");
    Reply::of(twice).await.expect_problem(400, "PARAMETER_INVALID");
    assert_eq!(total(&server, "/customers").await, 0);
    keyed(&server, &long[..255], "/customers", body).await.expect(201);
}

async fn a_repeat_is_for_those_who_still_may(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = json!({"name": "Shop", "permissions": ["customers"]});
    let issued = server.admin_post("/api-keys", issued).await.expect(201);
    let (id, secret) = (issued["id"].as_str().unwrap(), issued["secret"].as_str().unwrap());
    let send = || {
        let request = server.request(Method::POST, "/api/v1/customers").bearer_auth(secret);
        Reply::of(request.header(HEADER, "k").json(&json!({"name": "Ada"})))
    };
    send().await.expect(201);
    assert!(is_replayed(&send().await));
    server.admin_put(&format!("/api-keys/{id}"), json!({"permissions": ["licenses"]})).await.expect(200);
    send().await.expect_problem(403, "PERMISSION_DENIED");
    server.admin_delete(&format!("/api-keys/{id}")).await.expect(204);
    send().await.expect_problem(401, "UNAUTHENTICATED");
}
