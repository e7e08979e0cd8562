//! What the proof of an activation says, and what it is taken for.

use licentia_entity::signing_key::{self, Purpose};
use licentia_tests::{Backend, Machine, claims, on_both, try_activate};
use licentia_types::time::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::*;

on_both![
    a_proof_says_everything_that_binds_the_machine,
    a_proof_says_nothing_that_is_not_so,
    a_licence_key_alone_tells_no_address,
    another_proof_follows_another_activation,
    a_proof_ends_with_what_the_token_is_good_for,
    a_proof_is_no_licence_token,
    the_largest_proof_can_be_explained,
];

async fn proof_of(server: &TestServer, key: &str, fingerprint: &str, more: Value) -> (Value, String) {
    let reply = try_activate(server, key, fingerprint, more).await;
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
    let proof = reply.body["activationProof"].as_str().unwrap().to_owned();
    (reply.body, proof)
}

fn seconds(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<Timestamp>().unwrap().seconds()
}

async fn a_proof_says_everything_that_binds_the_machine(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let path = format!("/pricing-tiers/{}", shop.pro);
    let floating = json!({"activationModel": "floating", "freeEnvironments": {"ci": 1}});
    server.admin_put(&path, floating).await.expect(200);
    let customer = json!({"name": "Ann", "organization": "Acme \"Ltd\"", "email": "ann@example.com"});
    let (license, key) = license(&server, &shop, json!({"customer": customer})).await;
    approve(&server, &[build("Core", "a")]).await;
    let (public, _) = crate::verifiers::consumer_key();
    let more = json!({"instance": "pod-1", "hostname": "build-7", "environment": "ci", "productVersion": "2.4.1",
                      "userRef": "ann", "tenantRef": "acme", "consumerKey": public,
                      "assemblyManifest": [build("Core", "a")]});
    let (answer, proof) = proof_of(&server, &key, "fp-1", more).await;
    let machine = &answer["activation"];
    assert_eq!(answer["tokenType"], "JWE");
    let header = jsonwebtoken::decode_header(&proof).unwrap();
    let document_key = server.signer(Purpose::Document).await.kid().to_owned();
    assert_eq!((header.typ.as_deref(), header.kid), (Some("activation-proof+jwt"), Some(document_key)));
    let row: licentia_entity::activation::Model =
        licentia_entity::activation::Entity::find().one(&server.context.db).await.unwrap().unwrap();
    let shown = server.admin_get(&format!("/license-keys/{license}")).await.expect(200);
    // A token of the same machine says the same of it, where it says it.
    let (_, plain) = license_of(&server, &shop).await;
    let plain = Machine::activate(&server, &plain, "fp-1").await.claims();
    let said = claims(&proof);
    let issued = server.context.moment().now.seconds() - 60;
    let expected = json!({
        "iss": server.issuer, "sub": shown["customerId"], "aud": "urn:licentia:activation-proof:acme-desk",
        "iat": issued, "nbf": issued, "exp": seconds(&answer["staleUntil"]),
        "jti": format!("{}.{}.{}.proof", row.id, row.epoch, row.generation),
        "license_id": license, "licensee": {"name": "Ann", "organization": "Acme \"Ltd\""},
        "activation_id": machine["id"], "activated_at": seconds(&machine["createdAt"]),
        "kind": machine["kind"], "epoch": row.epoch,
        "fingerprint": licentia_crypto::digests::fingerprint_claim(&license, "fp-1"),
        "instance": machine["instance"], "hostname": machine["hostname"], "environment": machine["environment"],
        "free_environment": machine["freeEnvironment"] == "ci", "product_version": machine["productVersion"],
        "user_ref": machine["userRef"], "tenant_ref": machine["tenantRef"], "consumer_key": row.consumer_key,
        "status": said["status"],
        "assemblies": [{"name": "Core", "version": "2.4.1.0", "sha256": "a".repeat(64)}],
    });
    assert_eq!(said, expected);
    assert!(
        machine["hostname"].is_string() && row.consumer_key.is_some() && expected["free_environment"] == true
    );
    assert!(said["status"]["status_list"]["idx"].is_u64());
    assert_eq!(said["status"]["status_list"]["uri"], plain["status"]["status_list"]["uri"]);
}

