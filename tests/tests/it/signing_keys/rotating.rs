//! One key takes over from another, by hand and by itself.

use licentia_domain::database::Lane;
use licentia_domain::signing_keys::{Purpose, keep_up};
use licentia_types::time::Timestamp;
use sea_orm::ConnectionTrait;

use super::*;

on_both![
    a_key_signs_no_sooner_than_every_verifier_knows_it,
    a_key_that_waited_for_long_takes_over_at_once,
    each_purpose_rotates_by_itself,
    keys_rotate_when_their_time_has_come,
    a_pinned_key_stays,
    a_key_retires_after_its_last_token,
    a_retired_key_that_got_lost_makes_no_good_token,
    taking_the_active_key_out_of_service_is_a_rotation,
    a_missing_pending_key_is_made,
    what_fails_for_one_purpose_leaves_no_other_undone,
    every_change_is_written_down,
];

async fn a_key_signs_no_sooner_than_every_verifier_knows_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut machine = machine(&server).await;
    let (former, next) = (kid(&server, "active").await, kid(&server, "pending").await);
    // The pending key is as old as the template; the one after it is fresh.
    server.clock.advance(WAIT);
    assert_eq!(rotate(&server).await.expect(200)["state"], "active");
    let fresh = key(&server, "token", "pending").await;
    assert_ne!(fresh["kid"], next);
    server.clock.advance(10);
    let rotated = rotate(&server).await.expect(200);
    assert_eq!((&rotated["kid"], &rotated["state"]), (&fresh["kid"], &json!("pending")));
    let problem = rotate(&server).await.expect_problem(409, "STATE_CONFLICT");
    assert!(problem["detail"].as_str().unwrap().contains(rotated["activeFrom"].as_str().unwrap()));
    change(&server, &next, "retire").await.expect_problem(409, "STATE_CONFLICT");

    server.clock.advance(WAIT - 11);
    machine.beat(&server).await;
    assert_eq!(signed_by(&machine), next);
    server.clock.advance(1);
    machine.beat(&server).await;
    assert_eq!(json!(signed_by(&machine)), fresh["kid"]);
    let retiring: Vec<_> = keys(&server).await.into_iter().filter(|key| key["state"] == "retiring").collect();
    assert_eq!(retiring.len(), 2);
    // All that may have signed or will sign is in the key set, and as PEM.
    let set = published(&server).await;
    assert_eq!(set.len(), 4 + 2, "{set:?}");
    for kid in [&former, &next, &signed_by(&machine), &kid(&server, "pending").await] {
        assert!(set.contains(kid));
        assert_eq!(server.get(&format!("/.well-known/keys/{kid}.pem")).await.status, 200);
    }
    rotate(&server).await.expect(200);
}

async fn a_key_that_waited_for_long_takes_over_at_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut machine = machine(&server).await;
    let (former, next) = (kid(&server, "active").await, kid(&server, "pending").await);
    let etag = server.get("/.well-known/jwks.json").await.header("etag").to_owned();
    server.clock.advance(WAIT);
    let old = machine.token.clone();
    let rotated = rotate(&server).await.expect(200);
    assert_eq!((rotated["kid"].as_str(), rotated["state"].as_str()), (Some(next.as_str()), Some("active")));
    assert_ne!(server.get("/.well-known/jwks.json").await.header("etag"), etag);
    machine.beat(&server).await;
    assert_eq!((signed_by(&machine), kid(&server, "retiring").await), (next, former));
    for token in [&old, &machine.token] {
        assert_eq!(verdict(&server, token).await["code"], "VALID");
    }
}

async fn each_purpose_rotates_by_itself(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.clock.advance(WAIT);
    for purpose in ["document", "session"] {
        let next = key(&server, purpose, "pending").await["kid"].clone();
        let set = published(&server).await.len();
        let rotated =
            server.admin_post("/signing-keys/rotate", json!({"purpose": purpose})).await.expect(200);
        assert_eq!(
            (&rotated["kid"], &rotated["purpose"], &rotated["state"]),
            (&next, &json!(purpose), &json!("active"))
        );
        // A session's keys are nobody's business.
        assert_eq!(published(&server).await.len() - set, usize::from(purpose == "document"));
    }
    let now = server.context.moment().now;
    let document = server.context.document_key(now).await.unwrap().kid().to_owned();
    assert_eq!(key(&server, "document", "active").await["kid"], document);
    assert!(keys(&server).await.iter().all(|key| key["purpose"] != "token" || key["state"] != "retiring"));
    Reply::of(server.admin(reqwest::Method::POST, "/signing-keys/rotate")).await.expect(200);
    assert_eq!(keys(&server).await.len(), 9);
}

