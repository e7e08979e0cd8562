//! Accounts of our own beside those of the directory.

use licentia_tests::{Backend, on_both};
use serde_json::json;

use super::{ADA, BEA, Slapd, local_admin, login, me, refused, sign_in};
use crate::portal::give_account;
use crate::sessions::{PASSWORD, Person};

on_both![
    an_account_of_our_own_is_not_taken_over,
    whoever_is_left_to_the_directory_signs_in_there,
    the_last_super_admin_is_one_of_our_own,
    the_directory_is_not_asked_about_customers,
    refusals_are_alike,
];

async fn an_account_of_our_own_is_not_taken_over(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server(backend).await;
    let id = local_admin(&server, ADA.0, "viewer").await;
    refused(&server, ADA).await;
    let session = sign_in(&server, (ADA.0, PASSWORD)).await;
    let admin = me(&server, &session).await;
    assert_eq!(
        (&admin["id"], &admin["role"], &admin["origin"]),
        (&json!(id), &json!("viewer"), &json!("local"))
    );
    // Nor one who has not set his password yet.
    let bea = json!({"email": "invited@example.com", "name": "Bea", "role": "viewer"});
    server.admin_post("/admins", bea).await.expect(201);
    refused(&server, ("invited@example.com", "anything at all")).await;
    // What they typed was shown to nobody.
    assert_eq!(slapd.binds(), 0);
}

async fn whoever_is_left_to_the_directory_signs_in_there(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server(backend).await;
    let id = local_admin(&server, ADA.0, "viewer").await;
    let before = sign_in(&server, (ADA.0, PASSWORD)).await;
    let path = format!("/admins/{id}");
    let moved = server.admin_put(&path, json!({"origin": "directory"})).await.expect(200);
    assert_eq!((&moved["origin"], &moved["status"]), (&json!("directory"), &json!("active")));
    before.get(&server, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    refused(&server, (ADA.0, PASSWORD)).await;
    let session = sign_in(&server, ADA).await;
    let admin = me(&server, &session).await;
    assert_eq!((&admin["id"], &admin["role"]), (&json!(id), &json!("admin")));
    // And back: he is to set a password.
    let moved = server.admin_put(&path, json!({"origin": "local"})).await.expect(200);
    assert_eq!((&moved["origin"], &moved["status"]), (&json!("local"), &json!("invited")));
    session.get(&server, "/auth/me").await.expect_problem(401, "UNAUTHENTICATED");
    refused(&server, ADA).await;
    // Where there is no directory nobody is left to it.
    let alone = server.another().await;
    let refusal = alone.admin_put(&path, json!({"origin": "directory"})).await;
    refusal.expect_problem(409, "STATE_CONFLICT");
}

async fn the_last_super_admin_is_one_of_our_own(backend: Backend) {
    let slapd = Slapd::start();
    slapd.change_group("add", "roots", "ada");
    let server = slapd.server(backend).await;
    let id = local_admin(&server, "root@example.com", "super_admin").await;
    let session = sign_in(&server, ADA).await;
    assert_eq!(me(&server, &session).await["role"], "super_admin");
    // She may do everything, and is not there when the directory is not.
    let path = format!("/admins/{id}");
    server.admin_delete(&path).await.expect_problem(409, "STATE_CONFLICT");
    let leave = server.admin_put(&path, json!({"origin": "directory"})).await;
    leave.expect_problem(409, "STATE_CONFLICT");
    let ada = format!("/admins/{}", me(&server, &session).await["id"].as_str().unwrap());
    server.admin_delete(&ada).await.expect(204);
}

async fn the_directory_is_not_asked_about_customers(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server(backend).await;
    let body = json!({"email": ADA.0, "password": ADA.1, "as": "customer"});
    server.post("/auth/login", body).await.expect_problem(401, "CREDENTIALS_INVALID");
    assert_eq!(slapd.searches(), 0);
    // Nor is a customer's password shown to it, unless he says that he is an admin, too.
    let customer = json!({"email": ADA.0, "name": "Ada"});
    let customer = server.admin_post("/customers", customer).await.expect(201);
    give_account(&server, customer["id"].as_str().unwrap(), ADA.0).await;
    refused(&server, ADA).await;
    assert_eq!(slapd.binds(), 0);
    let body = json!({"email": ADA.0, "password": ADA.1, "as": "admin"});
    assert_eq!(server.post("/auth/login", body).await.expect(200)["status"], "signed_in");
    let searches = slapd.searches();
    // Nor about admins of our own whose password is right.
    let person = Person::with_role(&server, "viewer").await;
    person.sign_in(&server).await;
    assert_eq!(slapd.searches(), searches);
}

async fn refusals_are_alike(backend: Backend) {
    let slapd = Slapd::start();
    let server = slapd.server(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    sign_in(&server, ADA).await;
    let mut told = Vec::new();
    let wrong = |email| (email, "wrong, whoever it is");
    let strangers = [person.email.as_str(), ADA.0, "nobody@example.com", BEA.0].map(wrong);
    // The last one is who he says, and is in no group.
    for who in strangers.into_iter().chain([BEA]) {
        let since = std::time::Instant::now();
        let mut problem = login(&server, who).await.expect_problem(401, "CREDENTIALS_INVALID");
        assert!(since.elapsed() >= std::time::Duration::from_secs(1), "{who:?}");
        problem["requestId"].take();
        told.push(problem);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
}
