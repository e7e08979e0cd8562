//! Trials: they end, each machine has one of a product, and they replace nothing that was paid for.

use futures_util::future::join;
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, try_activate};
use serde_json::{Value, json};

use super::{edit, id, key, read, refused};

on_both![
    a_trial_ends,
    a_machine_tries_a_product_once,
    a_machine_that_comes_with_two_trials_at_once_gets_one,
    what_was_refused_spends_no_trial,
    trials_are_listed,
];

fn trial() -> Value {
    json!({"trial": true, "validDays": 14})
}

async fn a_trial_ends(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    assert_eq!(refused(&server, &shop, json!({"trial": true})).await, "/expiresAt");
    let billed = json!({"trial": true, "tierId": shop.basic, "billingPeriod": "monthly"});
    assert_eq!(refused(&server, &shop, billed).await, "/expiresAt");
    let issued = shop.issue(&server, trial()).await;
    assert_eq!(issued["trial"], true);
    let endless = edit(&server, &issued, json!({"expiresAt": null})).await;
    assert_eq!(endless.expect_problem(422, "VALIDATION_FAILED")["errors"][0]["pointer"], "/expiresAt");
    edit(&server, &issued, json!({"expiresAt": "2050-01-01T00:00:00Z"})).await.expect(200);
    shop.issue(&server, json!({"trial": true, "expiresAt": "2050-01-01T00:00:00Z"})).await;
    shop.issue(&server, json!({"trial": true, "validDays": 3, "startsAt": "first_activation"})).await;
}

async fn a_machine_tries_a_product_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, other) = (Shop::open(&server).await, Shop::named(&server, "other").await);
    let first = shop.issue(&server, trial()).await;
    let machine = Machine::activate(&server, key(&first), "fp-1").await;
    // The same machine with the same licence, also after it gave its seat back.
    try_activate(&server, key(&first), "fp-1", json!({})).await.expect(200);
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    server.admin_post(&path, json!({})).await.expect(200);
    try_activate(&server, key(&first), "fp-1", json!({})).await.expect(201);
    let second = shop.issue(&server, trial()).await;
    try_activate(&server, key(&second), "fp-1", json!({})).await.expect_problem(409, "TRIAL_USED");
    let after = read(&server, &second).await;
    assert_eq!((&after["seats"]["used"], &after["firstActivatedAt"]), (&json!(0), &Value::Null));
    // Other machines, other products, and paid licences are free.
    try_activate(&server, key(&second), "fp-2", json!({})).await.expect(201);
    let elsewhere = other.issue(&server, trial()).await;
    try_activate(&server, key(&elsewhere), "fp-1", json!({})).await.expect(201);
    let paid = shop.issue(&server, json!({})).await;
    try_activate(&server, key(&paid), "fp-1", json!({})).await.expect(201);
    // The second machine of a trial spends its own.
    try_activate(&server, key(&first), "fp-2", json!({})).await.expect_problem(409, "TRIAL_USED");
}

async fn a_machine_that_comes_with_two_trials_at_once_gets_one(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for round in 0..5 {
        let (one, other) = (shop.issue(&server, trial()).await, shop.issue(&server, trial()).await);
        let machine = format!("fp-{round}");
        let (left, right) = join(
            try_activate(&server, key(&one), &machine, json!({})),
            try_activate(&server, key(&other), &machine, json!({})),
        )
        .await;
        let mut statuses = [left.status, right.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{} {}", left.text, right.text);
    }
}

async fn what_was_refused_spends_no_trial(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let mut full = trial();
    full["maxActivations"] = json!(1);
    let full = shop.issue(&server, full).await;
    Machine::activate(&server, key(&full), "fp-1").await;
    try_activate(&server, key(&full), "fp-2", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    let other = shop.issue(&server, trial()).await;
    try_activate(&server, key(&other), "fp-2", json!({})).await.expect(201);
}

async fn trials_are_listed(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let paid = shop.issue(&server, json!({})).await;
    let tried = shop.issue(&server, trial()).await;
    for (query, expected) in [("trial=true", &tried), ("trial=false", &paid)] {
        let page = server.admin_get(&format!("/license-keys?{query}")).await.expect(200);
        assert_eq!((&page["total"], &page["items"][0]["id"]), (&json!(1), &json!(id(expected))));
    }
    server.admin_get("/license-keys?trial=perhaps").await.expect_problem(400, "PARAMETER_INVALID");
}
