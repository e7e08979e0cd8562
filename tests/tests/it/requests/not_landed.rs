//! Members whose capability has not landed: refused, never accepted and ignored. Their off values say nothing.

use licentia_tests::{Backend, Shop, TestServer, on_both};
use serde_json::{Value, json};

use super::first_error;

on_both![a_member_that_has_not_landed_is_refused, its_off_value_is_not, edits_refuse_it_as_well,];

/// A request, and its members with a value that is refused and one that is not.
struct Asked {
    path: &'static str,
    body: Value,
    members: Vec<(&'static str, Value, Value)>,
}

async fn asked(server: &TestServer) -> Vec<Asked> {
    let shop = Shop::open(server).await;
    let key = shop.issue(server, json!({})).await["licenseKey"].clone();
    let (on, off, none) = (json!(true), json!(false), Value::Null);
    vec![
        Asked {
            path: "/products",
            body: json!({"slug": "second", "name": "Second"}),
            members: vec![("unboundFiles", on, off), ("clonePolicy", json!("block"), json!("record"))],
        },
        Asked {
            path: "/license-activations/activate",
            body: json!({"licenseKey": key, "fingerprint": "fp-1"}),
            members: vec![("publicKey", json!({"kty": "EC"}), json!({})), ("csr", json!("PEM"), none)],
        },
    ]
}

async fn a_member_that_has_not_landed_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    for Asked { path, body, members } in asked(&server).await {
        for (member, value, _) in members {
            let mut body = body.clone();
            body[member] = value;
            let problem = server.admin_post(path, body).await.expect_problem(422, "NOT_SUPPORTED");
            assert_eq!(first_error(&problem), (format!("/{member}").as_str(), "NOT_SUPPORTED"));
        }
    }
    assert_eq!(server.admin_get("/license-activations").await.expect(200)["total"], 0);
}

async fn its_off_value_is_not(backend: Backend) {
    let server = TestServer::start(backend).await;
    for Asked { path, mut body, members } in asked(&server).await {
        for (member, _, off) in members {
            body[member] = off;
        }
        let reply = server.admin_post(path, body).await;
        assert!(matches!(reply.status, 200 | 201), "{path}: {}", reply.text);
    }
}

async fn edits_refuse_it_as_well(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for (path, member, value) in [
        (format!("/products/{}", shop.product), "unboundFiles", json!(true)),
        (format!("/products/{}", shop.product), "clonePolicy", json!("suspend")),
    ] {
        server.admin_put(&path, json!({member: value})).await.expect_problem(422, "NOT_SUPPORTED");
    }
}
