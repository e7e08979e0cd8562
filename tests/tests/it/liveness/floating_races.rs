//! Lapses, revivals and activations at once: no seat is given twice, and none is lost.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use licentia_tests::{Backend, Machine, TestServer, on_both, try_activate};
use serde_json::json;

use super::floating::begin;
use super::{Issued, lapse};

on_both![jobs_heartbeats_and_activations_at_once_keep_count, the_last_free_seat_revives_one_machine];

const SEATS: i64 = 3;

async fn watch(server: &TestServer, issued: &Issued, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        let (used, holding) = issued.counted(server).await;
        assert!((0..=SEATS).contains(&used) && used == holding, "{used} {holding}");
        tokio::task::yield_now().await;
    }
}

async fn jobs_heartbeats_and_activations_at_once_keep_count(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (_, issued) = begin(&server, json!({"maxActivations": SEATS})).await;
    let mut machines: Vec<Machine> = Vec::new();
    for round in 0..6 {
        // All leases have ended; most machines have lapsed once or more often.
        server.clock.advance(if round % 2 == 0 { 901 } else { 450 });
        let done = AtomicBool::new(false);
        let newcomers = join_all((0..4).map(|n| {
            let (server, key) = (if n % 2 == 0 { &server } else { &other }, &issued.key);
            let fingerprint = format!("machine-{round}-{n}");
            async move {
                let reply = try_activate(server, key, &fingerprint, json!({})).await;
                assert!(reply.status == 201 || reply.body["code"] == "SEAT_LIMIT_REACHED", "{}", reply.text);
                (reply.status == 201).then(|| Machine::of(key, &fingerprint, &reply.body))
            }
        }));
        let beats = join_all(machines.iter_mut().enumerate().map(|(n, machine)| {
            let server = if n % 2 == 0 { &server } else { &other };
            async move {
                let answer = machine.beat(server).await;
                let alive = answer["status"] == "active";
                assert!(alive || answer["status"] == "lapsed", "{answer}");
                assert_eq!(alive, answer["token"].is_string());
            }
        }));
        let work = async {
            let (new, (), ()) =
                tokio::join!(futures_util::future::join(newcomers, beats), lapse(&server), lapse(&other));
            done.store(true, Ordering::Relaxed);
            new.0
        };
        let (new, ()) = tokio::join!(work, watch(&server, &issued, &done));
        machines.extend(new.into_iter().flatten());
        let (used, holding) = issued.counted(&server).await;
        assert_eq!(used, holding);
        assert!(used > 0);
    }
}

async fn the_last_free_seat_revives_one_machine(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (_, issued) = begin(&server, json!({"maxActivations": 10})).await;
    let mut machines = Vec::new();
    for n in 0..10 {
        machines.push(Machine::activate(&server, &issued.key, &format!("machine-{n}")).await);
    }
    server.clock.advance(900);
    lapse(&server).await;
    let path = format!("/license-keys/{}", issued.id);
    server.admin_put(&path, json!({"maxActivations": SEATS})).await.expect(200);
    let answers = join_all(machines.iter_mut().enumerate().map(|(n, machine)| {
        let server = if n % 2 == 0 { &server } else { &other };
        async move { machine.beat(server).await }
    }))
    .await;
    let revived = answers.iter().filter(|answer| answer["token"].is_string()).count();
    assert_eq!(i64::try_from(revived).unwrap(), SEATS);
    assert_eq!(answers.iter().filter(|answer| answer["status"] == "lapsed").count(), 7);
    assert_eq!(issued.counted(&server).await, (SEATS, SEATS));
}
