//! Machines that come while approvals are withdrawn: whoever has a proof came before.

use std::collections::HashMap;

use futures_util::future::{join, join_all};
use licentia_entity::event;
use licentia_tests::{Backend, claims, on_both, try_activate};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::*;

on_both![no_proof_names_a_build_whose_approval_was_gone];

const TEN: usize = 10;
const LICENSES: usize = 6;
const BUILDS: usize = 6;

async fn no_proof_names_a_build_whose_approval_was_gone(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let shop = Shop::open(&server).await;
    let mut keys = Vec::new();
    for _ in 0..LICENSES {
        keys.push(license(&server, &shop, json!({"maxActivations": null})).await);
    }
    let builds: Vec<Value> = (0..BUILDS).map(|n| build(&format!("Part{n}"), &n.to_string())).collect();
    let approvals = approve(&server, &builds).await;
    let servers = [&server, &other];
    // Ten machines, a withdrawal, ten machines, and so on: all of them at once.
    let rounds = approvals.iter().rev().enumerate().map(|(round, approval)| {
        let coming = join_all((round * TEN..(round + 1) * TEN).map(|n| {
            let (_, key) = &keys[n % LICENSES];
            let manifest = [&builds[n % BUILDS], &builds[(n + 1) % BUILDS]];
            let (server, more) = (servers[n % 2], json!({"assemblyManifest": manifest}));
            async move { try_activate(server, key, &format!("fp-{n}"), more).await }
        }));
        join(coming, withdraw(&other, approval))
    });
    let replies: Vec<Reply> = join_all(rounds).await.into_iter().flat_map(|(replies, ())| replies).collect();
    assert_eq!(replies.len(), TEN * BUILDS);

    // A machine's event is written while its approvals are held, that of a withdrawal once they are free.
    let rows =
        event::Entity::find().filter(event::Column::Kind.is_in(["activation.created", "assembly.withdrawn"]));
    let written: HashMap<String, i64> =
        rows.all(&server.context.db).await.unwrap().into_iter().map(|row| (row.subject, row.id)).collect();
    let withdrawn: HashMap<String, i64> = builds
        .iter()
        .zip(&approvals)
        .map(|(build, id)| (build["assemblyName"].to_string(), written[id]))
        .collect();
    let mut proven = 0;
    for (n, reply) in replies.iter().enumerate() {
        if reply.status == 201 {
            let said = claims(reply.body["activationProof"].as_str().unwrap());
            let came = written[said["activation_id"].as_str().unwrap()];
            let named = said["assemblies"].as_array().unwrap();
            assert_eq!(named.len(), 2);
            for assembly in named {
                assert!(came < withdrawn[&assembly["name"].to_string()], "machine {n} came after {assembly}");
            }
            proven += 1;
        } else {
            assert_eq!(reply.body["code"], "ASSEMBLY_NOT_APPROVED", "{}", reply.text);
        }
    }
    let mut used = 0;
    for (id, _) in &keys {
        let shown = server.admin_get(&format!("/license-keys/{id}")).await.expect(200);
        used += shown["seats"]["used"].as_u64().unwrap();
    }
    assert_eq!(used, proven, "who was refused has no seat");
    assert_eq!(server.admin_get("/license-activations").await.expect(200)["total"], proven);
    assert!((1..60).contains(&proven), "{proven}: some came before the withdrawals, and some after");
    let late = try_activate(&server, &keys[0].1, "late", json!({"assemblyManifest": [builds[0]]})).await;
    late.expect_problem(403, "ASSEMBLY_NOT_APPROVED");
}
