//! What is kept of manifests: each once, for as long as a machine names it; and what a withdrawal costs.

use std::collections::HashMap;

use futures_util::future::{join, join_all};
use licentia_domain::database::Lane;
use licentia_domain::jobs::{self, Job};
use licentia_entity::{activation_manifest, assembly_manifest};
use licentia_tests::{Backend, Machine, on_both, try_activate};
use licentia_types::ids::ActivationId;
use sea_orm::prelude::Uuid;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};

use super::*;
use crate::changes::{SETTLED, believed, from_memory, until, word};

on_both![
    the_order_of_a_manifest_makes_no_other,
    a_manifest_that_nobody_names_is_forgotten,
    a_manifest_is_not_forgotten_while_it_is_named,
    a_withdrawal_writes_as_much_for_many_machines_as_for_one,
    a_build_that_is_approved_again_is_out_of_doubt,
];

async fn rows(server: &TestServer) -> Vec<assembly_manifest::Model> {
    assembly_manifest::Entity::find().all(&server.context.db).await.unwrap()
}

async fn tells(server: &TestServer, key: &str, fingerprint: &str, manifest: &[Value]) -> Value {
    tells_again(server, key, fingerprint, manifest, &Value::Null).await
}

/// A machine that shows its nonce may come as often as it likes; gives the next one.
async fn tells_again(
    server: &TestServer,
    key: &str,
    fingerprint: &str,
    manifest: &[Value],
    nonce: &Value,
) -> Value {
    let more = json!({"assemblyManifest": manifest, "nonce": nonce});
    let reply = try_activate(server, key, fingerprint, more).await;
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
    reply.body["nonce"].clone()
}

async fn the_order_of_a_manifest_makes_no_other(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (_, key) = license(&server, &shop, json!({"maxActivations": null})).await;
    let [a, b, c] = [build("Core", "a"), build("Views", "b"), build("Zed", "c")];
    approve(&server, &[a.clone(), b.clone(), c.clone()]).await;
    let mut invented = c.clone();
    invented["publicKeyToken"] = json!("31bf3856ad364e35");
    for (n, manifest) in [[&a, &b, &c], [&c, &a, &b], [&b, &invented, &a]].into_iter().enumerate() {
        tells(&server, &key, &format!("fp-{n}"), &manifest.map(Clone::clone)).await;
    }
    assert_eq!(rows(&server).await.len(), 3, "one manifest of three builds");
    let named = activation_manifest::Entity::find().count(&server.context.db).await.unwrap();
    assert_eq!(named, 3);
}

async fn a_manifest_that_nobody_names_is_forgotten(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (_, key) = license(&server, &shop, json!({"maxActivations": null})).await;
    let builds: Vec<Value> = (0..30).map(|n| build(&format!("Part{n}"), "a")).collect();
    approve(&server, &builds).await;
    tells(&server, &key, "fp-1", &builds[..2]).await;
    let mut nonce = Value::Null;
    for n in 1..30 {
        nonce = tells_again(&server, &key, "fp-2", &builds[n - 1..=n], &nonce).await;
    }
    assert_eq!(rows(&server).await.len(), 29 * 2);
    jobs::run(&server.context, Job::Purge).await.unwrap();
    let left = rows(&server).await;
    let mut names: Vec<String> = left.iter().map(|row| row.assembly_name.to_string()).collect();
    names.sort();
    assert_eq!(names, ["Part0", "Part1", "Part28", "Part29"]);
    // What was forgotten can be told again.
    tells_again(&server, &key, "fp-2", &builds[4..6], &nonce).await;
    assert_eq!(rows(&server).await.len(), 6);
}

async fn a_manifest_is_not_forgotten_while_it_is_named(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let shop = Shop::open(&server).await;
    let mut keys = Vec::new();
    for _ in 0..4 {
        keys.push(license(&server, &shop, json!({"maxActivations": null})).await.1);
    }
    let builds: Vec<Value> = (0..3).map(|n| build(&format!("Part{n}"), "a")).collect();
    approve(&server, &builds).await;
    // Each manifest is taken up and left again and again, while what nobody names is forgotten.
    let coming = keys.iter().enumerate().map(async |(machine, key)| {
        let mut nonce = Value::Null;
        for round in 0..25 {
            let first = (machine + round) % 2;
            let server = if round % 2 == 0 { &server } else { &other };
            nonce = tells_again(server, key, "fp", &builds[first..first + 2], &nonce).await;
        }
    });
    let forgetting = async {
        for _ in 0..60 {
            jobs::run(&server.context, Job::Purge).await.unwrap();
        }
    };
    join(join_all(coming), forgetting).await;
    let mut entries: HashMap<Vec<u8>, usize> = HashMap::new();
    for row in rows(&server).await {
        *entries.entry(row.digest).or_default() += 1;
    }
    let named = activation_manifest::Entity::find().all(&server.context.db).await.unwrap();
    assert_eq!(named.len(), 4);
    for row in named {
        assert_eq!(entries.get(&row.manifest), Some(&2), "it is there, and whole");
    }
}

