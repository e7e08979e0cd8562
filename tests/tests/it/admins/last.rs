//! Somebody who may do everything, and can sign in, is always left.

use licentia_tests::{Backend, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use crate::sessions::Person;

on_both![the_last_super_admin_stays, of_two_who_take_each_others_place_one_is_refused,];

async fn the_last_super_admin_stays(backend: Backend) {
    let server = TestServer::start(backend).await;
    let ada = Person::with_role(&server, "super_admin").await;
    let path = format!("/admins/{}", ada.id);
    let demote = json!({"role": "admin"});
    server.admin_delete(&path).await.expect_problem(409, "STATE_CONFLICT");
    server.admin_put(&path, demote.clone()).await.expect_problem(409, "STATE_CONFLICT");
    server.admin_put(&path, json!({"name": "Ada", "role": "super_admin"})).await.expect(200);
    // Nor in two steps.
    let reset = server.admin_post(&format!("{path}/reset-password"), Value::Null).await;
    reset.expect_problem(409, "STATE_CONFLICT");

    // Somebody who cannot sign in yet is nobody.
    let invited = json!({"email": "grace@example.com", "name": "Grace", "role": "super_admin"});
    let invited = server.admin_post("/admins", invited).await.expect(201);
    server.admin_delete(&path).await.expect_problem(409, "STATE_CONFLICT");
    let set = json!({"token": invited["passwordToken"], "password": crate::sessions::PASSWORD});
    server.post("/auth/password/reset", set).await.expect(204);
    server.admin_put(&path, demote).await.expect(200);
    server.admin_delete(&path).await.expect(204);
    let grace = format!("/admins/{}", invited["id"].as_str().unwrap());
    server.admin_delete(&grace).await.expect_problem(409, "STATE_CONFLICT");
}

async fn of_two_who_take_each_others_place_one_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let another = server.another().await;
    let ada = Person::with_role(&server, "super_admin").await;
    let grace = Person::with_role(&server, "super_admin").await;
    let first = ada.sign_in(&server).await;
    let second = grace.sign_in(&another).await;
    let against = |person: &Person| format!("/admins/{}", person.id);
    let (grace_path, ada_path) = (against(&grace), against(&ada));
    let (one, other) = tokio::join!(
        first.send(&server, Method::DELETE, &grace_path, Value::Null),
        second.send(&another, Method::DELETE, &ada_path, Value::Null),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    // The second finds himself disabled already, or the other one the last.
    assert!(statuses[0] == 204 && matches!(statuses[1], 401 | 409), "{} {}", one.text, other.text);
    let left = server.admin_get("/admins").await.expect(200);
    let active = left["items"].as_array().unwrap().iter().filter(|admin| admin["status"] == "active");
    assert_eq!(active.count(), 1, "{left}");
}
