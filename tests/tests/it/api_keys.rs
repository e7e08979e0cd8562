//! API keys over HTTP: made, edited, rotated, ended, bound to addresses; and the key that a file declares.

use licentia_domain::api_keys;
use licentia_tests::{Backend, Reply, TestServer, on_both};
use licentia_types::permissions::Permission;
use reqwest::Method;
use serde_json::{Value, json};

use crate::access::key_with;

mod declared;
mod rotating;

on_both![
    a_key_is_shown_once_and_opens_what_it_may,
    a_key_is_made_of_a_role,
    nobody_gives_what_he_lacks,
    nobody_changes_a_key_that_may_more_than_he,
    what_would_be_worth_nothing_is_refused,
    an_edit_counts_at_once,
    a_key_opens_nothing_from_elsewhere_and_the_log_tells,
    the_last_use_is_shown_and_written_without_an_edit,
    a_key_that_ended_stays_and_is_ended_again,
    permissions_and_roles_are_listed,
];

/// Makes a key; gives the whole answer.
async fn make(server: &TestServer, body: Value) -> Value {
    server.admin_post("/api-keys", body).await.expect(201)
}

fn secret(made: &Value) -> String {
    made["secret"].as_str().unwrap().to_owned()
}

fn path(made: &Value) -> String {
    format!("/api-keys/{}", made["id"].as_str().unwrap())
}

async fn with(server: &TestServer, key: &str, method: Method, path: &str, body: Value) -> Reply {
    let request = server.request(method, &format!("/api/v1{path}")).bearer_auth(key);
    Reply::of(request.header("if-match", "*").json(&body)).await
}

/// The status of a list of customers.
async fn opens(server: &TestServer, key: &str) -> u16 {
    Reply::of(server.request(Method::GET, "/api/v1/customers").bearer_auth(key)).await.status
}

/// How often the audit log tells this.
async fn told(server: &TestServer, action: &str) -> usize {
    let log = server.admin_get(&format!("/audit-events?action={action}")).await.expect(200);
    log["items"].as_array().unwrap().len()
}

async fn a_key_is_shown_once_and_opens_what_it_may(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = make(&server, json!({"name": "Shop", "permissions": ["customers.read"]})).await;
    let key = secret(&made);
    assert!(key.starts_with("lsk_") && key.len() > 40);
    assert_eq!(opens(&server, &key).await, 200);
    with(&server, &key, Method::POST, "/customers", json!({"name": "Ada"}))
        .await
        .expect_problem(403, "PERMISSION_DENIED");

    let shown = server.admin_get(&path(&made)).await;
    assert_eq!(shown.header("etag"), "\"1\"");
    assert!(!shown.text.contains(&key));
    let shown = shown.expect(200);
    assert_eq!((&shown["status"], &shown["origin"]), (&json!("active"), &json!("api")));
    assert_eq!(shown["permissions"], json!(["customers.read"]));
    let list = server.admin_get("/api-keys?q=shop").await;
    assert!(!list.text.contains(&key));
    assert_eq!(list.expect(200)["total"], 1);
}

async fn a_key_is_made_of_a_role(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = make(&server, json!({"name": "Help desk", "role": "support"})).await;
    assert!(made["permissions"].as_array().unwrap().contains(&json!("licenses.read")));
    let key = secret(&made);
    assert_eq!(opens(&server, &key).await, 200);
    for (method, path) in
        [(Method::POST, "/customers"), (Method::POST, "/api-keys"), (Method::GET, "/api-keys")]
    {
        with(&server, &key, method, path, json!({})).await.expect_problem(403, "PERMISSION_DENIED");
    }
}

