//! Machines whose builds were approved once: what they are worth when that is withdrawn.

use licentia_tests::{Backend, Machine, on_both};

use super::*;
use crate::changes::{SETTLED, believed, counted, until, word};
use crate::explain::rule;

on_both![
    whoever_runs_a_withdrawn_build_is_not_valid,
    nobody_else_pays_for_a_withdrawal,
    a_token_of_after_a_withdrawal_is_worth_no_more,
    another_approval_or_another_build_makes_it_good_again,
    a_machine_that_tells_nothing_more_told_what_it_did_before,
    a_withdrawal_is_seen_by_every_instance_and_after_a_restart,
    an_explanation_names_the_build,
];

/// A licence, and machines that share two builds; one more has told none.
struct Fleet {
    key: String,
    approvals: Vec<String>,
    machine: Machine,
    other: Machine,
    plain: Machine,
}

fn builds() -> [Value; 2] {
    [build("Core", "a"), build("Views", "b")]
}

impl Fleet {
    async fn begin(server: &TestServer) -> Self {
        let shop = Shop::open(server).await;
        let (_, key) = license(server, &shop, json!({"maxActivations": 9})).await;
        let approvals = approve(server, &builds()).await;
        server.clock.advance(SETTLED);
        let with = async |fingerprint: &str, builds: &[Value]| {
            let more = json!({"assemblyManifest": builds});
            Machine::activate_with(server, &key, fingerprint, more).await
        };
        let machine = with("fp-1", &builds()).await;
        let other = with("fp-2", &builds()[..1]).await;
        let plain = Machine::activate(server, &key, "fp-3").await;
        for machine in [&machine, &other, &plain] {
            believed(server, machine).await;
        }
        Self { key, approvals, machine, other, plain }
    }
}

async fn by_key(server: &TestServer, machine: &Machine) -> String {
    let question = json!({"licenseKey": machine.key, "fingerprint": machine.fingerprint});
    let verdict = server.post("/license-keys/validate", question).await.expect(200);
    assert_eq!(verdict["valid"], verdict["code"] == "VALID");
    verdict["code"].as_str().unwrap().to_owned()
}

async fn by_token(server: &TestServer, machine: &Machine) -> String {
    word(server, machine).await.0
}

async fn whoever_runs_a_withdrawn_build_is_not_valid(backend: Backend) {
    let server = TestServer::start(backend).await;
    let fleet = Fleet::begin(&server).await;
    assert_eq!(by_key(&server, &fleet.machine).await, "VALID");
    withdraw(&server, &fleet.approvals[1]).await;
    for (machine, expected) in
        [(&fleet.machine, "ASSEMBLY_NOT_APPROVED"), (&fleet.other, "VALID"), (&fleet.plain, "VALID")]
    {
        assert_eq!(by_token(&server, machine).await, expected, "{}", machine.fingerprint);
        assert_eq!(by_key(&server, machine).await, expected, "{}", machine.fingerprint);
    }
    // The licence itself, and machines that it does not know, have no builds.
    let asked = json!({"licenseKey": fleet.key});
    assert_eq!(server.post("/license-keys/validate", asked).await.expect(200)["code"], "VALID");
}

async fn nobody_else_pays_for_a_withdrawal(backend: Backend) {
    let server = TestServer::start(backend).await;
    let fleet = Fleet::begin(&server).await;
    withdraw(&server, &fleet.approvals[1]).await;
    for machine in [&fleet.other, &fleet.plain] {
        believed(&server, machine).await;
        let question = json!({"licenseKey": machine.key, "fingerprint": machine.fingerprint});
        let (verdict, statements) = counted(&server, question).await;
        assert_eq!((&verdict["code"], statements), (&json!("VALID"), 1), "licence and machine, together");
    }
    let question = json!({"licenseKey": fleet.machine.key, "fingerprint": fleet.machine.fingerprint});
    assert_eq!(counted(&server, question).await.1, 3, "what it runs, and what of it is approved");
}

async fn a_token_of_after_a_withdrawal_is_worth_no_more(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut fleet = Fleet::begin(&server).await;
    withdraw(&server, &fleet.approvals[0]).await;
    for _ in 0..3 {
        server.clock.advance(SETTLED);
        assert_eq!(fleet.machine.beat(&server).await["status"], "active");
        assert_eq!(by_token(&server, &fleet.machine).await, "ASSEMBLY_NOT_APPROVED");
    }
}

