//! Admins within groups: what is theirs, and whom they may make.

use licentia_tests::{Backend, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Market, Realm, id, make_group};
use crate::sessions::Person;

on_both![
    an_admin_sees_and_makes_what_is_in_his_groups,
    nobody_makes_an_admin_who_reaches_further,
    an_edit_of_groups_counts_from_the_next_request_on,
    a_super_admin_is_bounded_by_nothing,
    a_role_that_was_made_here_counts_by_its_name,
    a_group_in_which_somebody_acts_stays,
];

async fn an_admin_sees_and_makes_what_is_in_his_groups(backend: Backend) {
    let server = TestServer::start(backend).await;
    let market = Market::open(&server).await;
    let (north, south) =
        (Realm::of(&server, &market, "north").await, Realm::of(&server, &market, "south").await);
    let session = Person::within(&server, "ada", "admin", &[&north.group]).await.sign_in(&server).await;
    let list = session.get(&server, "/license-keys").await.expect(200);
    let seen = list.to_string();
    assert!(seen.contains(&north.license) && !seen.contains(&south.license));
    session.get(&server, &format!("/license-keys/{}", south.license)).await.expect_problem(404, "NOT_FOUND");
    let made = session.send(&server, Method::POST, "/customers", json!({"name": "New"})).await.expect(201);
    assert_eq!(made["groupId"], json!(north.group));
    // Catalogue and keys are everybody's.
    let rotate = session.send(&server, Method::POST, "/signing-keys/rotate", json!({})).await;
    rotate.expect_problem(403, "PERMISSION_DENIED");
    let admins = session.get(&server, "/admins").await.expect(200).to_string();
    assert!(admins.contains(&north.admin) && !admins.contains(&south.admin));
    let sessions = session.get(&server, "/sessions").await.expect(200).to_string();
    assert!(sessions.contains(&north.session) && !sessions.contains(&south.session));
}

async fn nobody_makes_an_admin_who_reaches_further(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (north, south) = (make_group(&server, "north").await, make_group(&server, "south").await);
    let session = Person::within(&server, "ada", "admin", &[&north]).await.sign_in(&server).await;
    let ask = |number: u32, groups: Value| {
        let body = json!({"email": format!("{number}@example.com"), "name": "New", "role": "viewer", "groups": groups});
        session.send(&server, Method::POST, "/admins", body)
    };
    for (number, groups) in [(1, json!([south])), (2, json!([north, south])), (3, json!([]))] {
        let problem = ask(number, groups).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/groups");
    }
    let own = ask(4, Value::Null).await.expect(201);
    assert_eq!(own["groups"], json!([north]));
    let path = format!("/admins/{}", id(&own));
    let free = session.send(&server, Method::PUT, &path, json!({"groups": null})).await;
    free.expect_problem(403, "PERMISSION_DENIED");
    // Somebody who also acts elsewhere is not there for him.
    server.admin_put(&path, json!({"groups": [north, south]})).await.expect(200);
    session.get(&server, &path).await.expect_problem(404, "NOT_FOUND");
    let edit = session.send(&server, Method::PUT, &path, json!({"name": "Mine"})).await;
    edit.expect_problem(404, "NOT_FOUND");
}

async fn an_edit_of_groups_counts_from_the_next_request_on(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (north, south) = (make_group(&server, "north").await, make_group(&server, "south").await);
    let customer =
        id(&server.admin_post("/customers", json!({"name": "C", "groupId": south})).await.expect(201));
    let person = Person::within(&server, "ada", "viewer", &[&north]).await;
    let session = person.sign_in(&server).await;
    let path = format!("/customers/{customer}");
    session.get(&server, &path).await.expect_problem(404, "NOT_FOUND");
    let admin = format!("/admins/{}", person.id);
    server.admin_put(&admin, json!({"groups": [south]})).await.expect(200);
    session.get(&server, &path).await.expect(200);
    server.admin_put(&admin, json!({"groups": null})).await.expect(200);
    assert_eq!(session.get(&server, "/customers").await.expect(200)["total"], 1);
}

async fn a_super_admin_is_bounded_by_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let north = make_group(&server, "north").await;
    let body = json!({"email": "ada@example.com", "name": "Ada", "role": "super_admin", "groups": [north]});
    server.admin_post("/admins", body).await.expect_problem(422, "VALIDATION_FAILED");
    let person = Person::within(&server, "ada", "viewer", &[&north]).await;
    let path = format!("/admins/{}", person.id);
    let raise = json!({"role": "super_admin"});
    server.admin_put(&path, raise).await.expect_problem(422, "VALIDATION_FAILED");
    server.admin_put(&path, json!({"role": "super_admin", "groups": null})).await.expect(200);
}

async fn a_role_that_was_made_here_counts_by_its_name(backend: Backend) {
    let server = TestServer::start(backend).await;
    let role = json!({"name": "night-shift", "permissions": ["customers.read"]});
    server.admin_post("/roles", role).await.expect(201);
    let session = Person::with_role(&server, "night-shift").await.sign_in(&server).await;
    session.get(&server, "/customers").await.expect(200);
    session.get(&server, "/license-keys").await.expect_problem(403, "PERMISSION_DENIED");
    // Unlike a key, a person has what the role has now.
    let more = json!({"permissions": ["customers.read", "licenses.read"]});
    server.admin_put("/roles/night-shift", more).await.expect(200);
    session.get(&server, "/license-keys").await.expect(200);
    server.admin_delete("/roles/night-shift").await.expect_problem(409, "IN_USE");
}

async fn a_group_in_which_somebody_acts_stays(backend: Backend) {
    let server = TestServer::start(backend).await;
    let north = make_group(&server, "north").await;
    let person = Person::within(&server, "ada", "viewer", &[&north]).await;
    let path = format!("/groups/{north}");
    server.admin_delete(&path).await.expect_problem(409, "IN_USE");
    server.admin_put(&format!("/admins/{}", person.id), json!({"groups": null})).await.expect(200);
    server.admin_delete(&path).await.expect(204);
}
