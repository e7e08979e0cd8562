//! From a key in a box to a machine that is let in, given back and refused: all of it by the customer himself.

use licentia_domain::jobs::Job;
use licentia_tests::{Backend, Machine, on_both, try_activate};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Portal, claim, last_letter, register};
use crate::sessions::{PASSWORD, Session};

on_both![a_customer_comes_by_a_key_and_looks_after_himself];

async fn a_customer_comes_by_a_key_and_looks_after_himself(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let issued = portal.waiting.issue(server, json!({"maxActivations": 1})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    // His machine comes before he does, and waits.
    let waits = try_activate(server, key, "laptop", json!({"hostname": "bobs-laptop"})).await.expect(202);
    let question = json!({"claimId": waits["claim"]["id"], "claimSecret": waits["claim"]["secret"]});
    let poll = || server.post("/activation-claims", question.clone());
    poll().await.expect(202);

    assert_eq!(register(server, "bob@example.com").await.status, 202);
    let token = last_letter(server, "bob@example.com", "mail_confirmation", "token").await;
    let confirmed = json!({"token": token, "password": PASSWORD});
    let session = Session::of(&server.post("/register/confirm", confirmed).await);
    assert_eq!(session.get(server, "/user/activation-claims").await.expect(200)["items"], json!([]));
    let own = claim(server, &session, key).await.expect(200);
    assert_eq!(own["id"], issued["id"]);

    let claims = session.get(server, "/user/activation-claims?status=pending").await.expect(200);
    assert_eq!(claims["items"][0]["hostname"], "bobs-laptop");
    let post = |path: String| {
        let session = session.clone();
        async move { session.send(server, Method::POST, &path, Value::Null).await }
    };
    let claim_id = claims["items"][0]["id"].as_str().unwrap();
    post(format!("/user/activation-claims/{claim_id}/approve")).await.expect(200);
    let mut laptop = Machine::of(key, "laptop", &poll().await.expect(201));
    assert_eq!(laptop.beat(server).await["status"], "active");

    // The only seat is taken: a second machine is told why, and the owner by which.
    let refused = try_activate(server, key, "desktop", json!({})).await;
    let refused = refused.expect_problem(409, "SEAT_LIMIT_REACHED");
    assert_eq!((&refused["seats"]["used"], &refused["seats"]["limit"]), (&json!(1), &json!(1)));
    let mine = session.get(server, "/user/activations?status=active").await.expect(200);
    assert_eq!(mine["items"][0]["id"], laptop.activation.as_str());
    post(format!("/user/activations/{}/release", laptop.activation)).await.expect(200);
    laptop.try_beat(server).await.expect_problem(410, "ACTIVATION_DEACTIVATED");
    let desktop = Machine::activate(server, key, "desktop").await;
    assert_eq!(desktop.claims()["license_id"], issued["id"]);

    // A stranger's machine, on another licence of his, is not let in, and told so.
    let second = portal.waiting.issue(server, json!({})).await;
    let second_key = second["licenseKey"].as_str().unwrap();
    claim(server, &session, second_key).await.expect(200);
    let waits = try_activate(server, second_key, "strange", json!({})).await.expect(202);
    let strange = waits["claim"]["id"].as_str().unwrap();
    post(format!("/user/activation-claims/{strange}/reject")).await.expect(200);
    let asks = json!({"claimId": strange, "claimSecret": waits["claim"]["secret"]});
    server.post("/activation-claims", asks).await.expect_problem(403, "CLAIM_REJECTED");
    licentia_domain::jobs::run(&server.context, Job::SealAudit).await.unwrap();
    let report = server.admin_get("/audit-events/verify").await.expect(200);
    assert_eq!((&report["whole"], &report["waiting"]), (&json!(true), &json!(0)), "{report}");
}
