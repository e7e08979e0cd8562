//! A file, its seat, and the same bytes again.

use licentia_tests::{Backend, Reply, TestServer, on_both, try_activate};

use super::*;
use crate::status_lists;

on_both![
    a_file_says_what_a_token_says_and_takes_a_seat,
    a_file_is_asked_for_in_days_and_ends_with_its_licence,
    the_same_checkout_again_is_the_same_file,
    another_checkout_is_another_file,
    a_file_that_is_bound_to_no_machine_is_refused,
    only_a_good_licence_is_checked_out,
    a_checkout_is_a_first_activation,
    an_encrypted_file_is_for_its_machine_alone,
    what_was_not_signed_when_the_server_stopped_is_signed_later,
    free_places_users_and_blocked_machines_count_as_ever,
];

async fn a_file_says_what_a_token_says_and_takes_a_seat(backend: Backend) {
    let server = TestServer::start(backend).await;
    let owner = json!({"name": "Ada", "organization": "Acme", "email": "ada@example.com"});
    let (shop, issued) = begin(&server, json!({"customer": owner, "validDays": 400})).await;
    let body = json!({"fingerprint": "board-1", "hostname": "press-3", "productVersion": "2.1"});
    let file = issued.checkout(&server, body).await.expect(201);
    assert_eq!((&file["seats"], issued.used(&server).await), (&json!({"used": 1, "limit": 2}), 1));
    let activation = &file["activation"];
    assert_eq!((&activation["kind"], &activation["status"]), (&json!("offline"), &json!("active")));
    assert_eq!(
        (&activation["leaseUntil"], &activation["offlineUntil"]),
        (&file["expiresAt"], &file["expiresAt"])
    );

    let text = file["file"].as_str().unwrap();
    assert!(
        text.starts_with("-----BEGIN LICENSE FILE-----\n") && text.ends_with("-----END LICENSE FILE-----\n")
    );
    assert!(text.lines().all(|line| line.len() <= 64));
    let audience = format!("urn:licentia:license-file:{}", shop.slug);
    status_lists::verify(&server, &token(&file), &audience).await;
    let header = jsonwebtoken::decode_header(token(&file)).unwrap();
    assert_eq!(
        (header.typ.as_deref(), header.kid.as_deref()),
        (Some("license-file+jwt"), file["signingKeyId"].as_str())
    );

    let said = claims(&file);
    assert_eq!(said["licensee"], owner);
    assert_eq!((&said["jti"], &said["activation_id"]), (&file["id"], &activation["id"]));
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 30 * 86_400 + 60);
    assert_eq!((&said["heartbeat_required"], &said["product_version"]), (&json!(false), &json!("2.1")));
    assert!(said["jwks"]["keys"].as_array().unwrap().iter().any(|key| key["kid"] == file["signingKeyId"]));
    assert!(said.get("cnf").is_none());
    // As a customer sends it to support.
    let inspected = server.admin_post("/tokens/inspect", json!({"token": text})).await.expect(200);
    assert_eq!((&inspected["type"], &inspected["claims"]), (&json!("license_file"), &said), "{inspected}");
    // What the machine would be told if it could call.
    let token = activate(&server, &issued, "board-1").await.claims();
    for claim in [
        "iss",
        "sub",
        "license_id",
        "license_exp",
        "tier",
        "tiers",
        "features",
        "feature_values",
        "max_activations",
        "fingerprint",
        "status",
    ] {
        assert_eq!(said[claim], token[claim], "{claim}");
    }
    assert_eq!(issued.used(&server).await, 1, "the same machine");
    assert!(token.get("licensee").is_none());
}

async fn a_file_is_asked_for_in_days_and_ends_with_its_licence(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"validDays": 100, "maxActivations": null})).await;
    let end =
        server.admin_get(&format!("/license-keys/{}", issued.id)).await.expect(200)["expiresAt"].clone();
    for (days, fingerprint) in [(1, "a"), (99, "b")] {
        let file =
            issued.checkout(&server, json!({"fingerprint": fingerprint, "ttlDays": days})).await.expect(201);
        let said = claims(&file);
        assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), days * 86_400 + 60);
    }
    let file = issued.checkout(&server, json!({"fingerprint": "c", "ttlDays": 365})).await.expect(201);
    let (said, end): (Value, licentia_types::time::Timestamp) =
        (claims(&file), serde_json::from_value(end).unwrap());
    assert_eq!(said["exp"], end.seconds());
    assert_eq!(said["license_exp"], end.seconds());
    for days in [0, 366] {
        let refused = issued.checkout(&server, json!({"fingerprint": "d", "ttlDays": days})).await;
        let problem = refused.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/ttlDays");
    }
}

