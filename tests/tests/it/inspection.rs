//! One of our tokens, explained.

use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_domain::database::Lane;
use licentia_entity::signing_key::{self, Purpose};
use licentia_tests::{Backend, Machine, Shop, TestServer, claims, on_both};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::status_lists::{change_license, machine};

on_both![
    a_licence_token_is_explained,
    a_token_that_has_ended_is_explained_all_the_same,
    an_older_token_is_told_from_the_newest,
    what_would_be_said_otherwise_now_is_told,
    the_status_of_its_place_is_told,
    an_encrypted_token_shows_its_header_only,
    other_documents_are_told_by_their_type,
    what_a_revoked_key_signed_is_not_believed,
    a_token_of_a_machine_that_is_not_known_is_explained_without_it,
    tokens_of_before_the_status_lists_are_good,
];

async fn inspect(server: &TestServer, token: &str) -> Value {
    server.admin_post("/tokens/inspect", json!({"token": token})).await.expect(200)
}

async fn a_licence_token_is_explained(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (license, machine) = machine(&server).await;
    let kid = jsonwebtoken::decode_header(&machine.token).unwrap().kid.unwrap();
    server.clock.advance(100);
    let at = |seconds: &Value| {
        json!(licentia_types::time::Timestamp::from_seconds(seconds.as_i64().unwrap()).to_string())
    };
    let said = machine.claims();
    let expected = json!({
        "type": "license_token",
        "header": {"alg": "RS256", "typ": "JWT", "kid": kid},
        "claims": said,
        "key": {"kid": kid, "state": "active"},
        "times": {
            "standing": "good", "issuedAt": at(&said["iat"]), "expiresAt": at(&said["exp"]), "expiresIn": 172_700,
            "refreshAfter": at(&said["refresh_after"]), "staleUntil": at(&said["stale_until"])
        },
        "machine": {
            "licenseId": license, "activationId": machine.activation, "newest": true, "drift": [], "status": "valid"
        }
    });
    assert_eq!(inspect(&server, &machine.token).await, expected);
    let stranger = server.post("/tokens/inspect", json!({"token": machine.token})).await;
    stranger.expect_problem(401, "UNAUTHENTICATED");
}

async fn a_token_that_has_ended_is_explained_all_the_same(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, machine) = machine(&server).await;
    for (passed, standing, left) in
        [(172_799, "good", 1), (1, "stale", 0), (431_999, "stale", -431_999), (1, "ended", -432_000)]
    {
        server.clock.advance(passed);
        let times = inspect(&server, &machine.token).await["times"].clone();
        assert_eq!((&times["standing"], &times["expiresIn"]), (&json!(standing), &json!(left)));
    }
    server.clock.advance(-700_000);
    assert_eq!(inspect(&server, &machine.token).await["times"]["standing"], "not_yet_valid");
}

async fn an_older_token_is_told_from_the_newest(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (license, mut machine) = machine(&server).await;
    let mut tokens = vec![machine.token.clone()];
    server.clock.advance(10);
    machine.beat(&server).await;
    tokens.push(machine.token.clone());
    server.clock.advance(10);
    let answer =
        server.admin_post(&format!("/license-keys/{license}/regenerate"), json!({})).await.expect(200);
    tokens.push(answer["tokens"][0]["token"].as_str().unwrap().to_owned());
    for last in [2, 3] {
        for (n, token) in tokens.iter().enumerate() {
            assert_eq!(inspect(&server, token).await["machine"]["newest"], n == last, "{n} of {last}");
        }
        server.clock.advance(10);
        machine.beat(&server).await;
        tokens.push(machine.token.clone());
    }
}

async fn what_would_be_said_otherwise_now_is_told(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (license, machine) = machine(&server).await;
    let path = format!("/license-keys/{license}");
    let request = server.admin(reqwest::Method::PUT, &path).header("if-match", "*");
    licentia_tests::Reply::of(request.json(&json!({"maxUsers": 7}))).await.expect(200);
    let drift = inspect(&server, &machine.token).await["machine"]["drift"].clone();
    assert_eq!(drift, json!([{"claim": "max_users", "issued": null, "now": 7}]));
}

async fn the_status_of_its_place_is_told(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (license, machine) = machine(&server).await;
    for (action, body, word) in [
        ("suspend", json!({}), "suspended"),
        ("reinstate", json!({}), "valid"),
        ("revoke", json!({"graceHours": 0}), "invalid"),
    ] {
        change_license(&server, &license, action, body).await;
        assert_eq!(inspect(&server, &machine.token).await["machine"]["status"], word);
    }
}