async fn keys_rotate_when_their_time_has_come(backend: Backend) {
    let server = TestServer::start(backend).await;
    let active = key(&server, "token", "active").await;
    let first = active["kid"].as_str().unwrap();
    let since: Timestamp = active["activeFrom"].as_str().unwrap().parse().unwrap();
    let age = server.context.moment().now.seconds() - since.seconds();
    server.clock.advance(30 * DAY - 60 - age);
    server.run_jobs().await;
    assert_eq!(kid(&server, "active").await, first);
    server.clock.advance(60 + 1);
    server.run_jobs().await;
    let second = kid(&server, "active").await;
    assert_ne!(second, first);
    server.clock.advance(60);
    server.run_jobs().await;
    assert_eq!(kid(&server, "active").await, second, "once");
    server.clock.advance(335 * DAY);
    server.run_jobs().await;
    assert_ne!(kid(&server, "active").await, second);
    for purpose in ["document", "session"] {
        key(&server, purpose, "active").await;
    }
    let documents = keys(&server).await.into_iter().filter(|key| key["purpose"] == "document").count();
    assert_eq!(documents, 3, "after a year");
}

async fn a_pinned_key_stays(backend: Backend) {
    let settings = [("SIGNING_KEYS__ROTATION_DAYS", "1"), ("SIGNING_KEYS__DOCUMENT_ROTATION_DAYS", "0")];
    let server = TestServer::start_with(backend, &settings).await;
    for _ in 0..3 {
        server.clock.advance(400 * DAY);
        server.run_jobs().await;
    }
    let count =
        async |purpose: &str| keys(&server).await.iter().filter(|key| key["purpose"] == purpose).count();
    assert_eq!((count("token").await, count("session").await, count("document").await), (5, 5, 2));
}

async fn a_key_retires_after_its_last_token(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    let pending = kid(&server, "pending").await;
    change(&server, &pending, "retire").await.expect_problem(409, "STATE_CONFLICT");
    server.clock.advance(WAIT);
    rotate(&server).await.expect(200);
    let former = key(&server, "token", "retiring").await;
    let kid = former["kid"].as_str().unwrap();
    let signs_until: Timestamp = former["signsUntil"].as_str().unwrap().parse().unwrap();
    assert!(signs_until.seconds() >= machine.claims()["stale_until"].as_i64().unwrap());

    let problem = change(&server, kid, "retire").await.expect_problem(409, "STATE_CONFLICT");
    assert!(
        problem["detail"].as_str().unwrap().contains(former["signsUntil"].as_str().unwrap()),
        "{problem}"
    );
    server.clock.advance(signs_until.seconds() - server.context.moment().now.seconds() + 119);
    change(&server, kid, "retire").await.expect_problem(409, "STATE_CONFLICT");
    server.run_jobs().await;
    assert!(published(&server).await.iter().any(|published| published == kid));
    server.clock.advance(60);
    server.run_jobs().await;
    let retired = key(&server, "token", "retired").await;
    assert_eq!((retired["kid"].as_str(), retired.get("retiredAt").is_some()), (Some(kid), true));
    assert!(!published(&server).await.iter().any(|published| published == kid));
    server.get(&format!("/.well-known/keys/{kid}.pem")).await.expect_problem(404, "NOT_FOUND");
    let reasons = verdict(&server, &machine.token).await["reasons"].clone();
    assert_eq!(reasons, json!(["TOKEN_INVALID", "expired"]), "it still knows its own");
    assert_eq!(change(&server, kid, "retire").await.expect(200)["retiredAt"], retired["retiredAt"]);
}