async fn the_same_checkout_again_is_the_same_file(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (_, issued) = begin(&server, json!({})).await;
    let first = issued.file(&server, "board-1").await;
    server.clock.advance(86_400);
    let path = format!("/license-keys/{}/files", issued.id);
    let own = format!("{path}/{}", first["id"].as_str().unwrap());
    for server in [&server, &other] {
        let again = issued.checkout(server, json!({"fingerprint": "board-1"})).await.expect(200);
        assert_eq!((&again["file"], &again["id"]), (&first["file"], &first["id"]));
        let fetched = server.admin_get(&own).await.expect(200);
        assert_eq!((&fetched["file"], &fetched["signingKeyId"]), (&first["file"], &first["signingKeyId"]));
    }
    let listed = server.admin_get(&path).await.expect(200);
    assert_eq!((&listed["total"], &listed["items"][0]["id"]), (&json!(1), &first["id"]));
    assert!(listed["items"][0].get("file").is_none());
    let stranger = "/license-keys/lic_01h455vb4pex5vsknk084sn02q/files";
    server
        .admin_get(&format!("{stranger}/{}", first["id"].as_str().unwrap()))
        .await
        .expect_problem(404, "NOT_FOUND");
    server
        .admin_get(&format!("{path}/file_01h455vb4pex5vsknk084sn02q"))
        .await
        .expect_problem(404, "NOT_FOUND");
}

async fn another_checkout_is_another_file(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"customer": {"name": "Ada"}})).await;
    let mut seen = vec![issued.file(&server, "board-1").await["file"].clone()];
    let mut expect_new = |file: Value| {
        assert!(!seen.contains(&file["file"]), "{file}");
        seen.push(file["file"].clone());
    };
    for body in [
        json!({"fingerprint": "board-1", "ttlDays": 31}),
        json!({"fingerprint": "board-1", "renew": true}),
        json!({"fingerprint": "board-1", "productVersion": "3.0"}),
        json!({"fingerprint": "board-1", "publicKey": Offline::new().jwk()}),
    ] {
        expect_new(issued.checkout(&server, body).await.expect(201));
    }
    // What the licence grants, or to whom, has changed.
    server.admin_put(&format!("/license-keys/{}", issued.id), json!({"maxUsers": 7})).await.expect(200);
    expect_new(issued.file(&server, "board-1").await);
    let owner =
        server.admin_get(&format!("/license-keys/{}", issued.id)).await.expect(200)["customerId"].clone();
    server
        .admin_put(&format!("/customers/{}", owner.as_str().unwrap()), json!({"name": "Ada L."}))
        .await
        .expect(200);
    expect_new(issued.file(&server, "board-1").await);
    // Its key is not believed any more.
    let kid =
        issued.checkout(&server, json!({"fingerprint": "board-1"})).await.expect(200)["signingKeyId"].clone();
    server
        .admin_post(&format!("/signing-keys/{}/revoke", kid.as_str().unwrap()), json!({}))
        .await
        .expect(200);
    let file = issued.file(&server, "board-1").await;
    assert_ne!(file["signingKeyId"], kid);
    expect_new(file);
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn a_file_that_is_bound_to_no_machine_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({})).await;
    let problem = issued.checkout(&server, json!({})).await.expect_problem(422, "NOT_SUPPORTED");
    assert_eq!(problem["errors"][0]["pointer"], "/fingerprint");
    assert_eq!(issued.counted(&server).await, (0, 0));
    let unknown = "/license-keys/lic_01h455vb4pex5vsknk084sn02q/checkout";
    server.admin_post(unknown, json!({"fingerprint": "a"})).await.expect_problem(404, "NOT_FOUND");
    server.post(unknown, json!({"fingerprint": "a"})).await.expect_problem(401, "UNAUTHENTICATED");
}

async fn only_a_good_licence_is_checked_out(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued) = begin(&server, json!({})).await;
    issued.file(&server, "board-1").await;
    let refused = |code: &'static str| {
        let (issued, server) = (&issued, &server);
        async move {
            for fingerprint in ["board-1", "board-2"] {
                let refused: Reply = issued.checkout(server, json!({"fingerprint": fingerprint})).await;
                refused.expect_problem(403, code);
            }
        }
    };
    issued.change(&server, "suspend", json!({})).await;
    refused("LICENSE_SUSPENDED").await;
    issued.change(&server, "reinstate", json!({})).await;
    issued.change(&server, "revoke", json!({})).await;
    refused("LICENSE_REVOKED").await;
    let short = Issued::of(&server, &shop, json!({"validDays": 1})).await;
    server.clock.advance(86_400);
    short.checkout(&server, json!({"fingerprint": "a"})).await.expect_problem(403, "LICENSE_EXPIRED");
}