async fn an_encrypted_token_shows_its_header_only(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let key = KeyPair::generate(RsaKeyBits::Rsa2048).unwrap().public();
    let more = json!({"consumerKey": key.to_spki_pem()});
    let machine = Machine::activate_with(&server, issued["licenseKey"].as_str().unwrap(), "fp-1", more).await;
    let expected = json!({
        "type": "encrypted_license_token",
        "header": {"alg": "RSA-OAEP", "enc": "A256CBC-HS512", "cty": "JWT", "typ": "JWT", "kid": key.thumbprint()}
    });
    assert_eq!(inspect(&server, &machine.token).await, expected);
    // The same, encrypted to a key of which nobody knows.
    let stranger = KeyPair::generate(RsaKeyBits::Rsa2048).unwrap().public().to_spki_der();
    let stranger = licentia_crypto::jwe::ConsumerKey::from_spki_der(&stranger).unwrap();
    let foreign =
        stranger.encrypt(licentia_crypto::jwe::ConsumerKeyAlgorithm::RsaOaep, &machine.token).unwrap();
    let reply = server.admin_post("/tokens/inspect", json!({"token": foreign})).await;
    assert_eq!(reply.expect_problem(422, "TOKEN_INVALID")["reasons"], json!(["unknown_key"]));
}

async fn other_documents_are_told_by_their_type(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, machine) = machine(&server).await;
    let mut documents = vec![
        ("status_list", server.get("/status-lists/0").await.text),
        ("revocation_list", server.get("/api/v1/revocation/list").await.text),
    ];
    let signer = server.signer(Purpose::Document).await;
    for (kind, typ) in [
        ("grace", "grace+jwt"),
        ("license_file", "license-file+jwt"),
        ("activation_proof", "activation-proof+jwt"),
        ("audit_checkpoint", "audit-checkpoint+jwt"),
    ] {
        let mut said = machine.claims();
        said["aud"] = json!(format!("urn:licentia:{kind}:acme-desk"));
        documents.push((kind, signer.sign(&signer.prepare(typ), &said).unwrap()));
    }
    for (kind, document) in documents {
        let explained = inspect(&server, &document).await;
        assert_eq!(explained["type"], kind);
        assert_eq!(explained["claims"], claims(&document));
        assert_eq!(
            (&explained["key"]["state"], &explained["times"]["standing"]),
            (&json!("active"), &json!("good"))
        );
        assert!(explained.get("machine").is_none());
    }
}

async fn what_a_revoked_key_signed_is_not_believed(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, machine) = machine(&server).await;
    let kid = jsonwebtoken::decode_header(&machine.token).unwrap().kid.unwrap();
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    signing_key::Entity::update_many()
        .col_expr(signing_key::Column::RevokedAt, Expr::value(1))
        .filter(signing_key::Column::Kid.eq(kid))
        .exec(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let reply = server.admin_post("/tokens/inspect", json!({"token": machine.token})).await;
    assert_eq!(reply.expect_problem(422, "TOKEN_INVALID")["reasons"], json!(["revoked_key"]));
}

async fn a_token_of_a_machine_that_is_not_known_is_explained_without_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, machine) = machine(&server).await;
    let signer = server.signer(Purpose::Token).await;
    let mut said = machine.claims();
    said["activation_id"] = json!("act_01h455vb4pex5vsknk084sn02q");
    let explained = inspect(&server, &signer.sign(&signer.prepare("JWT"), &said).unwrap()).await;
    assert_eq!(explained["claims"], said);
    assert!(explained.get("machine").is_none());
}

async fn tokens_of_before_the_status_lists_are_good(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, machine) = machine(&server).await;
    let signer = server.signer(Purpose::Token).await;
    let mut said = machine.claims();
    said.as_object_mut().unwrap().remove("status");
    let token = signer.sign(&signer.prepare("JWT"), &said).unwrap();
    let verdict = server.post("/license-keys/validate", json!({"token": token})).await.expect(200);
    assert_eq!(verdict["code"], "VALID");
    let explained = inspect(&server, &token).await["machine"].clone();
    assert_eq!((&explained["newest"], explained.get("status")), (&json!(true), None));
    // A place that another server's list would have is no place of ours.
    for status in [
        json!({"status_list": {"idx": 0, "uri": "http://elsewhere.test/status-lists/0"}}),
        json!({"status_list": {"idx": 4_294_967_295_u32, "uri": said["iss"].as_str().unwrap().to_owned() + "/status-lists/0"}}),
    ] {
        said["status"] = status;
        let token = signer.sign(&signer.prepare("JWT"), &said).unwrap();
        assert_eq!(inspect(&server, &token).await["machine"].get("status"), None);
    }
}