async fn another_approval_or_another_build_makes_it_good_again(backend: Backend) {
    let server = TestServer::start(backend).await;
    let fleet = Fleet::begin(&server).await;
    withdraw(&server, &fleet.approvals[0]).await;
    server.clock.advance(10);
    // The build is approved again.
    let again = approve(&server, &builds()[..1]).await;
    for machine in [&fleet.machine, &fleet.other] {
        assert_eq!(by_token(&server, machine).await, "VALID");
        assert_eq!(by_key(&server, machine).await, "VALID");
    }
    server.clock.advance(10);
    withdraw(&server, &again[0]).await;
    assert_eq!(by_key(&server, &fleet.other).await, "ASSEMBLY_NOT_APPROVED");
    // The machine is updated.
    server.clock.advance(SETTLED);
    let more = json!({"assemblyManifest": [builds()[1]]});
    let updated = Machine::activate_with(&server, &fleet.key, "fp-2", more).await;
    assert_eq!(by_token(&server, &updated).await, "VALID");
    assert_eq!(by_key(&server, &updated).await, "VALID");
    // With the next withdrawal it is out of doubt.
    server.clock.advance(SETTLED);
    let spare = approve(&server, &[build("Spare", "c")]).await;
    withdraw(&server, &spare[0]).await;
    believed(&server, &updated).await;
    assert_eq!(by_token(&server, &fleet.machine).await, "ASSEMBLY_NOT_APPROVED");
}

async fn a_machine_that_tells_nothing_more_told_what_it_did_before(backend: Backend) {
    let server = TestServer::start(backend).await;
    let fleet = Fleet::begin(&server).await;
    let again = Machine::activate(&server, &fleet.key, "fp-1").await;
    let proven = Machine::activate_with(&server, &fleet.key, "fp-2", json!({"proof": true})).await;
    withdraw(&server, &fleet.approvals[0]).await;
    for machine in [&again, &proven] {
        assert_eq!(by_token(&server, machine).await, "ASSEMBLY_NOT_APPROVED");
    }
}

async fn a_withdrawal_is_seen_by_every_instance_and_after_a_restart(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let fleet = Fleet::begin(&server).await;
    believed(&other, &fleet.machine).await;
    withdraw(&server, &fleet.approvals[1]).await;
    // Another process on SQLite, and one that heard nothing yet on PostgreSQL, looks once a second.
    server.clock.advance(1);
    until(|| async { by_token(&other, &fleet.machine).await == "ASSEMBLY_NOT_APPROVED" }).await;
    until(|| async { by_key(&other, &fleet.machine).await == "ASSEMBLY_NOT_APPROVED" }).await;
    let restarted = server.another().await;
    assert_eq!(by_token(&restarted, &fleet.machine).await, "ASSEMBLY_NOT_APPROVED");
    assert_eq!(by_token(&restarted, &fleet.other).await, "VALID");
}

async fn an_explanation_names_the_build(backend: Backend) {
    let server = TestServer::start(backend).await;
    let fleet = Fleet::begin(&server).await;
    let question = json!({"licenseKey": fleet.key, "fingerprint": "fp-1", "explain": true});
    let asked = || server.post("/license-keys/validate", question.clone());
    let nothing = json!({"assemblyName": null, "version": null, "sha256": null});
    assert_eq!(rule(&asked().await.expect(200), "assemblies_approved"), (true, nothing));
    withdraw(&server, &fleet.approvals[1]).await;
    let verdict = asked().await.expect(200);
    let views = json!({"assemblyName": "Views", "version": "2.4.1.0", "sha256": "b".repeat(64)});
    assert_eq!(rule(&verdict, "assemblies_approved"), (false, views));
    assert_eq!(verdict["reasons"], json!(["ASSEMBLY_NOT_APPROVED"]));
    // Support is told the same when it looks the machine up.
    let found = server.admin_post("/lookup", json!({"text": fleet.machine.token})).await.expect(200);
    assert!(found.to_string().contains("ASSEMBLY_NOT_APPROVED"), "{found}");
}
