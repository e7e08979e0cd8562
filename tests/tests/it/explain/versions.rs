//! `updatesUntil`: which versions a licence covers.

use licentia_tests::{Backend, Machine, TestServer, on_both, try_activate};
use serde_json::{Value, json};

use super::{begin, limit_updates, rule};

on_both![
    a_declared_version_counts_from_its_date,
    a_version_that_was_only_seen_counts_from_then,
    a_version_that_nobody_had_came_out_just_now,
    a_machine_is_judged_by_the_version_that_it_told,
    versions_are_compared_to_the_letter,
    without_an_end_every_version_is_covered,
];

async fn declare(server: &TestServer, product: &str, version: &str, seconds_from_now: i64) {
    let at = server.context.moment().now.micros() + seconds_from_now * 1_000_000;
    let at = licentia_types::time::Timestamp::from_micros(at);
    let body = json!({"version": version, "releasedAt": at});
    server.admin_post(&format!("/products/{product}/releases"), body).await.expect(201);
}

async fn judged(server: &TestServer, machine: &Machine, version: &str) -> Value {
    let question = json!({"licenseKey": machine.key, "productVersion": version, "explain": true});
    server.post("/license-keys/validate", question).await.expect(200)
}

#[track_caller]
fn assert_covered(verdict: &Value, covered: bool, from: &str) {
    let code = if covered { "VALID" } else { "VERSION_NOT_COVERED" };
    assert_eq!((&verdict["code"], &verdict["valid"]), (&json!(code), &json!(covered)), "{verdict}");
    let (passed, inputs) = rule(verdict, "version_covered");
    assert_eq!((passed, &inputs["dateFrom"]), (covered, &json!(from)));
}

async fn a_declared_version_counts_from_its_date(backend: Backend) {
    let (server, shop, issued, machine) = begin(backend).await;
    limit_updates(&server, &issued, 100).await;
    for (version, at, covered) in
        [("1.0", -1_000, true), ("2.0", 99, true), ("3.0", 100, false), ("4.0", 5_000, false)]
    {
        declare(&server, &shop.product, version, at).await;
        assert_covered(&judged(&server, &machine, version).await, covered, "released");
    }
    // Whatever the clock says later.
    server.clock.advance(1_000);
    assert_covered(&judged(&server, &machine, "2.0").await, true, "released");
    assert_covered(&judged(&server, &machine, "3.0").await, false, "released");
}

async fn a_version_that_was_only_seen_counts_from_then(backend: Backend) {
    let (server, shop, issued, machine) = begin(backend).await;
    limit_updates(&server, &issued, 100).await;
    try_activate(&server, &machine.key, "fp-1", json!({"productVersion": "2.0"})).await.expect(200);
    server.clock.advance(100);
    let other = shop.issue(&server, json!({})).await;
    let more = json!({"productVersion": "3.0"});
    try_activate(&server, other["licenseKey"].as_str().unwrap(), "fp-9", more).await.expect(201);
    server.clock.advance(1_000);
    assert_covered(&judged(&server, &machine, "2.0").await, true, "first_seen");
    assert_covered(&judged(&server, &machine, "3.0").await, false, "first_seen");
    // The vendor's word counts more.
    declare(&server, &shop.product, "3.0", -5_000).await;
    assert_covered(&judged(&server, &machine, "3.0").await, true, "released");
    declare(&server, &shop.product, "2.0", 0).await;
    assert_covered(&judged(&server, &machine, "2.0").await, false, "released");
}

async fn a_version_that_nobody_had_came_out_just_now(backend: Backend) {
    let (server, _, issued, machine) = begin(backend).await;
    limit_updates(&server, &issued, 100).await;
    server.clock.advance(99);
    assert_covered(&judged(&server, &machine, "2.0").await, true, "now");
    server.clock.advance(1);
    assert_covered(&judged(&server, &machine, "2.0").await, false, "now");
}

async fn a_machine_is_judged_by_the_version_that_it_told(backend: Backend) {
    let (server, shop, issued, machine) = begin(backend).await;
    limit_updates(&server, &issued, 100).await;
    let ask = async |mut question: Value| {
        question["explain"] = json!(true);
        server.post("/license-keys/validate", question).await.expect(200)
    };
    let by_key = json!({"licenseKey": machine.key, "fingerprint": "fp-1"});
    let silent = ask(by_key.clone()).await;
    assert_eq!(
        (&silent["code"], rule(&silent, "version_covered").1["productVersion"].is_null()),
        (&json!("VALID"), true)
    );
    declare(&server, &shop.product, "3.0", 200).await;
    try_activate(&server, &machine.key, "fp-1", json!({"productVersion": "3.0"})).await.expect(200);
    for question in [by_key.clone(), json!({"token": machine.token})] {
        assert_covered(&ask(question).await, false, "released");
    }
    // The licence alone has no version; what is sent counts more than what was told.
    assert_eq!(ask(json!({"licenseKey": machine.key})).await["code"], "VALID");
    let mut sent = by_key;
    sent["productVersion"] = json!("1.0");
    assert_covered(&ask(sent).await, true, "now");
}

async fn versions_are_compared_to_the_letter(backend: Backend) {
    let (server, shop, issued, machine) = begin(backend).await;
    limit_updates(&server, &issued, -1).await;
    declare(&server, &shop.product, "2.0", -100).await;
    assert_covered(&judged(&server, &machine, "2.0").await, true, "released");
    for other in ["2.0.0", "2.0-beta", "02.0", "v2.0"] {
        assert_covered(&judged(&server, &machine, other).await, false, "now");
    }
    let gravest = json!({"licenseKey": machine.key, "productVersion": "9", "actionType": "api"});
    let verdict = server.post("/license-keys/validate", gravest).await.expect(200);
    assert_eq!(verdict["reasons"], json!(["VERSION_NOT_COVERED", "FEATURE_NOT_INCLUDED"]));
}

async fn without_an_end_every_version_is_covered(backend: Backend) {
    let (server, shop, _, machine) = begin(backend).await;
    declare(&server, &shop.product, "3.0", 100_000).await;
    let verdict = judged(&server, &machine, "3.0").await;
    assert_eq!(verdict["code"], "VALID");
    let (passed, inputs) = rule(&verdict, "version_covered");
    assert!(passed && inputs["updatesUntil"].is_null() && inputs["date"].is_null());
}
