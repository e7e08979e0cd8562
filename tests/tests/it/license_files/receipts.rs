//! A file that was given back: the machine signed that it runs on it no more.

use licentia_tests::{Backend, TestServer, on_both, try_activate};

use super::*;

on_both![
    a_receipt_frees_the_seat,
    a_receipt_with_any_character_changed_is_refused,
    a_receipt_says_nothing_of_other_files,
    only_the_machine_that_asked_gives_back,
    receipts_have_a_budget,
    a_receipt_ends_the_wait_of_a_machine_that_was_deactivated,
];

async fn asked(server: &TestServer, issued: &Issued, offline: &Offline, fingerprint: &str) -> Value {
    let body = json!({"fingerprint": fingerprint, "publicKey": offline.jwk(), "renew": true});
    issued.checkout(server, body).await.expect(201)
}

async fn a_receipt_frees_the_seat(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let offline = Offline::new();
    let file = asked(&server, &issued, &offline, "board-1").await;
    let receipt = offline.receipt(&shop.slug, &[&file]);
    let gone = give_back(&server, &receipt.replace('\n', "\r\n")).await.expect(200);
    assert_eq!((&gone["status"], &gone["holdsSeat"]), (&json!("deactivated"), &json!(false)));
    assert_eq!((&gone["offlineUntil"], issued.counted(&server).await), (&Value::Null, (0, 0)));
    let own = format!("/license-keys/{}/files/{}", issued.id, file["id"].as_str().unwrap());
    assert!(server.admin_get(&own).await.expect(200)["returnedAt"].is_string());
    activate(&server, &issued, "other").await;
    // Again: nothing changes.
    assert_eq!(give_back(&server, &receipt).await.expect(200)["updatedAt"], gone["updatedAt"]);
    assert_eq!(issued.counted(&server).await, (1, 1));
    server.clock.advance(20);
    assert_eq!(crate::status_lists::value(&server, &token(&file)).await, 1);
}

async fn a_receipt_with_any_character_changed_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let offline = Offline::new();
    let file = asked(&server, &issued, &offline, "board-1").await;
    let receipt = offline.receipt(&shop.slug, &[&file]);
    let end = receipt.rfind("\n-----END").unwrap();
    for at in (0..end - 1).step_by(3) {
        let mut changed = receipt.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        if !receipt.as_bytes()[at].is_ascii_whitespace() {
            let reply = give_back(&server, &String::from_utf8(changed).unwrap()).await;
            assert!(matches!(reply.status, 404 | 422), "{at}: {}", reply.text);
        }
    }
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn a_receipt_says_nothing_of_other_files(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let offline = Offline::new();
    let (first, second) = (
        asked(&server, &issued, &offline, "board-1").await,
        asked(&server, &issued, &offline, "board-1").await,
    );
    let early = offline.receipt(&shop.slug, &[&first]);
    let held = give_back(&server, &early).await.expect(200);
    assert_eq!((&held["holdsSeat"], &held["seatFreesAt"]), (&json!(true), &second["expiresAt"]));
    try_activate(&server, &issued.key, "other", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    let freed = give_back(&server, &offline.receipt(&shop.slug, &[&second])).await.expect(200);
    assert_eq!(freed["holdsSeat"], false);
    // The machine comes back; what it signed before says nothing of its new file.
    asked(&server, &issued, &offline, "board-1").await;
    for old in [&early, &offline.receipt(&shop.slug, &[&first, &second])] {
        assert_eq!(give_back(&server, old).await.expect(200)["status"], "active");
    }
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn only_the_machine_that_asked_gives_back(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued) = begin(&server, json!({})).await;
    let (offline, stranger) = (Offline::new(), Offline::new());
    let file = asked(&server, &issued, &offline, "board-1").await;
    let own = asked(&server, &issued, &stranger, "board-2").await;
    give_back(&server, &stranger.receipt(&shop.slug, &[&file])).await.expect_problem(404, "NOT_FOUND");
    give_back(&server, &Offline::new().receipt(&shop.slug, &[&file])).await.expect_problem(404, "NOT_FOUND");
    give_back(&server, &offline.receipt("acme-cloud", &[&file]))
        .await
        .expect_problem(422, "VALIDATION_FAILED");
    give_back(&server, &offline.receipt(&shop.slug, &[])).await.expect_problem(404, "NOT_FOUND");
    // What is not his is left alone.
    give_back(&server, &stranger.receipt(&shop.slug, &[&file, &own])).await.expect(200);
    assert_eq!(machine(&server, &file["activation"]["id"]).await["status"], "active");
    for other in
        ["", "a.b.c", offline.request(&shop.slug, &json!({})).as_str(), file["file"].as_str().unwrap()]
    {
        give_back(&server, other).await.expect_problem(422, "VALIDATION_FAILED");
    }
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn receipts_have_a_budget(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued) = begin(&server, json!({"maxActivations": 1})).await;
    for round in 0..3 {
        let offline = Offline::new();
        let file = asked(&server, &issued, &offline, &format!("board-{round}")).await;
        let freed = give_back(&server, &offline.receipt(&shop.slug, &[&file])).await.expect(200);
        assert_eq!(freed["holdsSeat"], false);
    }
    let offline = Offline::new();
    let file = asked(&server, &issued, &offline, "board-3").await;
    let held = give_back(&server, &offline.receipt(&shop.slug, &[&file])).await.expect(200);
    assert_eq!((&held["holdsSeat"], &held["seatFreesAt"]), (&json!(true), &file["expiresAt"]));
    try_activate(&server, &issued.key, "other", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
}

async fn a_receipt_ends_the_wait_of_a_machine_that_was_deactivated(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let offline = Offline::new();
    let file = asked(&server, &issued, &offline, "board-1").await;
    assert_eq!(deactivate(&server, &file["activation"]["id"]).await["seatFreesAt"], file["expiresAt"]);
    let freed = give_back(&server, &offline.receipt(&shop.slug, &[&file])).await.expect(200);
    assert_eq!(
        (&freed["status"], &freed["holdsSeat"], &freed["seatFreesAt"]),
        (&json!("deactivated"), &json!(false), &Value::Null)
    );
    activate(&server, &issued, "other").await;
}
