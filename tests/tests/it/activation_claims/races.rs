//! At once: claims let through no more machines than were picked, and no more than there are seats.

use std::collections::HashSet;

use futures_util::future::join_all;
use licentia_tests::{Backend, on_both};

use super::*;

on_both![
    of_two_approvals_at_once_one_wins,
    of_an_approval_and_a_rejection_at_once_the_rejection_stands,
    a_machine_that_polls_while_it_is_rejected_is_in_or_out,
    twenty_polls_at_once_are_one_activation,
    of_many_that_ask_at_once_five_wait,
    claims_let_through_no_more_machines_than_seats,
    by_key_alone_at_once_three_get_through,
];

async fn of_two_approvals_at_once_one_wins(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let shop = Shop::open(&server).await;
    approve_first(&server, &shop).await;
    for _ in 0..8 {
        let guarded = Guarded::issue(&server, &shop, json!({})).await;
        let (one, two) = (guarded.ask(&server, "fp-1").await, guarded.ask(&other, "fp-2").await);
        let (first, second) =
            tokio::join!(one.try_decide(&server, "approve"), two.try_decide(&other, "approve"));
        let (loser, winner) = if first.status == 200 { (second, &one) } else { (first, &two) };
        loser.expect_problem(409, "STATE_CONFLICT");
        let polls = join_all([one.poll(&other), two.poll(&server)]).await;
        let mut statuses: Vec<u16> = polls.iter().map(|reply| reply.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 403]);
        winner.poll(&server).await.expect(200);
        assert_eq!(guarded.counted(&server).await, (1, 1, 1));
    }
}

async fn of_an_approval_and_a_rejection_at_once_the_rejection_stands(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let shop = Shop::open(&server).await;
    approve_first(&server, &shop).await;
    for _ in 0..8 {
        let claim = Guarded::issue(&server, &shop, json!({})).await.ask(&server, "fp-1").await;
        let (yes, no) =
            tokio::join!(claim.try_decide(&server, "approve"), claim.try_decide(&other, "reject"));
        assert_eq!(no.status, 200);
        assert!(matches!(yes.status, 200 | 409), "{}", yes.text);
        claim.poll(&other).await.expect_problem(403, "CLAIM_REJECTED");
    }
}

async fn a_machine_that_polls_while_it_is_rejected_is_in_or_out(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let shop = Shop::open(&server).await;
    approve_first(&server, &shop).await;
    for _ in 0..12 {
        let guarded = Guarded::issue(&server, &shop, json!({})).await;
        let claim = guarded.ask(&server, "fp-1").await;
        claim.decide(&server, "approve").await;
        let (came, no) = tokio::join!(claim.poll(&server), claim.try_decide(&other, "reject"));
        let seats = guarded.counted(&server).await.0;
        assert!(matches!((came.status, no.status, seats), (201, 409, 1) | (403, 200, 0)), "{came:?} {no:?}");
    }
}

async fn twenty_polls_at_once_are_one_activation(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let guarded = Guarded::of(&server, json!({"maxActivations": 5})).await;
    let claim = guarded.ask(&server, "fp-1").await;
    claim.decide(&server, "approve").await;
    let servers = [&server, &other];
    let replies = join_all((0..20).map(|n| claim.poll(servers[n % 2]))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 19);
    for reply in &replies {
        assert_eq!(reply.body["activation"]["id"], replies[0].body["activation"]["id"]);
    }
    assert_eq!(guarded.counted(&server).await, (1, 1, 1));
    assert_eq!(told(&server, "activation.created").await, (1, 1));
    assert_eq!(told(&server, "activation_claim.activated").await, (1, 0));
}

async fn of_many_that_ask_at_once_five_wait(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let guarded = Guarded::of(&server, json!({"maxActivations": 30})).await;
    let servers = [&server, &other];
    let replies = join_all((0..30).map(|n| {
        let (server, key) = (servers[n % 2], &guarded.key);
        async move { try_activate(server, key, &format!("fp-{n}"), json!({})).await }
    }))
    .await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 202).count(), 5);
    let refused = |reply: &&Reply| reply.body["code"] == "CLAIM_LIMIT_REACHED";
    assert_eq!(replies.iter().filter(refused).count(), 25);
    assert_eq!(guarded.counted(&server).await, (0, 0, 0));
}

async fn claims_let_through_no_more_machines_than_seats(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let guarded = Guarded::of(&server, json!({"maxActivations": 3})).await;
    let mut claims = Vec::new();
    for number in 0..6 {
        // Each is approved before the next one asks, and none comes in meanwhile.
        let claim = guarded.ask(&server, &format!("claimed-{number}")).await;
        claim.decide(&server, "approve").await;
        claims.push(claim);
    }
    let servers = [&server, &other];
    let polls = join_all((0..24).map(|n| claims[n % 6].poll(servers[n % 2])));
    let newcomers = join_all((0..12).map(|n| {
        let (server, key) = (servers[n % 2], &guarded.key);
        async move { try_activate(server, key, &format!("new-{n}"), json!({})).await }
    }));
    let (polls, newcomers) = tokio::join!(polls, newcomers);
    let created = polls.iter().chain(&newcomers).filter(|reply| reply.status == 201).count();
    assert_eq!(created, 3);
    for reply in polls.iter().chain(&newcomers) {
        assert!(matches!(reply.status, 200 | 201 | 202 | 409), "{}", reply.text);
    }
    assert_eq!(guarded.counted(&server).await, (3, 3, 3));
}

async fn by_key_alone_at_once_three_get_through(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let license = Guarded::issue(&server, &Shop::open(&server).await, json!({})).await;
    Machine::activate(&server, &license.key, "fp-1").await;
    let servers = [&server, &other];
    let replies = join_all((0..8).map(|n| {
        let (server, key) = (servers[n % 2], &license.key);
        async move { try_activate(server, key, "fp-1", json!({})).await }
    }))
    .await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 3);
    // Any of them may be somebody else: each waits by itself, as far as there is room.
    let waits = replies.iter().filter(|reply| reply.status == 202);
    let claims: HashSet<&str> = waits.map(|reply| reply.body["claim"]["id"].as_str().unwrap()).collect();
    assert_eq!(claims.len(), 3);
    let refused = |reply: &&Reply| reply.body["code"] == "CLAIM_LIMIT_REACHED";
    assert_eq!(replies.iter().filter(refused).count(), 2);
    assert_eq!(license.counted(&server).await, (1, 1, 1));
}