async fn a_retired_key_that_got_lost_makes_no_good_token(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    let (kid, lost) = (signed_by(&machine), server.signer(Purpose::Token).await);
    let mut claims = machine.claims();
    for (name, days) in [("refresh_after", 3650), ("exp", 3651), ("stale_until", 3652)] {
        claims[name] = json!(claims["iat"].as_i64().unwrap() + days * DAY);
    }
    let forged = lost.sign(&lost.prepare("JWT"), &claims).unwrap();
    server.clock.advance(WAIT);
    rotate(&server).await.expect(200);
    // A key that is in the key set is believed; who has it has everything until it is revoked.
    assert_eq!(verdict(&server, &forged).await["code"], "VALID");
    server.clock.advance(30 * DAY);
    change(&server, &kid, "retire").await.expect(200);
    for instance in [&server, &server.another().await] {
        let verdict = verdict(instance, &forged).await;
        assert_eq!(
            (&verdict["valid"], &verdict["reasons"]),
            (&json!(false), &json!(["TOKEN_INVALID", "expired"]))
        );
        let inspected = instance.admin_post("/tokens/inspect", json!({"token": forged})).await.expect(200);
        assert_eq!(
            (&inspected["key"]["state"], &inspected["times"]["standing"]),
            (&json!("retired"), &json!("ended"))
        );
    }
}

async fn taking_the_active_key_out_of_service_is_a_rotation(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (former, next) = (kid(&server, "active").await, kid(&server, "pending").await);
    server.clock.advance(WAIT);
    let answer = change(&server, &former, "retire").await.expect(200);
    assert_eq!((answer["kid"].as_str(), answer["state"].as_str()), (Some(former.as_str()), Some("retiring")));
    assert_eq!(kid(&server, "active").await, next);
    // It signed nothing: two minutes later nothing needs it.
    change(&server, &former, "retire").await.expect_problem(409, "STATE_CONFLICT");
    server.clock.advance(120);
    assert_eq!(change(&server, &former, "retire").await.expect(200)["state"], "retired");
}

async fn a_missing_pending_key_is_made(backend: Backend) {
    let server = TestServer::start(backend).await;
    let pending = kid(&server, "pending").await;
    licentia_entity::signing_key::Entity::delete_by_id(pending)
        .exec(&server.context.db.write(Lane::Ordinary).await.unwrap())
        .await
        .unwrap();
    server.clock.advance(60);
    server.run_jobs().await;
    key(&server, "token", "pending").await;
}

async fn what_fails_for_one_purpose_leaves_no_other_undone(backend: Backend) {
    let server = TestServer::start(backend).await;
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    tx.execute_unprepared(
        "CREATE UNIQUE INDEX only_one ON signing_key (purpose) WHERE purpose = 'token' AND active_from IS NOT NULL",
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let (token, session) = (kid(&server, "pending").await, key(&server, "session", "pending").await);
    server.clock.advance(31 * DAY);
    keep_up(&server.context).await.unwrap_err();
    assert_eq!(kid(&server, "pending").await, token);
    assert_eq!(key(&server, "session", "active").await["kid"], session["kid"]);
}

async fn every_change_is_written_down(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (first, second) = (kid(&server, "active").await, kid(&server, "pending").await);
    server.clock.advance(WAIT);
    rotate(&server).await.expect(200);
    server.clock.advance(120);
    change(&server, &first, "retire").await.expect(200);
    change(&server, &second, "revoke").await.expect(200);
    server.clock.advance(30 * DAY);
    server.run_jobs().await;
    let (audited, events) = told(&server).await;
    let audited: Vec<_> =
        audited.iter().map(|(who, what, whom)| (who.as_str(), what.as_str(), whom.as_str())).collect();
    assert_eq!(
        audited[..3],
        [
            ("api_key", "signing_key.rotated", second.as_str()),
            ("api_key", "signing_key.retired", first.as_str()),
            ("api_key", "signing_key.revoked", second.as_str()),
        ]
    );
    assert!(audited[3..].iter().all(|(who, ..)| *who == "system") && audited.len() > 3);
    let whats: Vec<_> =
        audited.iter().map(|(_, what, whom)| ((*what).to_owned(), (*whom).to_owned())).collect();
    assert_eq!(events, whats);
}
