//! Time that begins with the first machine, and until when updates are covered.

use futures_util::future::join_all;
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, try_activate};
use licentia_types::time::Timestamp;
use serde_json::{Value, json};

use super::{claims, edit, events, key, read, refused};

on_both![
    the_time_of_a_licence_can_begin_with_its_first_machine,
    a_fixed_end_stays_where_it_is,
    what_was_refused_starts_nothing,
    machines_at_once_start_a_licence_once,
    an_edit_can_give_a_waiting_licence_another_end_and_keeps_its_term,
    a_waiting_trial_keeps_its_term_too,
    updates_are_covered_until_an_instant_that_the_token_names,
];

fn waiting(more: &Value) -> Value {
    let mut body = json!({"startsAt": "first_activation"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn the_time_of_a_licence_can_begin_with_its_first_machine(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, waiting(&json!({"validDays": 10}))).await;
    for member in ["startsAt", "expiresAt", "firstActivatedAt"] {
        assert_eq!(issued[member], Value::Null, "{member}");
    }
    server.clock.advance(90 * 86_400);
    assert_eq!(read(&server, &issued).await["status"], "active");
    let now = server.context.moment().now;
    let machine = Machine::activate(&server, key(&issued), "fp-1").await;
    assert_eq!(machine.claims()["license_exp"], now.plus_days(10).seconds());
    let started = read(&server, &issued).await;
    assert_eq!(
        (&started["startsAt"], &started["firstActivatedAt"], &started["expiresAt"], &started["version"]),
        (&json!(now.to_string()), &json!(now.to_string()), &json!(now.plus_days(10).to_string()), &json!(2))
    );
    // Only the first one counts.
    server.clock.advance(86_400);
    Machine::activate(&server, key(&issued), "fp-2").await;
    Machine::activate(&server, key(&issued), "fp-1").await;
    let after = read(&server, &issued).await;
    for member in ["startsAt", "firstActivatedAt", "expiresAt", "version"] {
        assert_eq!(after[member], started[member], "{member}");
    }
    assert_eq!(events(&server, "license.started").await.len(), 1);

    let monthly = waiting(&json!({"tierId": shop.basic, "billingPeriod": "monthly"}));
    let monthly = shop.issue(&server, monthly).await;
    let now = server.context.moment().now;
    claims(&server, &monthly).await;
    assert_eq!(read(&server, &monthly).await["expiresAt"], now.plus_months(1).to_string());
    let perpetual = shop.issue(&server, waiting(&json!({}))).await;
    assert!(claims(&server, &perpetual).await.get("license_exp").is_none());
    assert_eq!(read(&server, &perpetual).await["startsAt"], now.to_string());
}

async fn a_fixed_end_stays_where_it_is(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let now = server.context.moment().now;
    let end = now.plus_days(5).to_string();
    let issued = shop.issue(&server, waiting(&json!({"expiresAt": end}))).await;
    assert_eq!((&issued["startsAt"], &issued["expiresAt"]), (&Value::Null, &json!(end)));
    server.clock.advance(86_400);
    assert_eq!(claims(&server, &issued).await["license_exp"], now.plus_days(5).seconds());
    // An ordinary licence notes its first machine, and is the same for every machine.
    let plain = shop.issue(&server, json!({"validDays": 5})).await;
    claims(&server, &plain).await;
    let after = read(&server, &plain).await;
    assert_eq!((&after["version"], after["firstActivatedAt"].is_string()), (&json!(1), true));
}

async fn what_was_refused_starts_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, waiting(&json!({"validDays": 10, "maxUsers": 1}))).await;
    super::suspend(&server, super::id(&issued)).await;
    try_activate(&server, key(&issued), "fp-1", json!({})).await.expect_problem(403, "LICENSE_SUSPENDED");
    let after = read(&server, &issued).await;
    assert_eq!((&after["firstActivatedAt"], &after["expiresAt"]), (&Value::Null, &Value::Null));
}

async fn machines_at_once_start_a_licence_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let more = json!({"validDays": 10, "maxActivations": 4, "customer": {"externalId": "ada"}});
    let issued = shop.issue(&server, waiting(&more)).await;
    let machines: Vec<String> = (0..8).map(|number| format!("fp-{number}")).collect();
    let answers =
        join_all(machines.iter().map(|machine| try_activate(&server, key(&issued), machine, json!({}))))
            .await;
    let taken = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(taken, 4);
    let after = read(&server, &issued).await;
    assert_eq!((&after["version"], &after["seats"]["used"]), (&json!(2), &json!(4)));
    assert_eq!(events(&server, "license.started").await.len(), 1);
}

