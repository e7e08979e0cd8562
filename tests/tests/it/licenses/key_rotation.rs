//! A new key for a licence whose key leaked.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, try_activate};
use serde_json::{Value, json};

use super::{act, act_on, events, id, key, read, told};

on_both![
    the_former_key_dies_at_once_and_machines_go_on,
    the_former_key_can_be_kept_for_a_while,
    a_further_rotation_ends_every_former_key,
    a_former_key_is_never_given_again,
    a_former_key_is_kept_for_ninety_days_at_the_most,
    two_rotations_of_one_version_rotate_once,
];

async fn knows(server: &TestServer, key: &str) -> bool {
    let body = json!({"licenseKey": key});
    let verdict = server.post("/license-keys/validate", body).await.expect(200);
    verdict["code"] != "NOT_FOUND"
}

async fn the_former_key_dies_at_once_and_machines_go_on(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let mut machine = Machine::activate(&server, key(&issued), "fp-1").await;
    let rotated = act(&server, &issued, "rotate-key", json!({})).await;
    assert_eq!(rotated.header("etag"), "\"2\"");
    let rotated = rotated.expect(200);
    assert!(key(&rotated).starts_with("ACME-") && key(&rotated) != key(&issued));
    assert_ne!(rotated["maskedKey"], issued["maskedKey"]);
    assert_eq!((id(&rotated), &rotated["seats"]["used"]), (id(&issued), &json!(1)));
    try_activate(&server, key(&issued), "fp-2", json!({})).await.expect_problem(404, "NOT_FOUND");
    assert!(!knows(&server, key(&issued)).await && knows(&server, key(&rotated)).await);
    assert!(machine.beat(&server).await["token"].is_string());
    try_activate(&server, key(&rotated), "fp-1", json!({})).await.expect(200);
    let revealed = server.admin_post(&format!("/license-keys/{}/reveal", id(&issued)), json!({})).await;
    assert_eq!(revealed.expect(200)["licenseKey"], rotated["licenseKey"]);
    assert!(read(&server, &issued).await.get("licenseKey").is_none());
    let written = events(&server, "license.key_rotated").await.remove(0).detail.to_string();
    assert!(!written.contains(key(&issued)) && !written.contains(key(&rotated)));
    assert_eq!(told(&server, &issued).await.last().unwrap(), "license.key_rotated");
}

async fn the_former_key_can_be_kept_for_a_while(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let until = server.context.moment().now.plus_days(7);
    let rotated = act(&server, &issued, "rotate-key", json!({"keepOldUntil": until.to_string()})).await;
    let rotated = rotated.expect(200);
    let machine = Machine::activate(&server, key(&issued), "fp-1").await;
    try_activate(&server, key(&rotated), "fp-1", json!({})).await.expect(200);
    let status = json!({"licenseKey": key(&issued), "fingerprint": "fp-1"});
    server.post("/license-activations/status", status.clone()).await.expect(200);
    server.clock.advance(7 * 86_400 - 1);
    assert!(knows(&server, key(&issued)).await);
    server.clock.advance(1);
    assert!(!knows(&server, key(&issued)).await);
    server.post("/license-activations/status", status).await.expect_problem(404, "NOT_FOUND");
    try_activate(&server, key(&issued), "fp-1", json!({})).await.expect_problem(404, "NOT_FOUND");
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    let body = json!({"licenseKey": key(&issued), "fingerprint": "fp-1", "nonce": machine.nonce});
    server.post(&path, body).await.expect_problem(404, "NOT_FOUND");
}

async fn a_further_rotation_ends_every_former_key(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let until = server.context.moment().now.plus_days(30).to_string();
    let second = act(&server, &issued, "rotate-key", json!({"keepOldUntil": until})).await.expect(200);
    assert!(knows(&server, key(&issued)).await);
    let third = act(&server, &issued, "rotate-key", json!({})).await.expect(200);
    assert!(!knows(&server, key(&issued)).await && !knows(&server, key(&second)).await);
    assert!(knows(&server, key(&third)).await);
}

async fn a_former_key_is_never_given_again(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let chosen = json!({"key": "a-key-that-somebody-chose-for-himself-4711"});
    let issued = shop.issue(&server, chosen.clone()).await;
    act(&server, &issued, "rotate-key", json!({})).await.expect(200);
    for key in [chosen["key"].clone(), json!(key(&shop.issue(&server, json!({})).await))] {
        let problem =
            shop.try_issue(&server, json!({"key": key})).await.expect_problem(409, "ALREADY_EXISTS");
        assert_eq!(problem["errors"][0]["pointer"], "/key");
    }
    let entry = |more: Value| {
        let mut entry = json!({"productId": shop.product, "tierId": shop.pro});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let bulk = json!({"licenses": [entry(json!({})), entry(chosen)]});
    let problem = server.admin_post("/license-keys/bulk", bulk).await.expect_problem(409, "ALREADY_EXISTS");
    assert_eq!(problem["errors"][0]["pointer"], "/licenses/1/key");
}

async fn a_former_key_is_kept_for_ninety_days_at_the_most(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let now = server.context.moment().now;
    for until in [now.to_string(), "2020-01-01T00:00:00Z".to_owned(), now.plus_days(91).to_string()] {
        let refused = act(&server, &issued, "rotate-key", json!({"keepOldUntil": until})).await;
        let problem = refused.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/keepOldUntil");
    }
    let until = now.plus_days(90).to_string();
    act(&server, &issued, "rotate-key", json!({"keepOldUntil": until})).await.expect(200);
}

async fn two_rotations_of_one_version_rotate_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let rotate = || act_on(&server, &issued, "rotate-key", "\"1\"", json!({}));
    let (one, other) = tokio::join!(rotate(), rotate());
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}
