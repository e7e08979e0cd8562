//! Renewals: how far they reach, and what they leave as it is.

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use licentia_types::time::Timestamp;
use serde_json::{Value, json};

use super::{act, act_on, edit, key, read};

on_both![
    a_renewal_adds_the_licences_own_term,
    without_a_term_the_only_period_of_the_tier_counts,
    a_renewal_says_for_how_long_once,
    what_never_ends_is_not_renewed,
    a_lapsed_licence_is_renewed_from_now,
    two_renewals_of_one_version_renew_once,
];

fn instant(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

async fn renewed(server: &TestServer, license: &Value, body: Value) -> Timestamp {
    instant(&act(server, license, "renew", body).await.expect(200)["expiresAt"])
}

async fn a_renewal_adds_the_licences_own_term(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let daily = shop.issue(&server, json!({"validDays": 30})).await;
    assert_eq!(daily["term"], json!({"days": 30}));
    let end = instant(&daily["expiresAt"]);
    assert_eq!(renewed(&server, &daily, json!({})).await, end.plus_days(30));
    assert_eq!(renewed(&server, &daily, json!({"validDays": 1})).await, end.plus_days(31));
    // What was asked for once is not its term.
    assert_eq!(renewed(&server, &daily, json!({})).await, end.plus_days(61));
    let until = end.plus_days(100);
    assert_eq!(renewed(&server, &daily, json!({"expiresAt": until.to_string()})).await, until);

    let monthly = json!({"tierId": shop.basic, "billingPeriod": "monthly"});
    let monthly = shop.issue(&server, monthly).await;
    assert_eq!(monthly["term"], json!({"months": 1}));
    let end = instant(&monthly["expiresAt"]);
    assert_eq!(renewed(&server, &monthly, json!({})).await, end.plus_months(1));
    let machine = Machine::activate(&server, key(&monthly), "fp-1").await;
    assert_eq!(machine.claims()["license_exp"], end.plus_months(1).seconds());
}

async fn without_a_term_the_only_period_of_the_tier_counts(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let fixed = json!({"tierId": shop.basic, "expiresAt": "2040-01-31T00:00:00Z"});
    let issued = shop.issue(&server, fixed).await;
    assert_eq!(issued["term"], Value::Null);
    let months: Timestamp = "2040-02-29T00:00:00Z".parse().unwrap();
    assert_eq!(renewed(&server, &issued, json!({})).await, months);
    // Two periods leave it open, and so does none.
    let path = format!("/pricing-tiers/{}", shop.basic);
    for periods in [json!(["monthly", "annual"]), json!([])] {
        server.admin_put(&path, json!({"billingPeriods": periods})).await.expect(200);
        let problem =
            act(&server, &issued, "renew", json!({})).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/validDays");
    }
    let annual = json!({"billingPeriod": "annual"});
    let problem = act(&server, &issued, "renew", annual).await.expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["pointer"], "/billingPeriod");
}

async fn a_renewal_says_for_how_long_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({"validDays": 30})).await;
    for (body, pointer) in [
        (json!({"validDays": 0}), "/validDays"),
        (json!({"validDays": 36_501}), "/validDays"),
        (json!({"validDays": 1, "expiresAt": "2050-01-01T00:00:00Z"}), "/expiresAt"),
        (json!({"validDays": 1, "billingPeriod": "monthly"}), "/expiresAt"),
        (json!({"expiresAt": "2020-01-01T00:00:00Z"}), "/expiresAt"),
        (json!({"expiresAt": issued["expiresAt"]}), "/expiresAt"),
        (json!({"billingPeriod": "weekly"}), "/billingPeriod"),
        (json!({"days": 3}), "/days"),
    ] {
        let problem = act(&server, &issued, "renew", body).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    edit(&server, &issued, json!({"expiresAt": "9999-12-30T00:00:00Z"})).await.expect(200);
    let problem = act(&server, &issued, "renew", json!({})).await.expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(problem["errors"][0]["pointer"], "/expiresAt");
}

async fn what_never_ends_is_not_renewed(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let perpetual = shop.issue(&server, json!({})).await;
    let waiting = shop.issue(&server, json!({"startsAt": "first_activation", "validDays": 5})).await;
    for license in [&perpetual, &waiting] {
        for body in [json!({}), json!({"validDays": 5}), json!({"expiresAt": "2050-01-01T00:00:00Z"})] {
            act(&server, license, "renew", body).await.expect_problem(409, "STATE_CONFLICT");
        }
        assert_eq!(read(&server, license).await["expiresAt"], Value::Null);
    }
}

async fn a_lapsed_licence_is_renewed_from_now(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({"validDays": 10})).await;
    let mut machine = Machine::activate(&server, key(&issued), "fp-1").await;
    server.clock.advance(40 * 86_400);
    assert_eq!(machine.beat(&server).await["status"], "expired");
    let now = server.context.moment().now;
    assert_eq!(renewed(&server, &issued, json!({})).await, now.plus_days(10));
    let answer = machine.beat(&server).await;
    assert_eq!((&answer["status"], answer["token"].is_string()), (&json!("active"), true));
}

async fn two_renewals_of_one_version_renew_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for _ in 0..5 {
        let issued = shop.issue(&server, json!({"validDays": 30})).await;
        let renew = || act_on(&server, &issued, "renew", "\"1\"", json!({}));
        let (one, other) = tokio::join!(renew(), renew());
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
        let after = read(&server, &issued).await;
        assert_eq!(instant(&after["expiresAt"]), instant(&issued["expiresAt"]).plus_days(30));
        assert_eq!(after["version"], 2);
    }
}