async fn license_of(server: &TestServer, shop: &Shop) -> (String, String) {
    license(server, shop, json!({})).await
}

async fn a_proof_says_nothing_that_is_not_so(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (license, key) = license(&server, &shop, json!({})).await;
    let (answer, proof) = proof_of(&server, &key, "fp-1", json!({"proof": true})).await;
    let said = claims(&proof);
    let members: Vec<&str> = said.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "activated_at",
        "activation_id",
        "aud",
        "epoch",
        "exp",
        "fingerprint",
        "iat",
        "iss",
        "jti",
        "kind",
        "license_id",
        "nbf",
        "status",
        "sub",
    ];
    assert_eq!(members, expected);
    assert_eq!((&said["sub"], &said["kind"]), (&json!(license), &json!("online")));
    let token = claims(answer["token"].as_str().unwrap());
    for same in ["iss", "sub", "iat", "nbf", "license_id", "activation_id", "fingerprint", "status"] {
        assert_eq!(said[same], token[same], "{same}");
    }
    assert_eq!(said["exp"], token["stale_until"]);
    // Nobody gets one who does not ask.
    for more in [json!({}), json!({"proof": false}), json!({"assemblyManifest": null})] {
        assert!(try_activate(&server, &key, "fp-1", more).await.expect(200).get("activationProof").is_none());
    }
}

async fn a_licence_key_alone_tells_no_address(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for (customer, expected) in [
        (json!({"name": "Ann", "email": "ann@example.com"}), json!({"name": "Ann"})),
        (json!({"organization": "Acme", "email": "it@example.com"}), json!({"organization": "Acme"})),
        (json!({"email": "somebody@example.com"}), Value::Null),
    ] {
        let email = customer["email"].clone();
        let (id, key) = license(&server, &shop, json!({"customer": customer})).await;
        let (answer, proof) = proof_of(&server, &key, "fp-1", json!({"proof": true})).await;
        let said = claims(&proof);
        assert_eq!(said["licensee"], expected);
        assert!(!format!("{answer} {said}").contains(email.as_str().unwrap()), "{said}");
        // Whoever may read customers has it in the file that he checks out.
        let path = format!("/license-keys/{id}/checkout");
        let file = server.admin_post(&path, json!({"fingerprint": "fp-2", "ttlDays": 30})).await.expect(201);
        let file = json!({"token": file["file"]});
        let file = server.admin_post("/tokens/inspect", file).await.expect(200);
        assert_eq!(file["claims"]["licensee"]["email"], email);
    }
}

async fn another_proof_follows_another_activation(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (_, key) = license(&server, &shop, json!({})).await;
    let (_, first) = proof_of(&server, &key, "fp-1", json!({"proof": true, "hostname": "old"})).await;
    server.clock.advance(100);
    let (_, second) = proof_of(&server, &key, "fp-1", json!({"proof": true, "hostname": "new"})).await;
    let (first, second) = (claims(&first), claims(&second));
    for same in ["activation_id", "activated_at", "fingerprint", "status"] {
        assert_eq!(first[same], second[same], "{same}");
    }
    assert_eq!(second["epoch"].as_i64().unwrap() - first["epoch"].as_i64().unwrap(), 100);
    assert_ne!(first["jti"], second["jti"]);
    assert_eq!((&first["hostname"], &second["hostname"]), (&json!("old"), &json!("new")));
}

