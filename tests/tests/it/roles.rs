//! Roles that a vendor makes beside the built-in ones.

use licentia_domain::roles;
use licentia_tests::{Backend, Reply, TestServer, on_both};
use licentia_types::permissions::Permission;
use reqwest::Method;
use serde_json::{Value, json};

use crate::access::key_with;
use crate::groups::{call, get, id, key_within, make_group};

on_both![
    a_role_is_made_edited_and_deleted,
    built_in_roles_stay_as_they_are,
    nobody_makes_a_role_into_more_than_he_has,
    a_key_keeps_what_its_role_had,
    roles_that_were_made_here_are_for_those_who_manage_access,
    a_role_is_resolved_by_its_name_as_it_is_now,
    what_would_be_worth_nothing_is_refused,
];

async fn make(server: &TestServer, body: Value) -> Reply {
    server.admin_post("/roles", body).await
}

fn renewals() -> Value {
    json!({"name": "renewals", "description": "Renews", "permissions": ["customers.read", "licenses"]})
}

async fn a_role_is_made_edited_and_deleted(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = make(&server, renewals()).await;
    assert!(made.header("location").ends_with("/roles/renewals"), "{:?}", made.headers);
    let made = made.expect(201);
    assert_eq!((&made["builtIn"], &made["version"]), (&json!(false), &json!(1)));
    let path = "/roles/renewals";
    let edited = server
        .admin_put(path, json!({"permissions": ["licenses.read"], "description": null}))
        .await
        .expect(200);
    assert_eq!((&edited["permissions"], &edited["description"]), (&json!(["licenses.read"]), &json!(null)));
    let shown = server.admin_get(path).await;
    assert_eq!(shown.header("etag"), "\"2\"");
    let stale =
        server.admin(Method::PUT, path).header("if-match", "\"1\"").json(&json!({"description": "Late"}));
    Reply::of(stale).await.expect_problem(412, "VERSION_STALE");
    make(&server, renewals()).await.expect_problem(409, "ALREADY_EXISTS");
    server.admin_delete(path).await.expect(204);
    for gone in [
        server.admin_get(path).await,
        server.admin_delete(path).await,
        server.admin_put(path, json!({})).await,
    ] {
        gone.expect_problem(404, "NOT_FOUND");
    }
    let log = server.admin_get("/audit-events?subject=renewals&sort=createdAt").await.expect(200);
    let mut actions: Vec<_> =
        log["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    // Of one instant, in no order.
    actions.sort_unstable_by_key(ToString::to_string);
    assert_eq!(actions, ["role.created", "role.deleted", "role.updated"]);
}

async fn built_in_roles_stay_as_they_are(backend: Backend) {
    let server = TestServer::start(backend).await;
    for name in ["super_admin", "admin", "editor", "viewer", "support"] {
        let shadow = json!({"name": name, "permissions": ["licenses"]});
        let problem = make(&server, shadow).await.expect_problem(409, "ALREADY_EXISTS");
        assert_eq!(problem["errors"][0]["pointer"], "/name");
        let path = format!("/roles/{name}");
        let shown = server.admin_get(&path).await;
        assert_eq!((shown.header("etag"), &shown.body["builtIn"]), ("", &json!(true)));
        let edited = server.admin_put(&path, json!({"permissions": ["licenses"]})).await;
        edited.expect_problem(409, "STATE_CONFLICT");
        server.admin_delete(&path).await.expect_problem(409, "STATE_CONFLICT");
    }
}

async fn nobody_makes_a_role_into_more_than_he_has(backend: Backend) {
    let server = TestServer::start(backend).await;
    make(&server, renewals()).await.expect(201);
    make(&server, json!({"name": "readers", "permissions": ["licenses.read"]})).await.expect(201);
    let key = key_with(&server, &[Permission::Admins, Permission::LicensesRead]).await;
    for (method, path, body) in [
        (Method::POST, "/roles", json!({"name": "more", "permissions": ["licenses.read", "licenses"]})),
        (Method::PUT, "/roles/readers", json!({"permissions": ["keys"]})),
        // One that may do more than he is not his to change, also into less.
        (Method::PUT, "/roles/renewals", json!({"permissions": ["licenses.read"]})),
        (Method::DELETE, "/roles/renewals", json!(null)),
    ] {
        let problem = call(&server, &key, method, path, body).await.expect_problem(403, "PERMISSION_DENIED");
        assert!(problem["detail"].as_str().unwrap().contains("you lack"), "{problem}");
    }
    call(&server, &key, Method::PUT, "/roles/readers", json!({"permissions": ["licenses.read", "admins"]}))
        .await
        .expect(200);
    let given =
        call(&server, &key, Method::POST, "/api-keys", json!({"name": "Key", "role": "renewals"})).await;
    given.expect_problem(403, "PERMISSION_DENIED");
    // Roles are for all groups.
    let group = make_group(&server, "North").await;
    let bounded = key_within(&server, &[&group]).await;
    let made =
        call(&server, &bounded, Method::POST, "/roles", json!({"name": "mine", "permissions": ["licenses"]}))
            .await;
    made.expect_problem(403, "PERMISSION_DENIED");
}

async fn a_key_keeps_what_its_role_had(backend: Backend) {
    let server = TestServer::start(backend).await;
    make(&server, renewals()).await.expect(201);
    let made = server.admin_post("/api-keys", json!({"name": "Key", "role": "renewals"})).await.expect(201);
    assert_eq!(made["permissions"], json!(["customers.read", "licenses"]));
    server.admin_put("/roles/renewals", json!({"permissions": ["usage"]})).await.expect(200);
    let path = format!("/api-keys/{}", id(&made));
    let kept = server.admin_get(&path).await.expect(200);
    assert_eq!(kept["permissions"], made["permissions"]);
    get(&server, made["secret"].as_str().unwrap(), "/customers").await.expect(200);
    let edited = server.admin_put(&path, json!({"role": "renewals"})).await.expect(200);
    assert_eq!(edited["permissions"], json!(["usage"]));
    server.admin_delete("/roles/renewals").await.expect(204);
    assert_eq!(server.admin_get(&path).await.expect(200)["permissions"], json!(["usage"]));
}

async fn roles_that_were_made_here_are_for_those_who_manage_access(backend: Backend) {
    let server = TestServer::start(backend).await;
    make(&server, renewals()).await.expect(201);
    let count = |reply: Reply| reply.expect(200)["items"].as_array().unwrap().len();
    let reader = key_with(&server, &[Permission::LicensesRead]).await;
    let manager = key_with(&server, &[Permission::AdminsRead]).await;
    assert_eq!(count(server.get("/api/v1/roles").await), 5);
    assert_eq!(count(get(&server, &reader, "/roles").await), 5);
    let all = get(&server, &manager, "/roles").await.expect(200);
    assert_eq!((all["items"].as_array().unwrap().len(), &all["items"][5]["name"]), (6, &json!("renewals")));
}

async fn a_role_is_resolved_by_its_name_as_it_is_now(backend: Backend) {
    let server = TestServer::start(backend).await;
    make(&server, renewals()).await.expect(201);
    let resolve =
        async |name: &str| roles::permissions_of(&server.context.db, &name.parse().unwrap()).await.unwrap();
    assert_eq!(resolve("renewals").await, Some([Permission::CustomersRead, Permission::Licenses].into()));
    server.admin_put("/roles/renewals", json!({"permissions": ["usage"]})).await.expect(200);
    assert_eq!(resolve("renewals").await, Some([Permission::Usage].into()));
    assert_eq!(resolve("super_admin").await, Some(Permission::ALL.iter().copied().collect()));
    assert_eq!(resolve("owner").await, None);
}

async fn what_would_be_worth_nothing_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    for (body, pointer) in [
        (json!({"name": "none", "permissions": []}), "/permissions"),
        (json!({"name": "Big", "permissions": ["usage"]}), "/name"),
        (json!({"name": "x", "permissions": ["usage"]}), "/name"),
        (json!({"name": "odd", "permissions": ["everything"]}), "/permissions/0"),
        (json!({"name": "more", "permissions": ["usage"], "groups": []}), "/groups"),
    ] {
        let problem = make(&server, body).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    for name in ["Big", "nothing"] {
        server.admin_get(&format!("/roles/{name}")).await.expect_problem(404, "NOT_FOUND");
    }
    server
        .admin_post("/api-keys", json!({"name": "Key", "role": "nothing"}))
        .await
        .expect_problem(422, "VALIDATION_FAILED");
}
