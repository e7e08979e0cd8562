//! Leases that ended: how such a machine is shown, and what it still has to give back.

use licentia_tests::{Backend, Machine, TestServer, on_both};
use serde_json::json;

use super::floating::begin;
use super::{audited, deactivate, shown, told};

on_both![
    an_ended_lease_is_shown_before_it_is_written_down,
    a_machine_that_lapsed_and_is_deactivated_frees_nothing_twice,
];

async fn an_ended_lease_is_shown_before_it_is_written_down(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({})).await;
    let machine = Machine::activate(&server, &issued.key, "fp-1").await;
    let asked = json!({"licenseKey": issued.key, "fingerprint": "fp-1"});
    for (pause, status, other) in [(899, "active", "lapsed"), (1, "lapsed", "active")] {
        server.clock.advance(pause);
        let seated = status == "active";
        let standing = server.post("/license-activations/status", asked.clone()).await.expect(200);
        assert_eq!(
            (&standing["activationStatus"], standing["liveness"].is_null()),
            (&json!(status), !seated)
        );
        let view = shown(&server, &machine).await;
        assert_eq!((&view["status"], &view["holdsSeat"]), (&json!(status), &json!(seated)));
        let listed = async |status: &str| {
            let path = format!("/license-activations?licenseId={}&status={status}", issued.id);
            server.admin_get(&path).await.expect(200)["items"].as_array().unwrap().clone()
        };
        assert_eq!((listed(status).await, listed(other).await), (vec![view], vec![]));
    }
    assert_eq!(audited(&server, "activation.lapsed").await, 0);
}

async fn a_machine_that_lapsed_and_is_deactivated_frees_nothing_twice(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued) = begin(&server, json!({"maxActivations": 2})).await;
    let lapsed = Machine::activate(&server, &issued.key, "lapsed").await;
    server.clock.advance(900);
    Machine::activate(&server, &issued.key, "other").await;
    deactivate(&server, &lapsed).await.expect(200);
    deactivate(&server, &lapsed).await.expect(200);
    assert_eq!(
        (audited(&server, "activation.deactivated").await, told(&server, "activation.deactivated").await),
        (1, 1)
    );
    assert_eq!(issued.counted(&server).await, (1, 1));
    assert_eq!(issued.releases(&server).await, 0);
    lapsed.try_beat(&server).await.expect_problem(410, "ACTIVATION_DEACTIVATED");
}
