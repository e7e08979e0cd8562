//! Machines that come while a commit is under way share the next one, and nothing else.

use std::collections::HashSet;

use licentia_domain::activations;
use licentia_entity::{event, license};
use licentia_tests::try_activate;
use licentia_types::ids::LicenseId;
use serde_json::Value;

use super::*;

on_both![
    those_who_come_together_are_bound_together,
    each_newcomer_has_an_outcome_of_his_own,
    the_same_machine_twice_at_once_is_one_machine,
    the_first_of_a_licence_takes_the_place_of_older_ones,
];

mod postgres_only {
    #[tokio::test(flavor = "multi_thread")]
    async fn a_licence_that_is_held_holds_nobody_else_up() {
        super::a_licence_that_is_held_holds_nobody_else_up().await;
    }
}

/// So many licences with three seats each, of nobody.
async fn vacant(server: &TestServer, shop: &Shop, number: usize) -> Vec<Value> {
    let mut issued = Vec::new();
    for _ in 0..number {
        issued.push(shop.issue(server, json!({"maxActivations": 3})).await);
    }
    issued
}

fn key(license: &Value) -> &str {
    license["licenseKey"].as_str().unwrap()
}

/// All come while nobody can be bound. Also how many statements they took.
async fn come_together(server: &TestServer, newcomers: &[(&str, &str)]) -> (Vec<Reply>, u64) {
    let held = hold(server).await;
    let before = server.context.db.statements();
    let come = |(key, fingerprint): &(&str, &str)| {
        let (key, fingerprint) = ((*key).to_owned(), (*fingerprint).to_owned());
        async move { try_activate(server, &key, &fingerprint, json!({})).await }
    };
    let release = async {
        until(|| activations::pending(&server.context) == newcomers.len()).await;
        held.commit().await.unwrap();
    };
    let (replies, ()) = tokio::join!(join_all(newcomers.iter().map(come)), release);
    (replies, server.context.db.statements() - before)
}

async fn those_who_come_together_are_bound_together(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let licenses = vacant(&server, &shop, 17).await;
    let mut costs = Vec::new();
    for fingerprint in ["fp-1", "fp-2"] {
        let newcomers: Vec<_> = licenses.iter().map(|license| (key(license), fingerprint)).collect();
        let (replies, statements) = come_together(&server, &newcomers).await;
        costs.push(statements);
        for (reply, (key, fingerprint)) in replies.into_iter().zip(newcomers) {
            let answer = reply.expect(201);
            assert_eq!(answer["seats"], json!({"used": costs.len(), "limit": 3}));
            Machine::of(key, fingerprint, &answer).beat(&server).await;
        }
    }
    // Licences, what is known of them, places, machines, two for the audit log, events, and the seats; in
    // batches of 8, 4, 2, 1 after the one that came first, or in fewer.
    assert!(costs[1] % 8 == 0 && costs[1] <= 5 * 8, "{costs:?}");
    // What they grant and claim was read and kept the first time.
    assert!(costs[0] <= 5 * (8 + 7), "{costs:?}");
}

