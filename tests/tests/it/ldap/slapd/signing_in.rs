//! Who comes in, and as what.

use licentia_domain::admins;
use licentia_tests::{Backend, TestServer, on_both};
use serde_json::json;

use super::{ADA, BASE, BEA, ROLES, Slapd, audit, login, me, refused, sign_in};

on_both![
    a_group_makes_an_admin_at_his_first_sign_in,
    groups_are_searched_where_nobody_names_his_own,
    whoever_is_in_no_group_is_no_admin,
    of_two_with_one_address_nobody_is_meant,
    a_role_that_there_is_not_lets_nobody_in,
    tries_are_counted_as_all_are,
    a_session_ends_when_the_directory_is_to_be_asked_again,
    the_first_admin_is_made_here_all_the_same,
];

async fn a_group_makes_an_admin_at_his_first_sign_in(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server(backend).await;
    let session = sign_in(&server, ADA).await;
    let admin = me(&server, &session).await;
    let told = ["email", "name", "role", "origin", "status"].map(|member| admin[member].clone());
    assert_eq!(json!(told), json!(["ada@example.com", "Ada Lovelace", "admin", "directory", "active"]));
    assert_eq!((&admin["groups"], &admin["totp"]), (&json!(null), &json!(false)));
    session.get(&server, "/license-keys").await.expect(200);
    // Again, however he writes his address: he is the same.
    let again = sign_in(&server, ("ADA@Example.com", ADA.1)).await;
    assert_eq!(me(&server, &again).await["id"], admin["id"]);
    let [made] = audit(&server, "admin.created").await.try_into().unwrap();
    assert_eq!((&made["subject"], &made["detail"]["origin"]), (&admin["id"], &json!("directory")));
    assert_eq!(made["detail"]["role"], "admin");
    assert_eq!(audit(&server, "session.begun").await.len(), 2);
    refused(&server, (ADA.0, "analytical engines")).await;
}

async fn groups_are_searched_where_nobody_names_his_own(backend: Backend) {
    let slapd = Slapd::start();
    let base = format!("ou=groups,{BASE}");
    let search = [("LDAP__GROUP_ATTRIBUTE", "nothing"), ("LDAP__GROUP_BASE", base.as_str())];
    let server = slapd.server_with(backend, &search).await;
    let session = sign_in(&server, ADA).await;
    assert_eq!(me(&server, &session).await["role"], "admin");
    refused(&server, BEA).await;
}

async fn whoever_is_in_no_group_is_no_admin(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server(backend).await;
    refused(&server, BEA).await;
    assert!(slapd.lets_bind(&format!("uid=bea,ou=people,{BASE}"), BEA.1));
    assert!(audit(&server, "admin.created").await.is_empty());
}

async fn of_two_with_one_address_nobody_is_meant(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server(backend).await;
    refused(&server, ("twin@example.com", "one of two")).await;
    assert!(slapd.lets_bind(&format!("uid=twin1,ou=people,{BASE}"), "one of two"));
    assert_eq!(slapd.binds(), 1);
}

async fn a_role_that_there_is_not_lets_nobody_in(backend: Backend) {
    let slapd = Slapd::start();
    let roles = ROLES.replace("admin: cn=admins", "night_shift: cn=admins");
    let server = slapd.server_with(backend, &[("LDAP__ROLES", &roles)]).await;
    refused(&server, ADA).await;
    let role = json!({"name": "night_shift", "permissions": ["licenses.read"]});
    server.admin_post("/roles", role).await.expect(201);
    let session = sign_in(&server, ADA).await;
    assert_eq!(me(&server, &session).await["role"], "night_shift");
}

async fn tries_are_counted_as_all_are(backend: Backend) {
    let slapd = Slapd::start();
    let limits = [("LIMITS__ENABLED", "true"), ("LIMITS__LOGIN_PER_MINUTE", "2")];
    let server = slapd.server_with(backend, &limits).await;
    for _ in 0..2 {
        refused(&server, (ADA.0, "analytical engines")).await;
    }
    login(&server, ADA).await.expect_problem(429, "RATE_LIMITED");
    assert_eq!(slapd.binds(), 2);
}

async fn a_session_ends_when_the_directory_is_to_be_asked_again(backend: Backend) {
    let slapd = Slapd::start();
    let settings = [("LDAP__SESSION_LIFETIME_SECONDS", "1000")];
    let server = slapd.server_with(backend, &settings).await;
    let session = sign_in(&server, ADA).await;
    server.clock.advance(999);
    let session = session.renewed(&server).await;
    server.clock.advance(1);
    session.get(&server, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    session.refresh(&server).await.expect_problem(401, "UNAUTHENTICATED");
}

async fn the_first_admin_is_made_here_all_the_same(backend: Backend) {
    let slapd = Slapd::start();
    let settings = slapd.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let server = TestServer::start_reachable_with(backend, &settings).await;
    sign_in(&server, ADA).await;
    let token = admins::offer(&server.context).await.unwrap().expect("there is no admin of our own yet");
    let token = secrecy::ExposeSecret::expose_secret(&token).to_owned();
    let body = json!({"token": token, "email": "eve@example.com", "name": "Eve", "password": crate::sessions::PASSWORD});
    server.post("/setup", body).await.expect(201);
    assert!(admins::offer(&server.context).await.unwrap().is_none());
}