async fn nobody_gives_what_he_lacks(backend: Backend) {
    let server = TestServer::start(backend).await;
    let key = key_with(&server, &[Permission::Admins, Permission::Customers]).await;
    let ask = |body: Value| with(&server, &key, Method::POST, "/api-keys", body);
    for body in [
        json!({"name": "More", "permissions": ["licenses"]}),
        json!({"name": "More", "permissions": ["customers", "licenses.read"]}),
        json!({"name": "More", "role": "super_admin"}),
    ] {
        let problem = ask(body).await.expect_problem(403, "PERMISSION_DENIED");
        assert!(problem["detail"].as_str().unwrap().contains("licenses"), "{problem}");
    }
    // Whoever writes may give away reading.
    let body = json!({"name": "Less", "permissions": ["customers.read", "admins.read"]});
    let made = ask(body).await.expect(201);
    let more = json!({"permissions": ["customers.read", "audit"]});
    with(&server, &key, Method::PUT, &path(&made), more).await.expect_problem(403, "PERMISSION_DENIED");
    let shown = server.admin_get(&path(&made)).await.expect(200);
    assert_eq!(shown["permissions"], json!(["customers.read", "admins.read"]));
}

async fn nobody_changes_a_key_that_may_more_than_he(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = make(&server, json!({"name": "Strong", "permissions": ["licenses", "customers"]})).await;
    let key = key_with(&server, &[Permission::Admins, Permission::Customers]).await;
    let path = path(&made);
    for (method, path, body) in [
        (Method::PUT, path.clone(), json!({"name": "Weak"})),
        (Method::PUT, path.clone(), json!({"permissions": ["customers"]})),
        (Method::POST, format!("{path}/rotate"), json!({})),
        (Method::POST, format!("{path}/revoke"), Value::Null),
        (Method::DELETE, path.clone(), Value::Null),
    ] {
        let reply = with(&server, &key, method, &path, body).await;
        assert!(!reply.text.contains("lsk_"));
        reply.expect_problem(403, "PERMISSION_DENIED");
    }
    assert_eq!(server.admin_get(&path).await.expect(200)["version"], 1);
    assert_eq!(opens(&server, &secret(&made)).await, 200);
}