async fn an_edit_can_give_a_waiting_licence_another_end_and_keeps_its_term(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let fixed = shop.issue(&server, waiting(&json!({"validDays": 10}))).await;
    edit(&server, &fixed, json!({"expiresAt": "2050-01-01T00:00:00Z"})).await.expect(200);
    claims(&server, &fixed).await;
    assert_eq!(read(&server, &fixed).await["expiresAt"], "2050-01-01T00:00:00Z");
    // Without a fixed end its term counts, again or still.
    for (body, ends) in [
        (json!({"validDays": 10}), vec![json!("2050-01-01T00:00:00Z"), Value::Null]),
        (json!({"validDays": 10}), vec![Value::Null]),
    ] {
        let issued = shop.issue(&server, waiting(&body)).await;
        let mut edited = issued.clone();
        for end in ends {
            edited = edit(&server, &issued, json!({"expiresAt": end})).await.expect(200);
        }
        assert_eq!((&edited["term"], &edited["expiresAt"]), (&json!({"days": 10}), &Value::Null));
        let now = server.context.moment().now;
        claims(&server, &issued).await;
        assert_eq!(read(&server, &issued).await["expiresAt"], now.plus_days(10).to_string());
    }
    // With neither, and once its time has begun, it never expires.
    let fixed = shop.issue(&server, waiting(&json!({"expiresAt": "2050-01-01T00:00:00Z"}))).await;
    edit(&server, &fixed, json!({"expiresAt": null})).await.expect(200);
    let started = shop.issue(&server, waiting(&json!({"validDays": 10}))).await;
    claims(&server, &started).await;
    edit(&server, &started, json!({"expiresAt": null})).await.expect(200);
    for license in [&fixed, &started] {
        assert!(claims(&server, license).await.get("license_exp").is_none());
        assert_eq!(read(&server, license).await["expiresAt"], Value::Null);
    }
}

async fn a_waiting_trial_keeps_its_term_too(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let by_term = shop.issue(&server, waiting(&json!({"trial": true, "validDays": 10}))).await;
    edit(&server, &by_term, json!({"expiresAt": "2050-01-01T00:00:00Z"})).await.expect(200);
    edit(&server, &by_term, json!({"expiresAt": null})).await.expect(200);
    let now = server.context.moment().now;
    assert_eq!(claims(&server, &by_term).await["license_exp"], now.plus_days(10).seconds());
    let by_date =
        shop.issue(&server, waiting(&json!({"trial": true, "expiresAt": "2050-01-01T00:00:00Z"}))).await;
    for license in [&by_term, &by_date] {
        let endless = edit(&server, license, json!({"expiresAt": null})).await;
        assert_eq!(endless.expect_problem(422, "VALIDATION_FAILED")["errors"][0]["pointer"], "/expiresAt");
    }
}

async fn updates_are_covered_until_an_instant_that_the_token_names(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let until: Timestamp = "2031-06-30T00:00:00Z".parse().unwrap();
    let issued = shop.issue(&server, json!({"updatesUntil": until.to_string()})).await;
    assert_eq!(issued["updatesUntil"], until.to_string());
    let mut machine = Machine::activate(&server, key(&issued), "fp-1").await;
    assert_eq!(machine.claims()["updates_until"], until.seconds());
    let later: Timestamp = "2032-06-30T00:00:00Z".parse().unwrap();
    edit(&server, &issued, json!({"updatesUntil": later.to_string()})).await.expect(200);
    machine.beat(&server).await;
    assert_eq!(machine.claims()["updates_until"], later.seconds());
    let all = edit(&server, &issued, json!({"updatesUntil": null})).await.expect(200);
    assert_eq!(all["updatesUntil"], Value::Null);
    machine.beat(&server).await;
    assert!(machine.claims().get("updates_until").is_none());
    assert_eq!(refused(&server, &shop, json!({"updatesUntil": "soon"})).await, "/updatesUntil");
    assert_eq!(refused(&server, &shop, json!({"startsAt": "tomorrow"})).await, "/startsAt");
}
