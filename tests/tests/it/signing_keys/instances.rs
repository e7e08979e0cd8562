//! Several instances, restarts, and a database that is gone.

use licentia_domain::failure::Failure;
use licentia_domain::signing_keys::{Purpose, keep_up};
use licentia_types::problems::ProblemCode;

use super::*;

on_both![
    two_instances_rotate_once,
    two_who_rotate_at_the_same_instant_rotate_once,
    an_instance_learns_from_another,
    a_restart_in_the_middle_changes_nothing,
    without_the_database_keys_are_shown_and_do_not_sign_for_long,
    a_glance_at_the_keys_costs_no_statement,
];

async fn two_instances_rotate_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    for round in 1..=3 {
        server.clock.advance(30 * DAY);
        if round == 1 {
            tokio::join!(server.run_jobs(), other.run_jobs());
        } else {
            // Without the lease, as when one of them is slow and loses it.
            let (one, two) = tokio::join!(keep_up(&server.context), keep_up(&other.context));
            one.unwrap();
            two.unwrap();
        }
        let all = keys(&server).await;
        assert_eq!(all.iter().filter(|key| key["purpose"] == "token").count(), 2 + round);
        server.clock.advance(5);
        assert_eq!(server.signing_kid().await, other.signing_kid().await);
        assert_eq!(published(&server).await, published(&other).await);
    }
}

async fn two_who_rotate_at_the_same_instant_rotate_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    server.clock.advance(WAIT);
    rotate(&server).await.expect(200);
    // From here on the pending key is fresh: whoever comes second finds the rotation under way.
    let (one, two) = tokio::join!(rotate(&server), rotate(&other));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text, two.text);
    assert_eq!(keys(&server).await.len(), 8);
}

async fn an_instance_learns_from_another(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let mut machine = machine(&server).await;
    server.clock.advance(WAIT);
    assert_eq!(other.signing_kid().await, server.signing_kid().await);
    // A key that the other has never seen signs here.
    for _ in 0..2 {
        let active = kid(&server, "active").await;
        change(&server, &active, "revoke").await.expect(200);
    }
    machine.beat(&server).await;
    assert_eq!(disowned(&other, &machine.token).await, json!(["unknown_key"]), "it has just looked");
    server.clock.advance(1);
    assert_eq!(verdict(&other, &machine.token).await["code"], "VALID");
    assert_eq!(published(&other).await, published(&server).await);
    // What it does not ask for it learns after five seconds.
    let active = kid(&server, "active").await;
    change(&server, &active, "revoke").await.expect(200);
    server.clock.advance(4);
    assert_eq!(other.signing_kid().await, active);
    server.clock.advance(1);
    assert_eq!(other.signing_kid().await, server.signing_kid().await);
    machine.beat(&other).await;
    assert_eq!(verdict(&server, &machine.token).await["code"], "VALID");
}

async fn a_restart_in_the_middle_changes_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut machine = machine(&server).await;
    server.clock.advance(WAIT);
    rotate(&server).await.expect(200);
    let active = server.signing_kid().await;
    let next = rotate(&server).await.expect(200)["kid"].as_str().unwrap().to_owned();
    server.clock.advance(WAIT / 2);
    let restarted = server.another().await;
    assert_eq!(restarted.signing_kid().await, active);
    assert_eq!(published(&restarted).await, published(&server).await);
    let old = machine.token.clone();
    server.clock.advance(WAIT / 2 - 1);
    assert_eq!(restarted.signing_kid().await, active);
    server.clock.advance(1);
    for instance in [&server, &restarted] {
        assert_eq!(instance.signing_kid().await, next);
        machine.beat(instance).await;
        assert_eq!(signed_by(&machine), next);
        for token in [&old, &machine.token] {
            assert_eq!(verdict(instance, token).await["code"], "VALID");
        }
    }
    assert_eq!(keys(&server).await.len(), 8);
}

async fn without_the_database_keys_are_shown_and_do_not_sign_for_long(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (active, set) = (server.signing_kid().await, published(&server).await);
    server.context.db.clone().close().await.unwrap();
    let signer = async || server.context.token_key(server.context.moment().now).await;
    for seconds in [0, 5, 54] {
        server.clock.advance(seconds);
        assert_eq!(signer().await.unwrap().kid(), active);
        assert_eq!(published(&server).await, set);
    }
    server.clock.advance(1);
    let failure = signer().await.unwrap_err();
    assert!(matches!(failure, Failure::KeysUnread(Some(_))), "{failure:?}");
    assert_eq!(failure.code(), ProblemCode::Unavailable);
    assert!(server.context.document_key(server.context.moment().now).await.is_err());
    // What was public stays so, for as long as it takes.
    server.clock.advance(DAY);
    assert_eq!(published(&server).await, set);
    assert_eq!(server.get(&format!("/.well-known/keys/{active}.pem")).await.status, 200);
    let now = server.context.moment().now;
    assert!(server.context.verifying_key(Purpose::Token, &active, now).await.is_some());
}

async fn a_glance_at_the_keys_costs_no_statement(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.clock.advance(60);
    server.signing_kid().await;
    let before = server.context.db.statements();
    server.clock.advance(4);
    for _ in 0..100 {
        server.signing_kid().await;
        published(&server).await;
    }
    assert_eq!(server.context.db.statements(), before);
    // However many ask at once when it is old: one looks.
    server.clock.advance(DAY);
    let asking = (0..50).map(|_| {
        let context = std::sync::Arc::clone(&server.context);
        tokio::spawn(async move { context.token_key(context.moment().now).await.unwrap() })
    });
    for asked in asking.collect::<Vec<_>>() {
        asked.await.unwrap();
    }
    assert_eq!(server.context.db.statements(), before + 1);
    // Nor do names that nobody has: once a second.
    let now = server.context.moment().now;
    for _ in 0..50 {
        assert!(server.context.verifying_key(Purpose::Token, "nobody", now).await.is_none());
    }
    assert_eq!(server.context.db.statements(), before + 1);
}