async fn what_would_be_worth_nothing_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let now = server.context.moment().now;
    let ranges: Vec<_> = (0..65).map(|n| format!("10.0.{n}.0/24")).collect();
    for (more, pointer) in [
        (json!({}), "/permissions"),
        (json!({"permissions": []}), "/permissions"),
        (json!({"permissions": ["audit"], "role": "viewer"}), "/permissions"),
        (json!({"permissions": ["everything"]}), "/permissions/0"),
        (json!({"role": "owner"}), "/role"),
        (json!({"role": "viewer", "expiresAt": now}), "/expiresAt"),
        (json!({"role": "viewer", "ipRanges": ["192.0.2.7/24"]}), "/ipRanges/0"),
        (json!({"role": "viewer", "ipRanges": ranges}), "/ipRanges"),
        (json!({"role": "viewer", "groupId": "grp_1"}), "/groupId"),
    ] {
        let mut body = json!({"name": "Nothing"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let problem = server.admin_post("/api-keys", body).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}

async fn an_edit_counts_at_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = make(&server, json!({"name": "Shop", "permissions": ["customers.read"]})).await;
    let (key, path) = (secret(&made), path(&made));
    let edited = server.admin_put(&path, json!({"name": "Till", "permissions": ["audit"]})).await.expect(200);
    assert_eq!((&edited["name"], &edited["version"]), (&json!("Till"), &json!(2)));
    assert_eq!(opens(&server, &key).await, 403);

    let stale = server.admin(Method::PUT, &path).header("if-match", "\"1\"").json(&json!({"name": "Shop"}));
    Reply::of(stale).await.expect_problem(412, "VERSION_STALE");
    let now = server.context.moment().now.seconds();
    let soon = licentia_types::time::Timestamp::from_seconds(now + 60);
    server.admin_put(&path, json!({"role": "viewer", "expiresAt": soon})).await.expect(200);
    assert_eq!(opens(&server, &key).await, 200);
    server.clock.advance(60);
    assert_eq!(opens(&server, &key).await, 401);
    assert_eq!(server.admin_get(&path).await.expect(200)["status"], "expired");
    server.admin_put(&path, json!({"expiresAt": null})).await.expect(200);
    assert_eq!(opens(&server, &key).await, 200);
}

async fn a_key_opens_nothing_from_elsewhere_and_the_log_tells(backend: Backend) {
    let server = TestServer::start(backend).await;
    let body = |ranges: Value| json!({"name": "Bound", "role": "viewer", "ipRanges": ranges});
    let here = make(&server, body(json!(["127.0.0.0/8", "::1"]))).await;
    assert_eq!(here["ipRanges"], json!(["127.0.0.0/8", "::1/128"]));
    assert_eq!(opens(&server, &secret(&here)).await, 200);

    let elsewhere = make(&server, body(json!(["192.0.2.0/24", "2001:db8::/32"]))).await;
    let key = secret(&elsewhere);
    let refused = |key: &str| {
        let request = server.request(Method::GET, "/api/v1/customers").bearer_auth(key);
        async move { Reply::of(request).await.expect_problem(401, "UNAUTHENTICATED")["detail"].clone() }
    };
    assert_eq!(refused(&key).await, refused("lsk_unknown").await, "a thief learns nothing");
    refused(&key).await;
    assert_eq!(told(&server, "api_key.refused").await, 1, "a flood is told once a minute");
    server.clock.advance(60);
    refused(&key).await;
    assert_eq!(told(&server, "api_key.refused").await, 2);
    let log = server.admin_get("/audit-events?action=api_key.refused").await.expect(200);
    assert_eq!(
        (&log["items"][0]["subject"], &log["items"][0]["ip"]),
        (&elsewhere["id"], &json!("127.0.0.1"))
    );
    assert_eq!(server.admin_get(&path(&elsewhere)).await.expect(200)["lastUsedAt"], Value::Null);
    server.admin_put(&path(&elsewhere), json!({"ipRanges": []})).await.expect(200);
    assert_eq!(opens(&server, &key).await, 200);
}

async fn the_last_use_is_shown_and_written_without_an_edit(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = make(&server, json!({"name": "Shop", "role": "viewer"})).await;
    let path = path(&made);
    assert_eq!(made["lastUsedAt"], Value::Null);
    opens(&server, &secret(&made)).await;
    let used = server.admin_get(&path).await.expect(200)["lastUsedAt"].clone();
    assert_eq!(used, json!(server.context.moment().now));

    let other = server.another().await;
    assert_eq!(other.admin_get(&path).await.expect(200)["lastUsedAt"], Value::Null);
    api_keys::write_uses(&server.context).await.unwrap();
    let written = other.admin_get(&path).await.expect(200);
    assert_eq!((&written["lastUsedAt"], &written["version"]), (&used, &json!(1)));
}

async fn a_key_that_ended_stays_and_is_ended_again(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = make(&server, json!({"name": "Shop", "role": "viewer"})).await;
    let path = path(&made);
    let ended = server.admin_post(&format!("{path}/revoke"), Value::Null).await.expect(200);
    assert_eq!(ended["status"], "revoked");
    assert_eq!(opens(&server, &secret(&made)).await, 401);
    server.clock.advance(5);
    server.admin_delete(&path).await.expect(204);
    let shown = server.admin_get(&path).await.expect(200);
    assert_eq!((&shown["revokedAt"], &shown["version"]), (&ended["revokedAt"], &json!(2)));
    assert_eq!(told(&server, "api_key.revoked").await, 1);
    server.admin_put(&path, json!({"name": "Again"})).await.expect_problem(409, "STATE_CONFLICT");
    server.admin_post(&format!("{path}/rotate"), json!({})).await.expect_problem(409, "STATE_CONFLICT");
    let unknown = "/api-keys/key_01h455vb4pex5vsknk084sn02q";
    server.admin_get(unknown).await.expect_problem(404, "NOT_FOUND");
    server.admin_delete(unknown).await.expect_problem(404, "NOT_FOUND");
}

async fn permissions_and_roles_are_listed(backend: Backend) {
    let server = TestServer::start(backend).await;
    let permissions = server.get("/api/v1/permissions").await.expect(200);
    let items = permissions["items"].as_array().unwrap();
    assert_eq!(items.len(), Permission::ALL.len());
    assert!(items.contains(&json!({
        "name": "customers", "category": "customers", "description": "Read and write customers.", "includes": "customers.read",
    })));
    let roles = server.get("/api/v1/roles").await.expect(200);
    let names: Vec<_> = roles["items"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect();
    assert_eq!(names, ["super_admin", "admin", "editor", "viewer", "support"]);
    assert_eq!(roles["items"][0]["permissions"].as_array().unwrap().len(), Permission::ALL.len());
}
