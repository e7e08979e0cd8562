//! An instance whose database does not answer, while that of another one does.

use licentia_domain::failure::Failure;
use licentia_domain::signing_keys::Purpose;
use licentia_types::problems::ProblemCode;
use licentia_types::time::{Seconds, Timestamp};
use sea_orm::{DatabaseTransaction, TransactionTrait};

use super::*;

on_both![nobody_queues_behind_a_database_that_hangs, an_instance_that_missed_a_rotation_misleads_no_cache,];

/// Takes the only connection, until it is rolled back.
async fn hang(server: &TestServer) -> DatabaseTransaction {
    server.context.db.schema().begin().await.unwrap()
}

async fn nobody_queues_behind_a_database_that_hangs(backend: Backend) {
    let server = TestServer::start(backend).await;
    let cut_off = another_with_one_connection(&server).await;
    let now = cut_off.context.moment().now;
    let held = hang(&cut_off).await;
    let before = cut_off.context.db.statements();
    let ask = async |later: i64| {
        let now = now + Seconds::try_from(later).unwrap();
        cut_off.context.verifying_key(Purpose::Token, "nobody", now).await.is_some()
    };
    // A second apart, so that each would look for itself.
    assert_eq!(tokio::join!(ask(1), ask(2), ask(3), ask(4)), (false, false, false, false));
    assert_eq!(cut_off.context.db.statements(), before + 1);

    let signer = cut_off.context.token_key(now + Seconds::constant(60)).await;
    let Err(Failure::KeysUnread(Some(cause))) = signer else { panic!("{signer:?}") };
    assert!(matches!(*cause, Failure::Unanswered), "{cause:?}");
    assert_eq!(cause.code(), ProblemCode::Unavailable);
    held.rollback().await.unwrap();
    cut_off.context.token_key(now + Seconds::constant(61)).await.unwrap();
}

/// Until when a cache may keep the key set that it gets from an instance now.
async fn kept_until(instance: &TestServer) -> (i64, Vec<String>) {
    let caching = instance.get("/.well-known/jwks.json").await.header("cache-control").to_owned();
    let age: i64 = if let Some(seconds) = caching.strip_prefix("public, max-age=") {
        seconds.parse().unwrap()
    } else {
        assert_eq!(caching, "no-cache");
        0
    };
    (instance.context.moment().now.seconds() + age, published(instance).await)
}

/// Wherever a verifier got the key set from: by the time that a key signs, it asks again.
async fn an_instance_that_missed_a_rotation_misleads_no_cache(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (other, cut_off) = tokio::join!(server.another(), another_with_one_connection(&server));
    server.clock.advance(WAIT);
    for instance in [&other, &cut_off] {
        published(instance).await;
    }
    let held = hang(&cut_off).await;
    // The key that waits is fresh now, and neither of the others has seen it.
    rotate(&server).await.expect(200);
    let former = server.signing_kid().await;
    let rotated = rotate(&server).await.expect(200);
    let next = rotated["kid"].as_str().unwrap().to_owned();
    let takes_over: Timestamp = rotated["activeFrom"].as_str().unwrap().parse().unwrap();
    for seconds in [0, 59, 1, 240] {
        server.clock.advance(seconds);
        for instance in [&other, &cut_off] {
            let (until, set) = kept_until(instance).await;
            assert!(set.contains(&next) || until < takes_over.seconds(), "{until} {takes_over}");
            if let Ok(signer) = instance.context.token_key(instance.context.moment().now).await {
                assert_ne!(signer.kid(), next);
            }
        }
    }
    let now = server.context.moment().now;
    assert!(!published(&cut_off).await.contains(&next) && published(&other).await.contains(&next));
    cut_off.context.token_key(now).await.unwrap_err();

    held.rollback().await.unwrap();
    server.clock.advance(takes_over.seconds() - now.seconds() - 1);
    for instance in [&server, &other, &cut_off] {
        let (until, set) = kept_until(instance).await;
        assert!(set.contains(&next) && until > takes_over.seconds());
        assert_eq!(instance.signing_kid().await, former);
    }
    server.clock.advance(1);
    for instance in [&server, &other, &cut_off] {
        assert_eq!(instance.signing_kid().await, next);
    }
}
