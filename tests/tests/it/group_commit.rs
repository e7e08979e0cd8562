//! Heartbeats that wait while a commit is under way share the next one, and nothing else.

use std::time::Duration;

use futures_util::future::join_all;
use licentia_domain::database::{Lane, WriteTx};
use licentia_domain::heartbeats;
use licentia_entity::{activation, audit_event};
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both};
use licentia_types::ids::ActivationId;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
};
use serde_json::json;

on_both![
    what_waits_is_read_and_written_together,
    late_machines_are_written_down_together,
    an_edit_costs_a_batch_no_more_than_a_machine,
    a_row_that_cannot_be_read_fails_nobody_else,
    two_calls_of_one_machine_are_judged_one_after_the_other,
    a_machine_that_calls_too_often_holds_nobody_up,
];

mod arrivals;
mod keys;
mod lanes;

mod postgres_only {
    #[tokio::test(flavor = "multi_thread")]
    async fn a_row_that_is_held_holds_nobody_else_up() {
        super::a_row_that_is_held_holds_nobody_else_up().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_instances_share_no_batch_and_wait_for_no_circle() {
        super::two_instances_share_no_batch_and_wait_for_no_circle().await;
    }
}

const MACHINES: usize = 30;

async fn begin(backend: Backend) -> (TestServer, Shop, Vec<Machine>) {
    let server = TestServer::start(backend).await;
    let (shop, machines) = begin_on(&server).await;
    (server, shop, machines)
}

async fn begin_on(server: &TestServer) -> (Shop, Vec<Machine>) {
    let shop = Shop::open(server).await;
    let mut machines = Vec::new();
    // Three machines a licence.
    for _ in 0..MACHINES / 3 {
        let issued = shop.issue(server, json!({"maxActivations": 3})).await;
        for seat in 0..3 {
            let key = issued["licenseKey"].as_str().unwrap();
            machines.push(Machine::activate(server, key, &format!("fp-{seat}")).await);
        }
    }
    for machine in &mut machines {
        machine.beat(server).await;
    }
    (shop, machines)
}

fn ids<'a>(machines: impl IntoIterator<Item = &'a Machine>) -> Vec<ActivationId> {
    machines.into_iter().map(|machine| machine.activation.parse().unwrap()).collect()
}

/// As long as this transaction is open no heartbeat can be written.
async fn hold(server: &TestServer) -> WriteTx {
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared("LOCK TABLE activation IN EXCLUSIVE MODE").await.unwrap();
    }
    tx
}

async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come to that");
}

/// One heartbeat that cannot be written yet, and all the others while it waits. Also how many statements
/// they took, in two batches.
async fn beat_together(server: &TestServer, machines: &[Machine]) -> (Vec<Reply>, u64) {
    let (first, others) = machines.split_first().unwrap();
    let held = hold(server).await;
    let before = server.context.db.statements();
    let first = first.try_beat(server);
    let others = async {
        let taken = || heartbeats::waiting(&server.context) == 0;
        until(|| server.context.db.statements() > before && taken()).await;
        let calls = join_all(others.iter().map(|machine| machine.try_beat(server)));
        let release = async {
            until(|| heartbeats::waiting(&server.context) == machines.len() - 1).await;
            held.commit().await.unwrap();
        };
        tokio::join!(calls, release).0
    };
    let (first, others) = tokio::join!(first, others);
    let replies = std::iter::once(first).chain(others).collect();
    (replies, server.context.db.statements() - before)
}

async fn what_waits_is_read_and_written_together(backend: Backend) {
    let (server, _, machines) = begin(backend).await;
    let (replies, statements) = beat_together(&server, &machines).await;
    for (machine, reply) in machines.iter().zip(replies) {
        let answer = reply.expect(200);
        let claims = licentia_tests::claims(answer["token"].as_str().unwrap());
        assert_eq!(claims["activation_id"], machine.activation.as_str(), "to each his own");
        Machine { nonce: answer["nonce"].as_str().unwrap().to_owned(), ..machine.clone() }
            .beat(&server)
            .await;
    }
    assert_eq!(statements, 4);
}