/// More machines than any instance keeps in mind one by one.
const MANY: u128 = 20_001;

async fn a_withdrawal_writes_as_much_for_many_machines_as_for_one(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (_, key) = license(&server, &shop, json!({"maxActivations": 9})).await;
    let builds = [build("Core", "a"), build("Views", "b"), build("Zed", "c")];
    let approvals = approve(&server, &builds).await;
    server.clock.advance(SETTLED);
    let with = async |fingerprint: &str, builds: &[Value]| {
        Machine::activate_with(&server, &key, fingerprint, json!({"assemblyManifest": builds})).await
    };
    let one = with("fp-1", &builds[..1]).await;
    let many = with("fp-2", &builds[1..2]).await;
    let good = with("fp-3", &builds[2..]).await;
    let plain = Machine::activate(&server, &key, "fp-4").await;
    let views = assembly_manifest::Column::AssemblyName.eq("Views");
    let row = assembly_manifest::Entity::find().filter(views).one(&server.context.db).await.unwrap().unwrap();
    let alike: Vec<_> = (0..MANY)
        .map(|n| activation_manifest::Model {
            activation_id: ActivationId::new(Uuid::from_u128(n)),
            manifest: row.digest.clone(),
        })
        .collect();
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    for some in alike.chunks(5_000) {
        let rows = some.iter().map(|row| row.clone().into_active_model());
        activation_manifest::Entity::insert_many(rows).exec_without_returning(&tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    for machine in [&one, &many, &good, &plain] {
        believed(&server, machine).await;
    }
    let mut costs = Vec::new();
    for approval in &approvals[..2] {
        let before = server.context.db.statements();
        withdraw(&server, approval).await;
        costs.push(server.context.db.statements() - before);
    }
    assert_eq!(costs[0], costs[1]);
    let doubted: Vec<_> = rows(&server).await.into_iter().filter(|row| row.doubted_at.is_some()).collect();
    assert_eq!(doubted.len(), 2, "a row for each manifest");
    // Now it may be any machine, so that all are looked at; the verdicts are what they would be.
    for (machine, expected) in [
        (&one, "ASSEMBLY_NOT_APPROVED"),
        (&many, "ASSEMBLY_NOT_APPROVED"),
        (&good, "VALID"),
        (&plain, "VALID"),
    ] {
        assert_eq!(word(&server, machine).await, (expected.to_owned(), true));
    }
    // The fleet is given another build: within a minute the others are believed again.
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    let alike = activation_manifest::Column::Manifest.eq(row.digest);
    activation_manifest::Entity::delete_many().filter(alike).exec(&tx).await.unwrap();
    tx.commit().await.unwrap();
    server.clock.advance(60);
    believed(&server, &plain).await;
    believed(&server, &good).await;
    assert_eq!(word(&server, &one).await.0, "ASSEMBLY_NOT_APPROVED");
}

async fn a_build_that_is_approved_again_is_out_of_doubt(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (id, key) = license(&server, &shop, json!({})).await;
    let builds = [build("Core", "a"), build("Views", "b")];
    let approvals = approve(&server, &builds).await;
    server.clock.advance(SETTLED);
    let machine = Machine::activate_with(&server, &key, "fp-1", json!({"assemblyManifest": builds})).await;
    believed(&server, &machine).await;
    for approval in &approvals {
        withdraw(&server, approval).await;
    }
    let doubted = async || rows(&server).await.iter().filter(|row| row.doubted_at.is_some()).count();
    assert_eq!(doubted().await, 2);
    // For one licence it is good, and for others it is not.
    let own = json!({"assemblies": builds, "licenseId": id});
    try_approve(&server, own).await.expect(201);
    assert_eq!((word(&server, &machine).await.0.as_str(), doubted().await), ("VALID", 2));
    approve(&server, &builds[..1]).await;
    assert_eq!(doubted().await, 1);
    approve(&server, &builds[1..]).await;
    assert_eq!(doubted().await, 0);
    server.clock.advance(60);
    until(|| async { word(&server, &machine).await == from_memory() }).await;
}
