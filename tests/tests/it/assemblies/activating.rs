//! Activating with a manifest: every build has to be approved.

use licentia_entity::assembly_manifest;
use licentia_tests::{Backend, Machine, claims, on_both, try_activate};
use sea_orm::EntityTrait;

use super::*;
use crate::requests::first_error;

on_both![
    a_machine_with_approved_builds_is_let_in,
    the_first_build_that_is_not_approved_is_named,
    who_is_refused_has_taken_nothing,
    an_approval_for_one_licence_is_none_for_another,
    a_withdrawn_build_is_refused,
    an_approval_that_names_a_key_asks_for_it,
    a_key_that_nobody_approved_is_not_proven,
    what_is_no_manifest_is_refused,
    a_long_manifest_costs_no_more_statements_than_a_short_one,
    a_refusal_is_kept_for_support,
];

async fn shop(server: &TestServer) -> (Shop, String, String) {
    let shop = Shop::open(server).await;
    let (id, key) = license(server, &shop, json!({})).await;
    (shop, id, key)
}

async fn with(server: &TestServer, key: &str, fingerprint: &str, manifest: &[Value]) -> Reply {
    try_activate(server, key, fingerprint, json!({"assemblyManifest": manifest})).await
}

fn proven(body: &Value) -> Value {
    claims(body["activationProof"].as_str().unwrap())["assemblies"].clone()
}

async fn seats_used(server: &TestServer, license: &str) -> Value {
    server.admin_get(&format!("/license-keys/{license}")).await.expect(200)["seats"]["used"].clone()
}

async fn a_machine_with_approved_builds_is_let_in(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = shop(&server).await;
    let (core, views, spare) = (build("Core", "a"), build("Views", "b"), build("Spare", "c"));
    approve(&server, &[core.clone(), views.clone(), spare]).await;
    let manifest = [views.clone(), core.clone(), views];
    let expected = json!([
        {"name": "Views", "version": "2.4.1.0", "sha256": "b".repeat(64)},
        {"name": "Core", "version": "2.4.1.0", "sha256": "a".repeat(64)},
    ]);
    let first = with(&server, &key, "fp-1", &manifest).await.expect(201);
    assert_eq!(proven(&first), expected, "what it runs, each once, and nothing else");
    assert!(first["token"].is_string() && first["activation"]["status"] == "active");
    // In whatever form the digests come.
    let mut other_form = core.clone();
    other_form["sha256"] = json!("qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=");
    server.clock.advance(10);
    let again = with(&server, &key, "fp-1", &[other_form]).await.expect(200);
    assert_eq!(proven(&again), json!([expected[1]]));
    assert_eq!(seats_used(&server, &license).await, 1);
    // Without a manifest nothing is asked of its builds.
    let plain = try_activate(&server, &key, "fp-2", json!({})).await.expect(201);
    assert!(plain.get("activationProof").is_none());
}

#[track_caller]
fn refused(reply: Reply, place: usize, name: &str) {
    let problem = reply.expect_problem(403, "ASSEMBLY_NOT_APPROVED");
    assert_eq!(first_error(&problem), (format!("/assemblyManifest/{place}").as_str(), "NOT_APPROVED"));
    assert!(problem["detail"].as_str().unwrap().contains(&format!("assembly {name} ")), "{problem}");
}

async fn the_first_build_that_is_not_approved_is_named(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, key) = shop(&server).await;
    let core = build("Core", "a");
    approve(&server, std::slice::from_ref(&core)).await;
    let (mut older, mut renamed) = (core.clone(), core.clone());
    older["version"] = json!("2.4.0.0");
    renamed["assemblyName"] = json!("core");
    for (manifest, place, name) in [
        (vec![build("Core", "b")], 0, "Core"),
        (vec![core.clone(), core.clone(), build("Zed", "c"), build("Any", "d")], 2, "Zed"),
        (vec![core.clone(), older], 1, "Core"),
        (vec![core, renamed], 1, "core"),
    ] {
        refused(with(&server, &key, "fp-1", &manifest).await, place, name);
    }
}

async fn who_is_refused_has_taken_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let starts = json!({"startsAt": "first_activation", "validDays": 30});
    let (license, key) = license(&server, &shop, starts).await;
    let bad = [build("Core", "b")];
    refused(with(&server, &key, "fp-1", &bad).await, 0, "Core");
    let shown = server.admin_get(&format!("/license-keys/{license}")).await.expect(200);
    assert_eq!((&shown["seats"]["used"], &shown["expiresAt"]), (&json!(0), &Value::Null), "it has not begun");
    assert_eq!(server.admin_get("/license-activations").await.expect(200)["total"], 0);
    // A machine that has its seat keeps its chain of nonces.
    let mut machine = Machine::activate(&server, &key, "fp-1").await;
    server.clock.advance(10);
    refused(with(&server, &key, "fp-1", &bad).await, 0, "Core");
    assert_eq!(machine.beat(&server).await["status"], "active");
    assert_eq!(seats_used(&server, &license).await, 1);
}

async fn an_approval_for_one_licence_is_none_for_another(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, own, key) = shop(&server).await;
    let (_, other) = license(&server, &shop, json!({})).await;
    let builds = [build("Core", "a")];
    let body = json!({"assemblies": builds, "licenseId": own});
    try_approve(&server, body).await.expect(201);
    refused(with(&server, &other, "fp-1", &builds).await, 0, "Core");
    with(&server, &key, "fp-1", &builds).await.expect(201);
    approve(&server, &builds).await;
    with(&server, &other, "fp-1", &builds).await.expect(201);
}

