//! A request file that the machine itself made, and signed.

use licentia_tests::{Backend, TestServer, on_both};

use super::*;

on_both![
    a_request_file_becomes_a_licence_file,
    a_request_file_with_any_character_changed_is_refused,
    a_request_for_something_else_is_refused,
    a_request_describes_its_machine_alone,
];

async fn a_request_file_becomes_a_licence_file(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued) = begin(&server, json!({})).await;
    let offline = Offline::new();
    let (public, _) = crate::verifiers::consumer_key();
    let more = json!({"hostname": "press-3", "product_version": "2.1", "license_key": issued.key, "iat": 5});
    let request = offline.request(&shop.slug, &more);
    let file = issued.checkout(&server, json!({"request": request, "ttlDays": 90})).await.expect(201);
    assert_eq!(claims(&file)["cnf"], json!({"jkt": offline.thumbprint()}));
    assert_eq!(
        (&file["activation"]["fingerprint"], &file["activation"]["hostname"]),
        (&json!("board-1"), &json!("press-3"))
    );
    let mailed = request.replace('\n', "\r\n");
    let again = issued.checkout(&server, json!({"request": mailed, "ttlDays": 90})).await.expect(200);
    assert_eq!(again["file"], file["file"]);

    let request = offline.request(&shop.slug, &json!({"fingerprint": "board-2", "consumer_key": public}));
    let file = issued.checkout(&server, json!({"request": request})).await.expect(201);
    assert_eq!((&file["encrypted"], token(&file).split('.').count()), (&json!(true), 5));
}

async fn a_request_file_with_any_character_changed_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued) = begin(&server, json!({})).await;
    let request = Offline::new().request(&shop.slug, &json!({}));
    let end = request.rfind("\n-----END").unwrap();
    // The very last character of a signature has bits that mean nothing.
    for at in (0..end - 1).step_by(3) {
        let mut changed = request.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let body = json!({"request": String::from_utf8(changed).unwrap()});
        let reply = issued.checkout(&server, body).await;
        if !request.as_bytes()[at].is_ascii_whitespace() {
            let problem = reply.expect_problem(422, "VALIDATION_FAILED");
            assert_eq!(problem["errors"][0]["pointer"], "/request", "{at}");
        }
    }
    assert_eq!(issued.counted(&server).await, (0, 0));
}

async fn a_request_for_something_else_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued) = begin(&server, json!({})).await;
    let other = Issued::of(&server, &shop, json!({})).await;
    let offline = Offline::new();
    let of_other = offline.request(&shop.slug, &json!({"license_key": other.key}));
    let misspelt = offline.request(&shop.slug, &json!({"license_key": "ACME-00000-00000-00000-00000-00001"}));
    let strange = offline.request(&shop.slug, &json!({"admin": true}));
    let mut without_key = offline.receipt(&shop.slug, &[]);
    without_key = without_key.replace("DEACTIVATION RECEIPT", "LICENSE REQUEST");
    for request in [
        offline.request("acme-cloud", &json!({})),
        of_other,
        misspelt,
        strange,
        without_key,
        String::new(),
        "-----BEGIN LICENSE REQUEST-----\n-----END LICENSE REQUEST-----".to_owned(),
    ] {
        let problem = issued
            .checkout(&server, json!({"request": request}))
            .await
            .expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/request");
    }
    assert_eq!(issued.counted(&server).await, (0, 0));
}

async fn a_request_describes_its_machine_alone(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued) = begin(&server, json!({})).await;
    let request = Offline::new().request(&shop.slug, &json!({}));
    for (member, value) in [
        ("fingerprint", json!("other")),
        ("userRef", json!("ann")),
        ("consumerKey", json!("PEM")),
        ("publicKey", Offline::new().jwk()),
    ] {
        let body = json!({"request": request, member: value});
        let problem = issued.checkout(&server, body).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{member}"));
    }
    let private = json!({"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"});
    let body = json!({"fingerprint": "a", "publicKey": private});
    let problem = issued.checkout(&server, body).await.expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["pointer"], "/publicKey");
}
