//! The signed revocation list: everything that was taken back, at once and on every instance.

use licentia_entity::signing_key;
use licentia_tests::{Backend, Machine, Shop, TestServer, claims, on_both};
use serde_json::{Value, json};

use crate::status_lists::{change_license, machine, revoke_machine, verify};

on_both![
    the_list_holds_opaque_ids_and_instants,
    every_revocation_raises_the_generation_on_all_instances,
    revoked_keys_are_named,
    an_unchanged_list_is_signed_again_in_time,
    a_list_is_no_licence_token,
    no_instance_signs_with_a_key_that_the_list_revokes,
    lists_are_served_while_the_database_is_gone,
];

const PATH: &str = "/api/v1/revocation/list";

/// The claims of the list.
pub(crate) async fn read(server: &TestServer) -> Value {
    let reply = server.get(PATH).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    claims(&reply.text)
}

async fn the_list_holds_opaque_ids_and_instants(backend: Backend) {
    let server = TestServer::start(backend).await;
    let empty = server.get(PATH).await;
    assert_eq!(empty.header("content-type"), "application/revocation-list+jwt");
    let header = jsonwebtoken::decode_header(&empty.text).unwrap();
    assert_eq!(header.typ.as_deref(), Some("revocation-list+jwt"));
    verify(&server, &empty.text, "urn:licentia:revocation-list").await;
    let now = server.context.moment().now.seconds();
    let expected = json!({
        "iss": server.issuer, "aud": "urn:licentia:revocation-list", "iat": now - 60, "exp": now + 86_400,
        "generation": 1, "revoked": [], "suspended": [], "revoked_kids": []
    });
    assert_eq!(claims(&empty.text), expected);

    let shop = Shop::open(&server).await;
    let mut licenses = Vec::new();
    for _ in 0..4 {
        licenses.push(shop.issue(&server, json!({})).await);
        // Ids sort by age, to the millisecond.
        server.clock.advance(1);
    }
    let id = |n: usize| licenses[n]["id"].as_str().unwrap();
    let machine = Machine::activate(&server, licenses[3]["licenseKey"].as_str().unwrap(), "fp-1").await;
    let now = server.context.moment().now.seconds();
    change_license(&server, id(0), "revoke", json!({"graceHours": 0, "reason": "canary"})).await;
    change_license(&server, id(1), "revoke", json!({"graceHours": 1})).await;
    change_license(&server, id(2), "suspend", json!({"reason": "canary"})).await;
    revoke_machine(&server, &machine.activation, 0).await;
    let list = read(&server).await;
    let revoked = json!([
        {"id": id(0), "from": now}, {"id": id(1), "from": now + 3_600}, {"id": machine.activation, "from": now}
    ]);
    assert_eq!((&list["revoked"], &list["suspended"]), (&revoked, &json!([id(2)])));
    assert_eq!(list["generation"], 5);
}

async fn every_revocation_raises_the_generation_on_all_instances(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let shop = Shop::open(&server).await;
    let mut last = read(&other).await["generation"].as_i64().unwrap();
    for _ in 0..3 {
        let issued = shop.issue(&server, json!({})).await;
        let id = issued["id"].as_str().unwrap();
        assert_eq!(read(&other).await["generation"], last, "issuing revokes nothing");
        let reason = json!({"reason": "canary of a reason"});
        let request = server.admin(reqwest::Method::POST, &format!("/license-keys/{id}/revoke"));
        licentia_tests::Reply::of(request.header("if-match", "*").json(&reason)).await.expect(200);
        // Where nobody is told, everybody looks once a second.
        server.clock.advance(1);
        for instance in [&other, &server] {
            let told = read(instance).await;
            assert!(told["revoked"].as_array().unwrap().iter().any(|revoked| revoked["id"] == id));
            assert!(told["generation"].as_i64().unwrap() > last);
            assert!(!told.to_string().contains("canary"), "no reasons, no people");
        }
        last = read(&other).await["generation"].as_i64().unwrap();
    }
}

async fn revoked_keys_are_named(backend: Backend) {
    let server = TestServer::start(backend).await;
    let kid = server.signer(signing_key::Purpose::Token).await.kid().to_owned();
    server.admin_post(&format!("/signing-keys/{kid}/revoke"), json!({})).await.expect(200);
    assert_eq!(read(&server).await["revoked_kids"], json!([kid]));
}

async fn an_unchanged_list_is_signed_again_in_time(backend: Backend) {
    let server = TestServer::start_with(backend, &[("REVOCATION__LIST_TTL_SECONDS", "60")]).await;
    let first = server.get(PATH).await.text;
    server.clock.advance(59);
    assert_eq!(server.get(PATH).await.text, first);
    server.clock.advance(1);
    let second = server.get(PATH).await.text;
    assert_ne!(second, first);
    assert_eq!(claims(&second)["generation"], claims(&first)["generation"]);
}

async fn a_list_is_no_licence_token(backend: Backend) {
    let server = TestServer::start(backend).await;
    machine(&server).await;
    for path in [PATH, "/status-lists/0"] {
        let list = server.get(path).await.text;
        let reply = server.post("/license-keys/validate", json!({"token": list})).await;
        assert_eq!(reply.expect_problem(422, "TOKEN_INVALID")["reasons"], json!(["header"]));
    }
}

/// The key that signed a list.
fn kid(list: &str) -> String {
    jsonwebtoken::decode_header(list).unwrap().kid.unwrap()
}

async fn no_instance_signs_with_a_key_that_the_list_revokes(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (_, machine) = machine(&server).await;
    let status = claims(&machine.token)["status"]["status_list"]["uri"].as_str().unwrap().to_owned();
    let status = status.strip_prefix(&server.issuer).unwrap();
    let leaked = kid(&other.get(PATH).await.text);
    assert_eq!(kid(&other.get(status).await.text), leaked);
    server.admin_post(&format!("/signing-keys/{leaked}/revoke"), json!({})).await.expect(200);
    // The other instance has just read its keys, and looks what has changed once a second.
    server.clock.advance(1);
    for instance in [&other, &server] {
        let list = instance.get(PATH).await.text;
        assert_eq!(claims(&list)["revoked_kids"], json!([leaked]));
        assert_ne!(kid(&list), leaked);
        verify(instance, &list, "urn:licentia:revocation-list").await;
        assert_ne!(kid(&instance.get(status).await.text), leaked);
    }
}

async fn lists_are_served_while_the_database_is_gone(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, machine) = machine(&server).await;
    let status = claims(&machine.token)["status"]["status_list"]["uri"].as_str().unwrap().to_owned();
    let status = status.strip_prefix(&server.issuer).unwrap();
    let (revoked, valid) = (server.get(PATH).await.text, server.get(status).await.text);
    server.context.db.clone().close().await.unwrap();
    server.clock.advance(3_600);
    assert_eq!((server.get(PATH).await.text, server.get(status).await.text), (revoked, valid));
    // They say themselves for how long they are good.
    server.clock.advance(86_400);
    for path in [PATH, status] {
        assert!(server.get(path).await.status >= 500);
    }
}
