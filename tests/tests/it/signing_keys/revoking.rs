//! A key that leaked is not believed any more.

use licentia_domain::signing_keys::revoked_kids;
use licentia_entity::revocation_generation;

use super::*;

on_both![
    a_revoked_key_is_gone_at_once_and_the_pending_one_signs,
    revoking_again_changes_nothing,
    two_who_revoke_at_once_get_by_with_one_connection,
    a_revoked_pending_key_is_replaced,
    the_former_key_goes_on_when_its_successor_is_revoked,
    the_successor_signs_at_once_when_the_former_key_is_revoked,
    keys_of_every_state_and_purpose_can_be_revoked,
];

async fn generation(server: &TestServer) -> i64 {
    let row = revocation_generation::Entity::find().one(&server.context.db).await.unwrap();
    row.unwrap().generation
}

async fn revoked(server: &TestServer) -> Vec<String> {
    revoked_kids(&server.context.db).await.unwrap()
}

async fn a_revoked_key_is_gone_at_once_and_the_pending_one_signs(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut machine = machine(&server).await;
    let (leaked, next) = (kid(&server, "active").await, kid(&server, "pending").await);
    let (before, token) = (generation(&server).await, machine.token.clone());
    assert!(revoked(&server).await.is_empty());

    let path = format!("/signing-keys/{leaked}/revoke");
    let answer = server.admin_post(&path, json!({"reason": "a backup was lost"})).await.expect(200);
    assert_eq!((&answer["state"], &answer["reason"]), (&json!("revoked"), &json!("a backup was lost")));
    assert_eq!(generation(&server).await, before + 1);
    assert_eq!(revoked(&server).await, std::slice::from_ref(&leaked));
    let set = published(&server).await;
    assert!(!set.contains(&leaked) && set.contains(&next) && set.len() == 4, "{set:?}");
    server.get(&format!("/.well-known/keys/{leaked}.pem")).await.expect_problem(404, "NOT_FOUND");
    assert_eq!(disowned(&server, &token).await, json!(["unknown_key"]));

    machine.beat(&server).await;
    assert_eq!((signed_by(&machine), kid(&server, "active").await), (next.clone(), next.clone()));
    assert_eq!(verdict(&server, &machine.token).await["code"], "VALID");
    assert_ne!(kid(&server, "pending").await, next);
}

async fn revoking_again_changes_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let leaked = kid(&server, "active").await;
    let first = change(&server, &leaked, "revoke").await.expect(200);
    let (before, all) = (generation(&server).await, keys(&server).await);
    server.clock.advance(60);
    let path = format!("/signing-keys/{leaked}/revoke");
    assert_eq!(server.admin_post(&path, json!({"reason": "again"})).await.expect(200), first);
    assert_eq!((generation(&server).await, keys(&server).await), (before, all));
    change(&server, &leaked, "retire").await.expect_problem(409, "STATE_CONFLICT");
    assert_eq!(told(&server).await.0.len(), 1);

    // At the same instant: once.
    let leaked = kid(&server, "active").await;
    let (one, other) = tokio::join!(change(&server, &leaked, "revoke"), change(&server, &leaked, "revoke"));
    assert_eq!(one.expect(200), other.expect(200));
    assert_eq!((generation(&server).await, keys(&server).await.len()), (before + 1, 8));
    key(&server, "token", "pending").await;
}

async fn two_who_revoke_at_once_get_by_with_one_connection(backend: Backend) {
    let server = TestServer::start(backend).await;
    let narrow = another_with_one_connection(&server).await;
    for purpose in ["token", "document", "session"] {
        let leaked = key(&server, purpose, "active").await["kid"].as_str().unwrap().to_owned();
        let (one, two) = tokio::join!(change(&narrow, &leaked, "revoke"), change(&narrow, &leaked, "revoke"));
        assert_eq!(one.expect(200), two.expect(200));
        key(&server, purpose, "pending").await;
    }
}

async fn a_revoked_pending_key_is_replaced(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (active, pending) = (kid(&server, "active").await, kid(&server, "pending").await);
    change(&server, &pending, "revoke").await.expect(200);
    assert_eq!(kid(&server, "active").await, active);
    let replacement = kid(&server, "pending").await;
    assert!(replacement != pending && !published(&server).await.contains(&pending));
}

async fn the_former_key_goes_on_when_its_successor_is_revoked(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.clock.advance(WAIT);
    rotate(&server).await.expect(200);
    let active = kid(&server, "active").await;
    let next = rotate(&server).await.expect(200)["kid"].as_str().unwrap().to_owned();
    change(&server, &next, "revoke").await.expect(200);
    server.clock.advance(2 * WAIT);
    let going_on = key(&server, "token", "active").await;
    assert_eq!((going_on["kid"].as_str(), going_on.get("retiringFrom")), (Some(active.as_str()), None));
    assert_eq!(server.signing_kid().await, active);
    let waiting = kid(&server, "pending").await;
    assert_eq!(rotate(&server).await.expect(200)["kid"], waiting);
}

async fn the_successor_signs_at_once_when_the_former_key_is_revoked(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.clock.advance(WAIT);
    rotate(&server).await.expect(200);
    let active = kid(&server, "active").await;
    let next = rotate(&server).await.expect(200);
    assert_eq!(next["state"], "pending");
    change(&server, &active, "revoke").await.expect(200);
    assert_eq!(key(&server, "token", "active").await["kid"], next["kid"]);
    assert_eq!(server.signing_kid().await, next["kid"].as_str().unwrap());
}

async fn keys_of_every_state_and_purpose_can_be_revoked(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.clock.advance(WAIT);
    rotate(&server).await.expect(200);
    let retiring = kid(&server, "retiring").await;
    server.clock.advance(120);
    change(&server, &retiring, "retire").await.expect(200);
    let mut gone = vec![retiring];
    for (purpose, state) in
        [("session", "active"), ("document", "active"), ("token", "active"), ("session", "pending")]
    {
        gone.push(key(&server, purpose, state).await["kid"].as_str().unwrap().to_owned());
    }
    for kid in &gone {
        assert_eq!(change(&server, kid, "revoke").await.expect(200)["state"], "revoked");
    }
    // Nobody but the server verifies sessions.
    let mut told = gone.clone();
    told.retain(|kid| ![&gone[1], &gone[4]].contains(&kid));
    told.sort();
    assert_eq!(revoked(&server).await, told);
    for purpose in ["token", "document", "session"] {
        key(&server, purpose, "active").await;
        key(&server, purpose, "pending").await;
    }
}