async fn a_checkout_is_a_first_activation(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let waiting = json!({"startsAt": "first_activation", "validDays": 10});
    let waiting = Issued::of(&server, &shop, waiting).await;
    server.clock.advance(1_000);
    let said = claims(&waiting.file(&server, "board-1").await);
    assert_eq!(said["exp"], said["license_exp"]);
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 10 * 86_400 + 60);
    let trial = json!({"trial": true, "validDays": 14});
    let (first, second) =
        (Issued::of(&server, &shop, trial.clone()).await, Issued::of(&server, &shop, trial).await);
    first.file(&server, "board-7").await;
    second.checkout(&server, json!({"fingerprint": "board-7"})).await.expect_problem(409, "TRIAL_USED");
    assert_eq!(second.counted(&server).await, (0, 0));
}

async fn an_encrypted_file_is_for_its_machine_alone(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({})).await;
    let body = |more: Value| {
        let mut body = json!({"fingerprint": "board-1"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let refused = issued.checkout(&server, body(json!({"encrypt": true}))).await;
    let problem = refused.expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(
        problem["errors"][0],
        json!({"pointer": "/consumerKey", "code": "REQUIRED", "detail": problem["detail"]})
    );
    let refused = issued.checkout(&server, body(json!({"consumerKey": "no key"}))).await;
    refused.expect_problem(422, "CONSUMER_KEY_INVALID");
    let refused = issued.checkout(&server, body(json!({"consumerKeyAlg": "RSA-OAEP"}))).await;
    refused.expect_problem(422, "VALIDATION_FAILED");

    let (public, _) = crate::verifiers::consumer_key();
    let file = issued.checkout(&server, body(json!({"consumerKey": public}))).await.expect(201);
    assert_eq!((&file["encrypted"], token(&file).split('.').count()), (&json!(true), 5));
    // Encrypting is never the same twice; delivering is.
    let again = issued.checkout(&server, body(json!({"consumerKey": public}))).await.expect(200);
    assert_eq!(again["file"], file["file"]);
    let plain =
        issued.checkout(&server, body(json!({"consumerKey": public, "encrypt": false}))).await.expect(201);
    assert_eq!((&plain["encrypted"], token(&plain).split('.').count()), (&json!(false), 3));

    // The key that it activated with.
    Machine::activate_with(&server, &issued.key, "board-2", json!({"consumerKey": public})).await;
    let file = issued.checkout(&server, json!({"fingerprint": "board-2", "encrypt": true})).await.expect(201);
    assert_eq!(token(&file).split('.').count(), 5);
}

async fn what_was_not_signed_when_the_server_stopped_is_signed_later(backend: Backend) {
    use licentia_domain::database::Lane;
    use licentia_entity::license_file;
    use sea_orm::sea_query::Expr;
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({})).await;
    let file = issued.file(&server, "board-1").await;
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    license_file::Entity::update_many()
        .col_expr(license_file::Column::Content, Expr::value(None::<Vec<u8>>))
        .col_expr(license_file::Column::Kid, Expr::value(None::<String>))
        .exec(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let path = format!("/license-keys/{}/files/{}", issued.id, file["id"].as_str().unwrap());
    let again = futures_util::future::join_all((0..8).map(|_| server.admin_get(&path))).await;
    for reply in again {
        assert_eq!(reply.expect(200)["file"], file["file"]);
    }
}

async fn free_places_users_and_blocked_machines_count_as_ever(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let tier = json!({"productId": shop.product, "key": "lab", "name": "Lab", "features": ["edit"],
                      "freeEnvironments": {"ci": 1}, "maxActivations": 2});
    let tier = server.admin_post("/pricing-tiers", tier).await.expect(201)["id"].clone();
    let issued = Issued::of(&server, &shop, json!({"tierId": tier, "maxUsers": 1})).await;
    let file =
        issued.checkout(&server, json!({"fingerprint": "ci-1", "environment": "ci"})).await.expect(201);
    assert_eq!((&claims(&file)["free_environment"], issued.counted(&server).await), (&json!(true), (0, 0)));
    issued.checkout(&server, json!({"fingerprint": "a", "userRef": "ann"})).await.expect(201);
    let full = issued.checkout(&server, json!({"fingerprint": "b", "userRef": "bob"})).await;
    let full = full.expect_problem(409, "SEAT_LIMIT_REACHED");
    assert_eq!(full["seats"]["dimension"], "users");
    let machine = issued.checkout(&server, json!({"fingerprint": "b", "userRef": "ann"})).await.expect(201);
    let path = format!("/license-activations/{}/revoke", machine["activation"]["id"].as_str().unwrap());
    server.admin_post(&path, json!({})).await.expect(200);
    issued.checkout(&server, json!({"fingerprint": "b"})).await.expect_problem(403, "ACTIVATION_REVOKED");
    try_activate(&server, &issued.key, "c", json!({"userRef": "ann"}))
        .await
        .expect_problem(409, "SEAT_LIMIT_REACHED");
}
