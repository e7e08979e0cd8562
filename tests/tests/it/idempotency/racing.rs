//! The same request many times at once.

use futures_util::future::join_all;
use licentia_domain::database::{Lane, WriteTx};
use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::{Value, json};

use super::{is_replayed, kept, keyed, total};

on_both![
    fifty_at_once_have_one_effect,
    what_is_being_served_is_told_to_come_again,
    whoever_goes_away_leaves_the_key_free,
];

/// The answers of those who came at once: one effect, which everybody is told of or told to wait for.
fn one_effect(replies: Vec<Reply>) -> Value {
    let mut done = Vec::new();
    for reply in replies {
        if reply.status == 409 {
            assert_eq!(reply.header("retry-after"), "1");
            reply.expect_problem(409, "REQUEST_IN_FLIGHT");
        } else {
            done.push(reply.expect(201));
        }
    }
    done.dedup();
    assert_eq!(done.len(), 1);
    done.remove(0)
}

async fn fifty_at_once_have_one_effect(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let body = json!({"productId": shop.product, "tierId": shop.pro, "customer": {"externalId": "crm-1", "name": "Ada"}});
    let send = || keyed(&server, "k", "/license-keys", body.clone());
    let issued = one_effect(join_all((0..50).map(|_| send())).await);
    let again = send().await;
    assert!(is_replayed(&again));
    assert_eq!(again.expect(201), issued);
    assert_eq!((total(&server, "/license-keys").await, total(&server, "/customers").await), (1, 1));
    assert_eq!(kept(&server).await.len(), 1);
}

/// Where every instance has a memory of its own.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_at_two_instances_have_one_effect() {
    let server = TestServer::start(Backend::Postgres).await;
    let mut other = server.another().await;
    other.admin_key.clone_from(&server.admin_key);
    for round in 0..5 {
        // Done twice, it would be refused: the outside id is taken then.
        let body = json!({"name": "Ada", "externalId": format!("crm-{round}")});
        let key = format!("key-{round}");
        let servers = [&server, &other].into_iter().cycle().take(50);
        let made = one_effect(join_all(servers.map(|at| keyed(at, &key, "/customers", body.clone()))).await);
        for at in [&server, &other] {
            assert_eq!(keyed(at, &key, "/customers", body.clone()).await.expect(201), made);
        }
    }
    assert_eq!(total(&server, "/customers").await, 5);
}

/// While this lives, no customer is made.
async fn nobody_writes_customers(server: &TestServer) -> WriteTx {
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared("LOCK TABLE customer IN SHARE MODE").await.unwrap();
    }
    tx
}

/// The first of two answers to the same request, while it cannot be done; and the second, when it can.
async fn held_up(one: &TestServer, two: &TestServer) -> (Reply, Reply) {
    let held = nobody_writes_customers(one).await;
    let send = |server| Box::pin(keyed(server, "k", "/customers", json!({"name": "Ada"})));
    let (early, late) = futures_util::future::select(send(one), send(two)).await.factor_first();
    drop(held);
    (early, late.await)
}

/// An answer to what is being served.
pub(crate) async fn in_flight(server: &TestServer) -> Reply {
    held_up(server, server).await.0
}

async fn what_is_being_served_is_told_to_come_again(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (early, late) = held_up(&server, &server).await;
    assert_eq!(early.header("retry-after"), "1");
    early.expect_problem(409, "REQUEST_IN_FLIGHT");
    let made = late.expect(201);
    let again = keyed(&server, "k", "/customers", json!({"name": "Ada"})).await;
    assert!(is_replayed(&again));
    assert_eq!(again.expect(201), made);
}

/// Where the other instance holds the key, it is waited for, and not for long.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_instance_is_serving_is_told_to_come_again() {
    let server = TestServer::start(Backend::Postgres).await;
    let mut other = server.another().await;
    other.admin_key.clone_from(&server.admin_key);
    let (early, late) = held_up(&server, &other).await;
    early.expect_problem(409, "REQUEST_IN_FLIGHT");
    let made = late.expect(201);
    for at in [&server, &other] {
        let again = keyed(at, "k", "/customers", json!({"name": "Ada"})).await;
        assert!(is_replayed(&again));
        assert_eq!(again.expect(201), made);
    }
    assert_eq!(total(&server, "/customers").await, 1);
}

async fn whoever_goes_away_leaves_the_key_free(backend: Backend) {
    let server = TestServer::start(backend).await;
    let send = || Box::pin(keyed(&server, "k", "/customers", json!({"name": "Ada"})));
    let held = nobody_writes_customers(&server).await;
    let (early, gone) = futures_util::future::select(send(), send()).await.factor_first();
    early.expect_problem(409, "REQUEST_IN_FLIGHT");
    drop((gone, held));
    // It was done before the server noticed, or it was not: it is done once.
    let made = loop {
        let reply = send().await;
        if reply.status != 409 {
            break reply.expect(201);
        }
    };
    assert_eq!(send().await.expect(201), made);
    assert_eq!(total(&server, "/customers").await, 1);
}
