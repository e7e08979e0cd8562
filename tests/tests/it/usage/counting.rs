//! What a validation counts for.

use licentia_tests::{Backend, TestServer, on_both};
use serde_json::{Value, json};

use super::{assert_counted, begin, by_outcome, id, together, usage, validate};
use crate::changes::{counted, settled};
use crate::licenses::suspend;

on_both![
    every_judged_call_counts_by_action_and_outcome,
    a_token_taken_at_its_word_counts_and_costs_no_statement,
    versions_count_as_they_are_sent,
    days_begin_at_midnight,
    a_feature_counts_by_name_from_its_declaration_on,
    a_server_that_stops_writes_its_counts,
];

async fn every_judged_call_counts_by_action_and_outcome(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, issued, machine) = begin(&server).await;
    let by_key = |more: Value| {
        let mut question = json!({"licenseKey": machine.key, "fingerprint": "fp-1"});
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        question
    };
    let by_token = |more: Value| {
        let mut question = json!({"token": machine.token});
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        question
    };
    for (question, code) in [
        (by_key(json!({})), "VALID"),
        (by_token(json!({})), "VALID"),
        (by_key(json!({"explain": true})), "VALID"),
        (by_key(json!({"actionType": "export"})), "VALID"),
        (by_token(json!({"actionType": "export"})), "VALID"),
        // Declared, and not granted.
        (by_key(json!({"actionType": "api"})), "FEATURE_NOT_INCLUDED"),
        (by_token(json!({"actionType": "api"})), "FEATURE_NOT_INCLUDED"),
        // For display only, and not declared at all.
        (by_key(json!({"actionType": "care"})), "FEATURE_NOT_INCLUDED"),
        (by_token(json!({"actionType": "no-such.feature"})), "FEATURE_NOT_INCLUDED"),
        (by_key(json!({"fingerprint": "fp-2"})), "FINGERPRINT_MISMATCH"),
        // Of nobody: there is no product that declares anything.
        (json!({"licenseKey": "a-key-of-nobody", "actionType": "export"}), "NOT_FOUND"),
        (json!({"licenseKey": "a-key-of-nobody"}), "NOT_FOUND"),
    ] {
        assert_eq!(validate(&server, question).await["code"], code);
    }
    let mut mistyped = machine.key.clone();
    let last = if mistyped.pop() == Some('0') { '1' } else { '0' };
    mistyped.push(last);
    for (question, code) in [
        (json!({"token": format!("{}x", machine.token)}), "TOKEN_INVALID"),
        (json!({"licenseKey": mistyped}), "LICENSE_KEY_MALFORMED"),
        // Nothing was asked.
        (json!({}), "VALIDATION_FAILED"),
        (by_key(json!({"token": "x"})), "VALIDATION_FAILED"),
        (by_key(json!({"actionType": "not a key"})), "VALIDATION_FAILED"),
    ] {
        server.post("/license-keys/validate", question).await.expect_problem(422, code);
    }
    suspend(&server, id(&issued)).await;
    assert_eq!(validate(&server, by_token(json!({}))).await["code"], "SUSPENDED");

    let of_license = format!("licenseId={}", id(&issued));
    let counted = by_outcome(&server, &of_license).await;
    let expected = [
        ("_validate", "VALID", 3),
        ("export", "VALID", 2),
        ("api", "FEATURE_NOT_INCLUDED", 2),
        ("other", "FEATURE_NOT_INCLUDED", 2),
        ("_validate", "FINGERPRINT_MISMATCH", 1),
        ("_validate", "SUSPENDED", 1),
    ];
    assert_counted(&counted, &expected);
    let of_nobody = [
        ("other", "NOT_FOUND", 1),
        ("_validate", "NOT_FOUND", 1),
        ("_validate", "TOKEN_INVALID", 1),
        ("_validate", "LICENSE_KEY_MALFORMED", 1),
    ];
    assert_counted(&by_outcome(&server, "").await, &[&expected[..], &of_nobody[..]].concat());
    assert_eq!(together(&server, &format!("productId={}", shop.product)).await, 11);
    let unknown = usage(&server, "groupBy=license&sort=day").await;
    assert_eq!(unknown["items"][0], json!({"licenseId": null, "count": 4}));
    assert_eq!((&unknown["total"], &unknown["count"]), (&json!(2), &json!(15)));
}