async fn late_machines_are_written_down_together(backend: Backend) {
    let (server, _, machines) = begin(backend).await;
    server.clock.advance(100_000);
    // Keys are read anew after so long a time, and the first one may find its day.
    Machine::clone(&machines[0]).beat(&server).await;
    let (replies, statements) = beat_together(&server, &machines[1..]).await;
    for reply in replies {
        assert_eq!(reply.expect(200)["recovered"], true);
    }
    // Read, written, and two for the audit log.
    assert_eq!(statements, 8);
    let recovered = audit_event::Entity::find()
        .filter(audit_event::Column::Action.eq("activation.recovered"))
        .count(&server.context.db);
    assert_eq!(recovered.await.unwrap(), 30);
}

async fn an_edit_costs_a_batch_no_more_than_a_machine(backend: Backend) {
    let (server, shop, machines) = begin(backend).await;
    let body = json!({"features": ["export", "api"]});
    server.admin_put(&format!("/pricing-tiers/{}", shop.pro), body).await.expect(200);
    let (replies, statements) = beat_together(&server, &machines).await;
    for reply in replies {
        let token = reply.expect(200)["token"].as_str().unwrap().to_owned();
        assert!(licentia_tests::claims(&token)["features"].as_array().unwrap().contains(&json!("api")));
    }
    // Read; licences, product, tiers and features; claim sets kept, and found; written. Product and catalogue are at
    // hand the second time.
    assert_eq!(statements, 8 + 5);
}

async fn a_row_that_cannot_be_read_fails_nobody_else(backend: Backend) {
    let (server, _, machines) = begin(backend).await;
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    activation::Entity::update_many()
        .col_expr(activation::Column::RequestDigest, Expr::value(vec![1_u8, 2, 3]))
        .filter(activation::Column::Id.is_in(ids([&machines[7]])))
        .exec(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let (replies, _) = beat_together(&server, &machines).await;
    for (place, reply) in replies.into_iter().enumerate() {
        if place == 7 {
            reply.expect_problem(500, "INTERNAL");
        } else {
            reply.expect(200);
        }
    }
}

async fn two_calls_of_one_machine_are_judged_one_after_the_other(backend: Backend) {
    let (server, _, mut machines) = begin(backend).await;
    machines.truncate(3);
    let copy = machines[1].clone();
    machines.push(copy);
    let (replies, _) = beat_together(&server, &machines).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 409]);
    let refused = replies.iter().find(|reply| reply.status == 409).unwrap();
    assert_eq!(refused.body["code"], "NONCE_REUSED");
}

async fn a_machine_that_calls_too_often_holds_nobody_up(backend: Backend) {
    let (server, _, machines) = begin(backend).await;
    let mut calls = vec![machines[0].clone(); 100];
    calls.push(machines[1].clone());
    let (replies, _) = beat_together(&server, &calls).await;
    let told = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    // One rotates, and so does the other machine; who waits in vain is told why.
    assert_eq!((told(200), replies[100].status), (2, 200));
    assert!(told(503) >= 60 && told(503) + told(409) == 99, "{} {}", told(503), told(409));
}

async fn a_row_that_is_held_holds_nobody_else_up() {
    let (server, _, machines) = begin(Backend::Postgres).await;
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    let row = activation::Entity::find().filter(activation::Column::Id.is_in(ids([&machines[0]])));
    row.lock(LockType::Update).all(&tx).await.unwrap();
    let waits = machines[0].try_beat(&server);
    let others = async {
        for reply in join_all(machines[1..].iter().map(|machine| machine.try_beat(&server))).await {
            reply.expect(200);
        }
        tx.commit().await.unwrap();
    };
    let (held, ()) = tokio::join!(waits, others);
    held.expect(200);
}

async fn two_instances_share_no_batch_and_wait_for_no_circle() {
    let (server, _, machines) = begin(Backend::Postgres).await;
    let other = server.another().await;
    let mut machines = machines;
    for round in 0..10 {
        // In opposite orders.
        let here = join_all(machines.iter().map(|machine| machine.try_beat(&server)));
        let there = join_all(machines.iter().rev().map(|machine| machine.try_beat(&other)));
        let (here, there) = tokio::join!(here, there);
        for (place, machine) in machines.iter_mut().enumerate() {
            let replies = [&here[place], &there[there.len() - 1 - place]];
            let rotated: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
            assert_eq!(rotated.len(), 1, "round {round}: one of two calls with other request ids rotates");
            assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 409)), "no circle");
            rotated[0].body["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
        }
    }
}
