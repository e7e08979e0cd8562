//! Role and standing follow the directory; what was decided here stays.

use licentia_tests::{Backend, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{ADA, BASE, Slapd, audit, me, refused, sign_in};

on_both![
    the_role_follows_the_groups_at_each_sign_in,
    whoever_left_his_groups_or_the_directory_is_out,
    whoever_was_disabled_here_stays_out,
    bounds_stay_and_keep_from_everything,
    another_of_his_addresses_makes_nobody_else_of_him,
    what_the_directory_says_is_not_edited_here,
];

async fn the_role_follows_the_groups_at_each_sign_in(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server(backend).await;
    let first = sign_in(&server, ADA).await;
    let id = me(&server, &first).await["id"].clone();
    slapd.change_group("add", "staff", "ada");
    slapd.change_group("delete", "admins", "ada");
    let second = sign_in(&server, ADA).await;
    let admin = me(&server, &second).await;
    assert_eq!((&admin["id"], &admin["role"]), (&id, &json!("viewer")));
    // The sessions that go on have it as well.
    assert_eq!(me(&server, &first).await["role"], "viewer");
    let [updated] = audit(&server, "admin.updated").await.try_into().unwrap();
    let told = ["role", "by"].map(|member| updated["detail"][member].clone());
    assert_eq!(told, [json!("viewer"), json!("directory")]);
    slapd.change_group("add", "roots", "ada");
    let third = sign_in(&server, ADA).await;
    assert_eq!(me(&server, &third).await["role"], "super_admin");
}

async fn whoever_left_his_groups_or_the_directory_is_out(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server(backend).await;
    sign_in(&server, ADA).await;
    slapd.change_group("delete", "admins", "ada");
    refused(&server, ADA).await;
    slapd.change_group("add", "admins", "ada");
    sign_in(&server, ADA).await;
    slapd.apply("ldapmodify", &format!("dn: uid=ada,ou=people,{BASE}\nchangetype: delete\n"));
    refused(&server, ADA).await;
    server.run_jobs().await;
    licentia_domain::sessions::write_refusals(&server.context).await.unwrap();
    let [refusal] = audit(&server, "admin.login_refused").await.try_into().unwrap();
    assert_eq!(refusal["detail"]["reason"], "group");
}

async fn whoever_was_disabled_here_stays_out(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server(backend).await;
    let session = sign_in(&server, ADA).await;
    let path = format!("/admins/{}", me(&server, &session).await["id"].as_str().unwrap());
    server.admin_delete(&path).await.expect(204);
    session.get(&server, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    refused(&server, ADA).await;
    assert_eq!(server.admin_get(&path).await.expect(200)["status"], "disabled");
    server.admin_post(&format!("{path}/enable"), Value::Null).await.expect(200);
    sign_in(&server, ADA).await;
}

async fn bounds_stay_and_keep_from_everything(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server(backend).await;
    let session = sign_in(&server, ADA).await;
    let path = format!("/admins/{}", me(&server, &session).await["id"].as_str().unwrap());
    let group = server.admin_post("/groups", json!({"name": "North"})).await.expect(201)["id"].clone();
    server.admin_put(&path, json!({"groups": [group]})).await.expect(200);
    let session = sign_in(&server, ADA).await;
    assert_eq!(me(&server, &session).await["groups"], json!([group]));
    slapd.change_group("add", "roots", "ada");
    refused(&server, ADA).await;
    assert_eq!(server.admin_get(&path).await.expect(200)["role"], "admin");
}

async fn another_of_his_addresses_makes_nobody_else_of_him(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server(backend).await;
    let session = sign_in(&server, ADA).await;
    let path = format!("/admins/{}", me(&server, &session).await["id"].as_str().unwrap());
    let alias = "a.lovelace@example.com";
    slapd.apply(
        "ldapmodify",
        &format!("dn: uid=ada,ou=people,{BASE}\nchangetype: modify\nadd: mail\nmail: {alias}\n"),
    );
    let admins = async || server.admin_get("/admins").await.expect(200)["total"].clone();
    let before = admins().await;
    refused(&server, (alias, ADA.1)).await;
    server.admin_delete(&path).await.expect(204);
    refused(&server, (alias, ADA.1)).await;
    assert_eq!(admins().await, before);
    // She is told of in the audit log as who she is.
    licentia_domain::sessions::write_refusals(&server.context).await.unwrap();
    let told = audit(&server, "admin.login_refused").await;
    assert!(told.iter().any(|refusal| refusal["detail"]["reason"] == "alias"), "{told:?}");
}

async fn what_the_directory_says_is_not_edited_here(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server_with(backend, &[("MAIL__SENDER", "print")]).await;
    let session = sign_in(&server, ADA).await;
    let admin = me(&server, &session).await;
    let path = format!("/admins/{}", admin["id"].as_str().unwrap());
    for edit in [json!({"role": "viewer"}), json!({"name": "Eve"}), json!({"email": "eve@example.com"})] {
        server.admin_put(&path, edit).await.expect_problem(409, "STATE_CONFLICT");
    }
    server.admin_put(&path, json!({"role": "admin"})).await.expect(200);
    let reset = server.admin_post(&format!("{path}/reset-password"), Value::Null).await;
    reset.expect_problem(409, "STATE_CONFLICT");
    // He has no password here, and gets none.
    let change = json!({"currentPassword": ADA.1, "password": "vexing otter hums low"});
    let change = session.send(&server, Method::POST, "/auth/password/change", change).await;
    change.expect_problem(409, "STATE_CONFLICT");
    server.post("/auth/password/forgot", json!({"email": ADA.0})).await.expect(204);
    server.clock.advance(1);
    server.run_jobs().await;
    assert_eq!(server.admin_get("/mails").await.expect(200)["total"], 0);
}