async fn a_token_taken_at_its_word_counts_and_costs_no_statement(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = settled(&server).await;
    let before = together(&server, "").await;
    for _ in 0..20 {
        let question = json!({"token": machine.token, "actionType": "export", "productVersion": "2.0"});
        let (verdict, statements) = counted(&server, question).await;
        assert_eq!((&verdict["code"], statements), (&json!("VALID"), 0));
    }
    assert_eq!(together(&server, "").await, before + 20);
    assert_eq!(together(&server, "action=export&outcome=VALID&productVersion=2.0").await, 20);
}

async fn versions_count_as_they_are_sent(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, issued, machine) = begin(&server).await;
    for version in ["1.0", "2.0", "2.0", "=1+1"] {
        validate(&server, json!({"token": machine.token, "productVersion": version})).await;
    }
    validate(&server, json!({"token": machine.token})).await;
    // Strangers have no versions.
    validate(&server, json!({"licenseKey": "a-key-of-nobody", "productVersion": "6.6.6"})).await;
    let answer = usage(&server, "groupBy=license,productVersion&sort=day").await;
    let entry = |version: Value, count: u64| json!({"licenseId": id(&issued), "productVersion": version, "count": count});
    let mut items = answer["items"].as_array().unwrap().clone();
    assert_eq!(items.remove(0), json!({"licenseId": null, "productVersion": null, "count": 1}));
    for expected in
        [entry(Value::Null, 1), entry(json!("1.0"), 1), entry(json!("2.0"), 2), entry(json!("=1+1"), 1)]
    {
        assert!(items.contains(&expected), "{expected} in {items:?}");
    }
    assert_eq!(items.len(), 4);
    assert_eq!(together(&server, "productVersion=").await, 2);
}

async fn days_begin_at_midnight(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, machine) = begin(&server).await;
    let question = json!({"licenseKey": machine.key, "fingerprint": "fp-1"});
    // A microsecond before the day after tomorrow, in UTC.
    let now = server.context.moment().now;
    let midnight = now.end_of_day().plus_days(1);
    server.clock.advance((midnight.micros() - now.micros()).div_euclid(1_000_000));
    validate(&server, question.clone()).await;
    server.clock.advance(1);
    validate(&server, question.clone()).await;
    validate(&server, question).await;
    let day = |days: u32| midnight.plus_days(days).to_string()[..10].to_owned();
    let second = day(0);
    let first =
        licentia_types::time::Timestamp::from_micros(midnight.micros() - 1).to_string()[..10].to_owned();
    let answer = usage(&server, "groupBy=day").await;
    assert_eq!(answer["items"], json!([{"day": second, "count": 2}, {"day": first, "count": 1}]));
    let oldest_first = usage(&server, "groupBy=day&sort=day").await;
    assert_eq!(oldest_first["items"], json!([{"day": first, "count": 1}, {"day": second, "count": 2}]));
    for (query, count) in [
        (format!("from={first}&to={first}"), 1),
        (format!("from={second}"), 2),
        (format!("to={first}"), 1),
        (format!("from={first}&to={second}"), 3),
        (format!("from={}", day(1)), 0),
        (format!("from={second}&to={first}"), 0),
    ] {
        assert_eq!(together(&server, &query).await, count, "{query}");
    }
}

async fn a_feature_counts_by_name_from_its_declaration_on(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, _, machine) = begin(&server).await;
    let question = json!({"token": machine.token, "actionType": "late"});
    validate(&server, question.clone()).await;
    assert_eq!(together(&server, "action=other").await, 1);
    let late = json!({"productId": shop.product, "key": "late", "name": "Late", "kind": "entitlement"});
    server.admin_post("/product-features", late).await.expect(201);
    validate(&server, question).await;
    assert_eq!((together(&server, "action=other").await, together(&server, "action=late").await), (1, 1));
    // Of another product it is nothing.
    let other = licentia_tests::Shop::named(&server, "other").await.issue(&server, json!({})).await;
    validate(&server, json!({"licenseKey": other["licenseKey"], "actionType": "late"})).await;
    assert_eq!((together(&server, "action=other").await, together(&server, "action=late").await), (2, 1));
}

async fn a_server_that_stops_writes_its_counts(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, machine) = begin(&server).await;
    let other = server.another().await;
    for _ in 0..7 {
        validate(&other, json!({"token": machine.token})).await;
    }
    drop(other);
    assert_eq!(together(&server, "outcome=VALID").await, 7);
}
