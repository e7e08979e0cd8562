//! Groups are made, edited and deleted by those who have none.

use licentia_tests::{Backend, Shop, TestServer, on_both};
use reqwest::Method;
use serde_json::json;

use super::{call, get, id, key_within, make_group};

on_both![
    a_group_is_made_edited_and_deleted,
    a_name_is_taken_once,
    a_group_goes_only_when_nothing_is_in_it,
    whoever_has_groups_sees_those_and_changes_none,
];

async fn a_group_is_made_edited_and_deleted(backend: Backend) {
    let server = TestServer::start(backend).await;
    let body = json!({"name": "North", "description": "Oslo"});
    let made = server.admin_post("/groups", body).await.expect(201);
    let path = format!("/groups/{}", id(&made));
    assert_eq!(
        (&made["name"], &made["description"], &made["version"]),
        (&json!("North"), &json!("Oslo"), &json!(1))
    );
    assert_eq!(server.admin_get(&path).await.header("etag"), "\"1\"");
    let edited = server.admin_put(&path, json!({"name": "Nord", "description": null})).await.expect(200);
    assert_eq!(
        (&edited["name"], &edited["description"], &edited["version"]),
        (&json!("Nord"), &json!(null), &json!(2))
    );
    let stale = server.admin(Method::PUT, &path).header("if-match", "\"1\"").json(&json!({"name": "Late"}));
    licentia_tests::Reply::of(stale).await.expect_problem(412, "VERSION_STALE");
    let found = server.admin_get("/groups?q=nor").await.expect(200);
    assert_eq!((&found["total"], &found["items"][0]["id"]), (&json!(1), &made["id"]));
    server.admin_delete(&path).await.expect(204);
    for gone in [server.admin_get(&path).await, server.admin_delete(&path).await] {
        gone.expect_problem(404, "NOT_FOUND");
    }
    let log =
        server.admin_get(&format!("/audit-events?subject={}&sort=createdAt", id(&made))).await.expect(200);
    let mut actions: Vec<_> =
        log["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    // Of one instant, in no order.
    actions.sort_unstable_by_key(ToString::to_string);
    assert_eq!(actions, ["group.created", "group.deleted", "group.updated"]);
}

async fn a_name_is_taken_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    make_group(&server, "North").await;
    let other = make_group(&server, "South").await;
    let taken = [
        server.admin_post("/groups", json!({"name": "North"})).await,
        server.admin_put(&format!("/groups/{other}"), json!({"name": "North"})).await,
    ];
    for reply in taken {
        let problem = reply.expect_problem(409, "ALREADY_EXISTS");
        assert_eq!(problem["errors"][0]["pointer"], "/name");
    }
}

async fn a_group_goes_only_when_nothing_is_in_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let group = make_group(&server, "North").await;
    let path = format!("/groups/{group}");
    let stays = async || server.admin_delete(&path).await.expect_problem(409, "IN_USE");

    let customer =
        id(&server.admin_post("/customers", json!({"name": "Ann", "groupId": group})).await.expect(201));
    stays().await;
    server.admin_put(&format!("/customers/{customer}"), json!({"groupId": null})).await.expect(200);
    let license = id(&shop.issue(&server, json!({"groupId": group})).await);
    stays().await;
    server.admin_put(&format!("/license-keys/{license}"), json!({"groupId": null})).await.expect(200);
    let body = json!({"name": "North", "role": "viewer", "groups": [group]});
    let key = server.admin_post("/api-keys", body).await.expect(201);
    stays().await;
    // A key that was ended is no reason to keep the group, and stays on record without it.
    let key_path = format!("/api-keys/{}", id(&key));
    server.admin_delete(&key_path).await.expect(204);
    server.admin_delete(&path).await.expect(204);
    assert_eq!(server.admin_get(&key_path).await.expect(200)["groups"], json!([]));
}

async fn whoever_has_groups_sees_those_and_changes_none(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (north, south) = (make_group(&server, "North").await, make_group(&server, "South").await);
    let key = key_within(&server, &[&north]).await;
    let seen = get(&server, &key, "/groups").await.expect(200);
    assert_eq!((&seen["total"], &seen["items"][0]["id"]), (&json!(1), &json!(north)));
    get(&server, &key, &format!("/groups/{north}")).await.expect(200);
    get(&server, &key, &format!("/groups/{south}")).await.expect_problem(404, "NOT_FOUND");
    for (method, path, body) in [
        (Method::POST, "/groups".to_owned(), json!({"name": "West"})),
        (Method::PUT, format!("/groups/{north}"), json!({"name": "West"})),
        (Method::DELETE, format!("/groups/{north}"), json!(null)),
        (Method::GET, "/system-events".to_owned(), json!(null)),
        (Method::GET, "/audit-events/verify".to_owned(), json!(null)),
        (Method::POST, "/products".to_owned(), json!({"slug": "acme", "name": "Acme"})),
    ] {
        let problem = call(&server, &key, method, &path, body).await.expect_problem(403, "PERMISSION_DENIED");
        assert!(problem["detail"].as_str().unwrap().ends_with("a principal without groups"), "{problem}");
    }
}