async fn a_proof_ends_with_what_the_token_is_good_for(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (_, ending) = license(&server, &shop, json!({"validDays": 1})).await;
    let (_, lasting) = license(&server, &shop, json!({})).await;
    let now = server.context.moment().now.seconds();
    for (key, life) in [(&ending, 86_400), (&lasting, 7 * 86_400)] {
        let (answer, proof) = proof_of(&server, key, "fp-1", json!({"proof": true})).await;
        let said = claims(&proof);
        assert_eq!(said["exp"], now + life);
        assert_eq!(said["exp"], seconds(&answer["staleUntil"]));
        let kid = jsonwebtoken::decode_header(&proof).unwrap().kid.unwrap();
        let row = signing_key::Entity::find().filter(signing_key::Column::Kid.eq(kid));
        let row = row.one(&server.context.db).await.unwrap().unwrap();
        assert!(row.signs_until.seconds() >= now + life, "the key is not retired before");
    }
    // Of a floating machine it is the lease.
    let path = format!("/pricing-tiers/{}", shop.pro);
    server.admin_put(&path, json!({"activationModel": "floating", "lease": 900})).await.expect(200);
    let (_, proof) = proof_of(&server, &lasting, "fp-1", json!({"proof": true})).await;
    assert_eq!(claims(&proof)["exp"], now + 900);
}

async fn a_proof_is_no_licence_token(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (_, key) = license(&server, &shop, json!({})).await;
    let (_, proof) = proof_of(&server, &key, "fp-1", json!({"proof": true})).await;
    let problem = server.post("/license-keys/validate", json!({"token": proof})).await;
    assert_eq!(problem.expect_problem(422, "TOKEN_INVALID")["reasons"], json!(["header"]));
    let explained = server.admin_post("/tokens/inspect", json!({"token": proof})).await.expect(200);
    assert_eq!((&explained["type"], &explained["claims"]), (&json!("activation_proof"), &claims(&proof)));
    assert_eq!(explained["times"]["standing"], "good");
    server.clock.advance(7 * 86_400);
    let explained = server.admin_post("/tokens/inspect", json!({"token": proof})).await.expect(200);
    assert_eq!(explained["times"]["standing"], "ended");
}

async fn the_largest_proof_can_be_explained(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let customer = json!({"name": "\"".repeat(200), "organization": "\"".repeat(200)});
    let (_, key) = license(&server, &shop, json!({"customer": customer})).await;
    let builds: Vec<Value> = (0..255).map(|n| build(&format!("{n:0>4}"), "a")).collect();
    approve(&server, &builds).await;
    let quotes = |count| "\"".repeat(count);
    let more = json!({"assemblyManifest": builds, "hostname": quotes(255), "environment": quotes(64),
                      "productVersion": quotes(64), "userRef": quotes(255), "tenantRef": quotes(255)});
    let (_, proof) = proof_of(&server, &key, &quotes(512), more).await;
    let listed = serde_json::to_vec(&claims(&proof)["assemblies"]).unwrap().len();
    assert!((28_000..=28 * 1_024).contains(&listed), "{listed}");
    assert!(proof.len() <= 48 * 1_024, "{}", proof.len());
    let explained = server.admin_post("/tokens/inspect", json!({"token": proof})).await.expect(200);
    assert_eq!(explained["claims"], claims(&proof));
    // Of no other kind is so much looked at.
    let signer = server.signer(Purpose::Document).await;
    for (typ, size, reason) in [
        ("grace+jwt", 13_000, "too_large"),
        ("JWT", 13_000, "too_large"),
        ("activation-proof+jwt", 37_000, "too_large"),
    ] {
        let mut said = claims(&proof);
        said["assemblies"] = json!("x".repeat(size));
        let token = signer.sign(&signer.prepare(typ), &said).unwrap();
        let reply = server.admin_post("/tokens/inspect", json!({"token": token})).await;
        assert_eq!(reply.expect_problem(422, "TOKEN_INVALID")["reasons"], json!([reason]), "{typ}");
    }
}
