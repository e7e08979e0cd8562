//! What becomes of a licence, and how it is found.

use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{edit, events, id, key, read, revoke, suspend};

on_both![
    a_revoked_licence_is_revoked_for_good,
    revoking_again_changes_nothing,
    a_revoked_licence_gives_no_token_to_its_machines,
    a_stale_edit_of_a_licence_is_refused,
    licences_are_listed_by_what_they_are_worth_now,
    licences_are_listed_by_what_they_belong_to,
    licences_are_searched_by_order_and_notes,
];

async fn a_revoked_licence_is_revoked_for_good(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let revoked = revoke(&server, &issued, json!({"reason": "refunded"})).await.expect(200);
    assert_eq!(
        (&revoked["status"], &revoked["revocationReason"], &revoked["version"]),
        (&json!("revoked"), &json!("refunded"), &json!(2))
    );
    assert_eq!(revoked["revokedAt"], server.context.moment().now.to_string());
    for change in [json!({"notes": "late"}), json!({}), json!({"expiresAt": null})] {
        edit(&server, &issued, change).await.expect_problem(409, "STATE_CONFLICT");
    }
    assert_eq!(read(&server, &issued).await, revoked);
}

async fn revoking_again_changes_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let path = format!("/license-keys/{}/revoke", id(&issued));
    // A body may be left out.
    let first = Reply::of(server.admin(Method::POST, &path)).await.expect(200);
    server.clock.advance(60);
    let again = revoke(&server, &issued, json!({"reason": "again"})).await.expect(200);
    assert_eq!(again, first);
    assert_eq!(events(&server, "license.revoked").await.len(), 1);
}

async fn a_revoked_licence_gives_no_token_to_its_machines(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let mut machine = Machine::activate(&server, key(&issued), "fp-1").await;
    revoke(&server, &issued, json!({})).await.expect(200);
    let told = machine.beat(&server).await;
    assert_eq!(told["status"], "revoked");
    for member in ["token", "tokenType", "expiresAt", "staleUntil", "valid", "success"] {
        assert!(told.get(member).is_none(), "{member}");
    }
}

async fn a_stale_edit_of_a_licence_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let send = |method: Method, path: String, tag: &'static str| {
        let request = server.admin(method, &path).header("if-match", tag);
        Reply::of(request.json(&json!({})))
    };
    let path = format!("/license-keys/{}", id(&issued));
    send(Method::PUT, path.clone(), "\"1\"").await.expect(200);
    for (method, path) in [(Method::PUT, path.clone()), (Method::POST, format!("{path}/revoke"))] {
        let problem = send(method, path, "\"1\"").await.expect_problem(412, "VERSION_STALE");
        assert!(problem["detail"].as_str().unwrap().contains('2'));
    }
    send(Method::POST, format!("{path}/revoke"), "\"2\"").await.expect(200);
}

/// Ids of the licences that a list shows.
async fn listed(server: &TestServer, query: &str) -> Vec<String> {
    let page = server.admin_get(&format!("/license-keys?{query}")).await.expect(200);
    let items = page["items"].as_array().unwrap();
    assert_eq!(page["total"], items.len());
    items.iter().map(|license| id(license).to_owned()).collect()
}

async fn licences_are_listed_by_what_they_are_worth_now(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let perpetual = shop.issue(&server, json!({})).await;
    server.clock.advance(1);
    let ending = shop.issue(&server, json!({"validDays": 1})).await;
    let revoked = shop.issue(&server, json!({"validDays": 1})).await;
    let held = shop.issue(&server, json!({"validDays": 1})).await;
    revoke(&server, &revoked, json!({})).await.expect(200);
    suspend(&server, id(&held)).await;
    let with = |status: &str| {
        let query = format!("status={status}");
        let server = &server;
        async move { listed(server, &query).await }
    };
    assert_eq!(with("active").await, [id(&ending), id(&perpetual)]);
    assert!(with("expired").await.is_empty());
    server.clock.advance(86_400);
    assert_eq!(with("active").await, [id(&perpetual)]);
    assert_eq!(with("expired").await, [id(&ending)]);
    assert_eq!(with("revoked").await, [id(&revoked)]);
    assert_eq!(with("suspended").await, [id(&held)]);
    assert_eq!(read(&server, &ending).await["status"], "expired");
    // An edit gives it time again.
    let longer = json!({"expiresAt": "2090-01-01T00:00:00Z"});
    edit(&server, &ending, longer).await.expect(200);
    assert_eq!(with("active").await, [id(&ending), id(&perpetual)]);
}

async fn licences_are_listed_by_what_they_belong_to(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, other) = (Shop::open(&server).await, Shop::named(&server, "other").await);
    let ada = json!({"customer": {"externalId": "ada"}});
    let of_ada = shop.issue(&server, ada.clone()).await;
    server.clock.advance(1);
    let large = shop.issue(&server, json!({"tierId": shop.max})).await;
    server.clock.advance(1);
    let elsewhere = other.issue(&server, ada).await;
    let customer = of_ada["customerId"].as_str().unwrap();
    for (query, expected) in [
        (String::new(), vec![id(&elsewhere), id(&large), id(&of_ada)]),
        (format!("productId={}", shop.product), vec![id(&large), id(&of_ada)]),
        (format!("tierId={}", shop.max), vec![id(&large)]),
        (format!("customerId={customer}"), vec![id(&elsewhere), id(&of_ada)]),
        (
            format!("customerId={customer}&productId={}&status=active&sort=createdAt", shop.product),
            vec![id(&of_ada)],
        ),
        (format!("tierId={}&productId={}", shop.max, other.product), vec![]),
        ("customerId=cus_01h455vb4pex5vsknk084sn02q".to_owned(), vec![]),
    ] {
        assert_eq!(listed(&server, &query).await, expected, "{query}");
    }
}

async fn licences_are_searched_by_order_and_notes(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let order = shop.issue(&server, json!({"source": "shop", "sourceOrderId": "Order-4711"})).await;
    let noted = shop.issue(&server, json!({"notes": "Called on Monday\nabout 100%_more"})).await;
    for (q, expected) in
        [("order-47", vec![&order]), ("MONDAY", vec![&noted]), ("100%25_m", vec![&noted]), ("100_m", vec![])]
    {
        let expected: Vec<&str> = expected.into_iter().map(|license: &Value| id(license)).collect();
        assert_eq!(listed(&server, &format!("q={q}")).await, expected, "{q}");
    }
    // A whole key finds nothing: it is not stored where a search looks.
    assert!(listed(&server, &format!("q={}", key(&order))).await.is_empty());
}