async fn a_withdrawn_build_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = shop(&server).await;
    let builds = [build("Core", "a"), build("Views", "b")];
    let approvals = approve(&server, &builds).await;
    with(&server, &key, "fp-1", &builds).await.expect(201);
    withdraw(&server, &approvals[1]).await;
    refused(with(&server, &key, "fp-1", &builds).await, 1, "Views");
    refused(with(&server, &key, "fp-2", &builds).await, 1, "Views");
    with(&server, &key, "fp-2", &builds[..1]).await.expect(201);
    // What another approval says of the build still holds.
    let own = json!({"assemblies": [builds[1]], "licenseId": license});
    try_approve(&server, own).await.expect(201);
    with(&server, &key, "fp-1", &builds).await.expect(200);
}

fn named(token: &str) -> Value {
    let mut one = build("Core", "a");
    one["publicKeyToken"] = json!(token);
    one
}

async fn a_key_that_nobody_approved_is_not_proven(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = shop(&server).await;
    approve(&server, &[build("Core", "a")]).await;
    let open = json!([{"name": "Core", "version": "2.4.1.0", "sha256": "a".repeat(64)}]);
    let told = [named("b77a5c561934e089"), build("Core", "a"), named("31bf3856ad364e35")];
    let first = with(&server, &key, "fp-1", &told).await.expect(201);
    assert_eq!(proven(&first), open, "what the vendor said, once, and not what the machine made up");
    let kept = assembly_manifest::Entity::find().all(&server.context.db).await.unwrap();
    assert_eq!(kept.iter().map(|row| &row.public_key_token).collect::<Vec<_>>(), [&None]);
    // Somebody approves the key: then it is proven, to those who tell it.
    let body = json!({"assemblies": [named("b77a5c561934e089")], "licenseId": license});
    try_approve(&server, body).await.expect(201);
    let mut closer = open.clone();
    closer[0]["public_key_token"] = json!("b77a5c561934e089");
    for (token, expected) in [("b77a5c561934e089", closer), ("31bf3856ad364e35", open)] {
        let answer = with(&server, &key, "fp-1", &[named(token)]).await.expect(200);
        assert_eq!(proven(&answer), expected);
    }
}

async fn an_approval_that_names_a_key_asks_for_it(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, key) = shop(&server).await;
    approve(&server, &[named("b77a5c561934e089")]).await;
    refused(with(&server, &key, "fp-1", &[build("Core", "a")]).await, 0, "Core");
    refused(with(&server, &key, "fp-1", &[named("31bf3856ad364e35")]).await, 0, "Core");
    let answer = with(&server, &key, "fp-1", &[named("B77A5C561934E089")]).await.expect(201);
    assert_eq!(proven(&answer)[0]["public_key_token"], "b77a5c561934e089");
    approve(&server, &[build("Core", "a")]).await;
    with(&server, &key, "fp-1", &[named("31bf3856ad364e35")]).await.expect(200);
}

async fn what_is_no_manifest_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, key) = shop(&server).await;
    let numbered = |count: usize, width: usize| -> Vec<Value> {
        (0..count).map(|n| build(&format!("{n:0>width$}"), "a")).collect()
    };
    for (manifest, pointer) in [
        (json!([]), "/assemblyManifest"),
        (json!(numbered(257, 3)), "/assemblyManifest"),
        (json!(numbered(120, 250)), "/assemblyManifest"),
        (json!({}), "/assemblyManifest"),
        (json!(["Core"]), "/assemblyManifest/0"),
        (json!([{"assemblyName": "Core", "version": "1", "sha256": "a"}]), "/assemblyManifest/0/sha256"),
    ] {
        let reply = try_activate(&server, &key, "fp-1", json!({"assemblyManifest": manifest})).await;
        assert_eq!(first_error(&reply.expect_problem(422, "VALIDATION_FAILED")), (pointer, "INVALID"));
    }
    let reply = try_activate(&server, &key, "fp-1", json!({"proof": "yes"})).await;
    assert_eq!(first_error(&reply.expect_problem(422, "VALIDATION_FAILED")), ("/proof", "INVALID"));
    assert_eq!(server.admin_get("/license-activations").await.expect(200)["total"], 0);
}

async fn a_long_manifest_costs_no_more_statements_than_a_short_one(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, key) = shop(&server).await;
    let builds: Vec<Value> = (0..100).map(|n| build(&format!("Part{n}"), "a")).collect();
    approve(&server, &builds).await;
    let cost = async |more: Value| {
        let before = server.context.db.statements();
        try_activate(&server, &key, "fp-1", more).await.expect(200);
        server.context.db.statements() - before
    };
    try_activate(&server, &key, "fp-1", json!({"proof": true})).await.expect(201);
    let proof = cost(json!({"proof": true})).await;
    let short = cost(json!({"assemblyManifest": &builds[..1]})).await;
    let long = cost(json!({"assemblyManifest": builds})).await;
    // One finds the approvals, two keep what the machine runs.
    assert_eq!((short, long), (proof + 3, proof + 3));
}

async fn a_refusal_is_kept_for_support(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, license, key) = shop(&server).await;
    refused(with(&server, &key, "fp-1", &[build("Core", "a")]).await, 0, "Core");
    let kept = server.admin_get(&format!("/license-keys/{license}/refusals")).await.expect(200);
    let items = kept["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["operation"]), (1, &json!("activate")));
    assert_eq!(items[0]["code"], "ASSEMBLY_NOT_APPROVED");
}
