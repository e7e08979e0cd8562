//! The key of `admin.api_key_file`.

use licentia_domain::api_keys::{self, DeclareError};
use licentia_tests::{Backend, TestServer, on_both};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{make, opens, path, secret, told, with};

on_both![
    the_declared_key_opens_everything_and_the_former_one_nothing,
    a_key_that_is_declared_again_is_good_again,
    what_is_no_key_ends_the_former_one_and_is_refused,
    the_secret_of_another_key_is_refused,
    the_declared_key_is_changed_in_its_file_only,
    instances_that_declare_it_at_once_both_do,
];

const ONE: &str = "lsk_0123456789abcdef0123456789abcdef";
const OTHER: &str = "lsk_fedcba9876543210fedcba9876543210";

async fn declare(server: &TestServer, key: &str) -> Result<(), DeclareError> {
    api_keys::declare(&server.context, Some(&SecretString::from(key))).await
}

/// The key's entry in the list.
async fn declared(server: &TestServer) -> Value {
    let list = server.admin_get("/api-keys?q=api_key_file").await.expect(200);
    list["items"][0].clone()
}

async fn the_declared_key_opens_everything_and_the_former_one_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    declare(&server, ONE).await.unwrap();
    declare(&server, ONE).await.unwrap();
    assert_eq!(told(&server, "api_key.created").await, 1, "saying the same again changes nothing");
    let made =
        with(&server, ONE, Method::POST, "/api-keys", json!({"name": "All", "role": "super_admin"})).await;
    made.expect(201);
    declare(&server, OTHER).await.unwrap();
    assert_eq!((opens(&server, ONE).await, opens(&server, OTHER).await), (401, 200));
    api_keys::declare(&server.context, None).await.unwrap();
    assert_eq!((opens(&server, ONE).await, opens(&server, OTHER).await), (401, 401));
}

async fn a_key_that_is_declared_again_is_good_again(backend: Backend) {
    let server = TestServer::start(backend).await;
    for key in [ONE, OTHER, ONE] {
        declare(&server, key).await.unwrap();
    }
    assert_eq!((opens(&server, ONE).await, opens(&server, OTHER).await), (200, 401));
    assert_eq!(told(&server, "api_key.declared").await, 1);
}

async fn what_is_no_key_ends_the_former_one_and_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    for wrong in ["", "lsk_", "lsk_short", &ONE.replace("lsk_", "key_"), &format!("{ONE} "), &ONE.repeat(9)] {
        declare(&server, ONE).await.unwrap();
        assert!(matches!(declare(&server, wrong).await, Err(DeclareError::Form)), "{wrong}");
        assert_eq!(opens(&server, ONE).await, 401, "{wrong}");
    }
}

async fn the_secret_of_another_key_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = make(&server, json!({"name": "Shop", "permissions": ["audit"]})).await;
    declare(&server, ONE).await.unwrap();
    assert!(matches!(declare(&server, &secret(&made)).await, Err(DeclareError::Taken)));
    assert_eq!(opens(&server, &secret(&made)).await, 403, "it got no permission by that");
    assert_eq!(opens(&server, ONE).await, 401);
}

async fn the_declared_key_is_changed_in_its_file_only(backend: Backend) {
    let server = TestServer::start(backend).await;
    declare(&server, ONE).await.unwrap();
    let key = declared(&server).await;
    assert_eq!((&key["origin"], &key["status"]), (&json!("file"), &json!("active")));
    let path = path(&key);
    server.admin_put(&path, json!({"name": "Mine"})).await.expect_problem(409, "STATE_CONFLICT");
    server.admin_post(&format!("{path}/rotate"), json!({})).await.expect_problem(409, "STATE_CONFLICT");
    server.admin_delete(&path).await.expect_problem(409, "STATE_CONFLICT");
    assert_eq!(opens(&server, ONE).await, 200);
}

async fn instances_that_declare_it_at_once_both_do(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (one, another) = tokio::join!(declare(&server, ONE), declare(&other, ONE));
    assert!(one.is_ok() && another.is_ok());
    assert_eq!((opens(&server, ONE).await, opens(&other, ONE).await), (200, 200));
}
