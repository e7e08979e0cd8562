//! Checkouts, activations and receipts at once: a licence serves no more machines than it has seats.

use futures_util::future::{join, join_all};
use licentia_tests::{Backend, TestServer, on_both, try_activate};

use super::*;

on_both![
    checkouts_and_activations_on_two_instances_give_no_seat_twice,
    the_same_checkout_at_once_is_one_file,
    receipts_and_newcomers_at_once_keep_count,
];

const SEATS: u64 = 10;

async fn checkouts_and_activations_on_two_instances_give_no_seat_twice(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (_, issued) = begin(&server, json!({"maxActivations": SEATS})).await;
    let servers = [&server, &other];
    let attempts = (0..60).map(|n| {
        let (server, issued) = (servers[n % 2], &issued);
        async move {
            let fingerprint = format!("machine-{n}");
            if n % 4 < 2 {
                issued.checkout(server, json!({"fingerprint": fingerprint})).await
            } else {
                try_activate(server, &issued.key, &fingerprint, json!({})).await
            }
        }
    });
    let replies = join_all(attempts).await;
    let taken = replies.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(u64::try_from(taken).unwrap(), SEATS);
    let refused = |reply: &&Reply| reply.body["code"] == "SEAT_LIMIT_REACHED";
    assert_eq!(replies.iter().filter(refused).count(), 50);
    assert_eq!(issued.counted(&server).await, (SEATS, SEATS));
}

async fn the_same_checkout_at_once_is_one_file(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (_, issued) = begin(&server, json!({"maxActivations": 1})).await;
    let (public, _) = crate::verifiers::consumer_key();
    let servers = [&server, &other];
    let replies = join_all((0..16).map(|n| {
        let body = json!({"fingerprint": "board-1", "consumerKey": public});
        issued.checkout(servers[n % 2], body)
    }))
    .await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    let file = &replies[0].body["file"];
    assert!(file.is_string());
    for reply in &replies {
        assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
        assert_eq!(reply.body["file"], *file);
    }
    assert_eq!(issued.counted(&server).await, (1, 1));
}

async fn receipts_and_newcomers_at_once_keep_count(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (shop, issued) = begin(&server, json!({"maxActivations": 3})).await;
    for round in 0..4 {
        let mut receipts = Vec::new();
        for n in 0..3 {
            let offline = Offline::new();
            let body = json!({"fingerprint": format!("{round}-{n}"), "publicKey": offline.jwk()});
            let reply = issued.checkout(&server, body).await;
            if reply.status == 201 {
                receipts.push(offline.receipt(&shop.slug, &[&reply.body]));
            }
        }
        let back = join_all(receipts.iter().enumerate().map(|(n, receipt)| {
            let server = if n % 2 == 0 { &server } else { &other };
            async move { give_back(server, receipt).await.expect(200) }
        }));
        let newcomers = join_all((0..6).map(|n| {
            let server = if n % 2 == 0 { &other } else { &server };
            let (key, fingerprint) = (&issued.key, format!("new-{round}-{n}"));
            async move { try_activate(server, key, &fingerprint, json!({})).await }
        }));
        let (_, newcomers) = join(back, newcomers).await;
        let (used, holding) = issued.counted(&server).await;
        assert!(used == holding && used <= 3, "{used} {holding}");
        for newcomer in newcomers.into_iter().filter(|reply| reply.status == 201) {
            deactivate(&other, &newcomer.body["activation"]["id"]).await;
        }
    }
}