async fn each_newcomer_has_an_outcome_of_his_own(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let licenses = vacant(&server, &shop, 4).await;
    let keys: Vec<_> = licenses.iter().map(key).collect();
    let revoked = shop.issue(&server, json!({"maxActivations": 3})).await;
    let path = format!("/license-keys/{}/revoke", revoked["id"].as_str().unwrap());
    server.admin_post(&path, json!({})).await.expect(200);
    let revoked = revoked["licenseKey"].as_str().unwrap();
    let known = Machine::activate(&server, keys[1], "fp-known").await;
    let newcomers = [
        (keys[0], "fp-first"),
        (keys[1], "fp-1"),
        (keys[2], "fp-1"),
        (keys[2], "fp-2"),
        (keys[2], "fp-3"),
        (keys[2], "fp-one-too-many"),
        (revoked, "fp-1"),
        (keys[1], "fp-known"),
        (keys[3], "fp-1"),
    ];
    let (replies, _) = come_together(&server, &newcomers).await;
    let outcomes: Vec<_> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!((&outcomes[..2], &outcomes[6..]), (&[201, 201][..], &[403, 200, 201][..]));
    let (seated, refused): (Vec<_>, Vec<_>) = replies[2..6].iter().partition(|reply| reply.status == 201);
    assert_eq!(refused.iter().map(|reply| &reply.body["code"]).collect::<Vec<_>>(), ["SEAT_LIMIT_REACHED"]);
    assert_eq!(replies[6].body["code"], "LICENSE_REVOKED");
    assert_eq!(replies[7].body["activation"]["id"], known.activation.as_str());
    let ids: HashSet<_> = replies.iter().map(|reply| reply.body["activation"]["id"].to_string()).collect();
    assert_eq!(ids.len(), 7 + 1, "seven machines of their own, and nothing");
    let seats: HashSet<_> = seated.iter().map(|reply| reply.body["seats"]["used"].as_u64()).collect();
    assert_eq!(seats, HashSet::from([Some(1), Some(2), Some(3)]));
    let of_full: LicenseId = licenses[2]["id"].as_str().unwrap().parse().unwrap();
    let told = event::Entity::find()
        .filter(event::Column::LicenseId.eq(of_full))
        .filter(event::Column::Kind.eq("license.seats_full"));
    assert_eq!(told.count(&server.context.db).await.unwrap(), 1);
    let row = license::Entity::find_by_id(of_full).one(&server.context.db).await.unwrap().unwrap();
    assert_eq!(row.seats_used, 3);
    assert!(row.first_activated_at.is_some());
}

async fn the_same_machine_twice_at_once_is_one_machine(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let licenses = vacant(&server, &shop, 1).await;
    let (replies, _) = come_together(&server, &[(key(&licenses[0]), "fp-twin"); 4]).await;
    let mut outcomes: Vec<_> = replies.iter().map(|reply| reply.status).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [200, 200, 200, 201]);
    for reply in &replies {
        assert_eq!(reply.body["activation"]["id"], replies[0].body["activation"]["id"]);
        assert_eq!(reply.body["seats"]["used"], 1);
    }
}

async fn the_first_of_a_licence_takes_the_place_of_older_ones(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let customer = json!({"externalId": "ada"});
    let older = shop.issue(&server, json!({"customer": customer})).await;
    server.clock.advance(1);
    let newer = shop.issue(&server, json!({"customer": customer})).await;
    let other = vacant(&server, &shop, 1).await;
    let newcomers = [(key(&other[0]), "fp-1"), (newer["licenseKey"].as_str().unwrap(), "fp-1")];
    for reply in come_together(&server, &newcomers).await.0 {
        reply.expect(201);
    }
    let path = format!("/license-keys/{}", older["id"].as_str().unwrap());
    assert_eq!(server.admin_get(&path).await.expect(200)["status"], "revoked");
}

async fn a_licence_that_is_held_holds_nobody_else_up() {
    let server = TestServer::start(Backend::Postgres).await;
    let shop = Shop::open(&server).await;
    let licenses = vacant(&server, &shop, 8).await;
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    let id: LicenseId = licenses[0]["id"].as_str().unwrap().parse().unwrap();
    license::Entity::find_by_id(id).lock(LockType::Update).one(&tx).await.unwrap().unwrap();
    let waits = try_activate(&server, key(&licenses[0]), "fp-1", json!({}));
    let others = async {
        let calls =
            licenses[1..].iter().map(|license| try_activate(&server, key(license), "fp-1", json!({})));
        for reply in join_all(calls).await {
            reply.expect(201);
        }
        tx.commit().await.unwrap();
    };
    let (held, ()) = tokio::join!(waits, others);
    held.expect(201);
}
