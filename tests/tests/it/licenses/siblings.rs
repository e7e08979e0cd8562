//! A customer's newer licence takes the place of the older ones, once, when it is first activated.

use futures_util::future::join_all;
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, try_activate};
use serde_json::{Value, json};

use super::{act, events, generation, id, key, read, revoke, told};

on_both![
    a_first_activation_revokes_what_the_customer_was_issued_before,
    it_happens_once_and_can_be_taken_back,
    a_trial_revokes_nothing_and_gives_way,
    other_customers_products_and_unclaimed_licences_are_left_alone,
    a_product_can_let_licences_stand_side_by_side,
    of_two_siblings_at_once_the_newer_one_survives,
    of_five_siblings_at_once_the_newest_survives,
    siblings_issued_in_bulk_have_an_order,
    a_transfer_during_first_activations_deadlocks_nothing,
];

fn of(customer: &str) -> Value {
    json!({"customer": {"externalId": customer}})
}

async fn issue(server: &TestServer, shop: &Shop, more: Value) -> Value {
    server.clock.advance(1);
    shop.issue(server, more).await
}

async fn status(server: &TestServer, license: &Value) -> String {
    read(server, license).await["status"].as_str().unwrap().to_owned()
}

async fn a_first_activation_revokes_what_the_customer_was_issued_before(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let old = issue(&server, &shop, of("ada")).await;
    let mut machine = Machine::activate(&server, key(&old), "fp-1").await;
    let held = issue(&server, &shop, of("ada")).await;
    act(&server, &held, "suspend", json!({})).await.expect(200);
    let new = issue(&server, &shop, of("ada")).await;
    let newest = issue(&server, &shop, of("ada")).await;
    // To be issued changes nothing; to be activated does.
    assert_eq!(status(&server, &old).await, "active");
    let before = generation(&server).await;
    Machine::activate(&server, key(&new), "fp-2").await;
    let now = server.context.moment().now;
    // What was on hold stood still already: it has no grace.
    for (license, grace_until) in [(&old, json!(now.plus_days(1).to_string())), (&held, Value::Null)] {
        let superseded = read(&server, license).await;
        assert_eq!(
            (&superseded["status"], &superseded["revocationReason"], &superseded["supersededBy"]),
            (&json!("revoked"), &json!("superseded"), &json!(id(&new)))
        );
        assert_eq!(superseded["graceUntil"], grace_until);
        assert_eq!(superseded["revokedBy"], format!("machine:{}", id(&new)));
        assert_eq!(told(&server, license).await.last().unwrap(), "license.revoked");
    }
    assert_eq!(
        (status(&server, &new).await, status(&server, &newest).await),
        ("active".into(), "active".into())
    );
    let audited = events(&server, "license.revoked").await;
    let graces: Vec<bool> = audited.iter().map(|event| event.detail["graceUntil"].is_string()).collect();
    assert_eq!((graces.len(), graces.contains(&true), graces.contains(&false)), (2, true, true));
    assert_eq!(generation(&server).await, before + 1);
    let answer = machine.beat(&server).await;
    assert_eq!((&answer["status"], answer.get("token")), (&json!("revoked"), None));
}

async fn it_happens_once_and_can_be_taken_back(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let old = issue(&server, &shop, of("ada")).await;
    let mut machine = Machine::activate(&server, key(&old), "fp-1").await;
    let new = issue(&server, &shop, of("ada")).await;
    Machine::activate(&server, key(&new), "fp-2").await;
    let back = act(&server, &old, "reinstate", json!({})).await.expect(200);
    for member in ["revokedAt", "revokedBy", "revocationReason", "graceUntil", "supersededBy"] {
        assert_eq!(back[member], Value::Null, "{member}");
    }
    assert_eq!(back["status"], "active");
    assert!(machine.beat(&server).await["token"].is_string());
    // Further machines of the newer one, and its first one again, leave it alone.
    Machine::activate(&server, key(&new), "fp-2").await;
    Machine::activate(&server, key(&new), "fp-3").await;
    assert_eq!(status(&server, &old).await, "active");
    // The older one, which was first activated before, takes no place either.
    Machine::activate(&server, key(&old), "fp-4").await;
    assert_eq!(status(&server, &new).await, "active");
    // A revocation by a person is for good, also of what a sibling had revoked.
    let third = issue(&server, &shop, of("ada")).await;
    Machine::activate(&server, key(&third), "fp-5").await;
    revoke(&server, &old, json!({"reason": "fraud", "graceHours": 0})).await.expect(200);
    let gone = read(&server, &old).await;
    assert_eq!((&gone["supersededBy"], &gone["graceUntil"]), (&Value::Null, &Value::Null));
    act(&server, &old, "reinstate", json!({})).await.expect_problem(409, "STATE_CONFLICT");
    act(&server, &new, "reinstate", json!({})).await.expect(200);
}

async fn a_trial_revokes_nothing_and_gives_way(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let paid = issue(&server, &shop, of("ada")).await;
    Machine::activate(&server, key(&paid), "fp-1").await;
    let mut trial = of("ada");
    trial["trial"] = json!(true);
    trial["validDays"] = json!(14);
    let trial = issue(&server, &shop, trial).await;
    Machine::activate(&server, key(&trial), "fp-2").await;
    assert_eq!(status(&server, &paid).await, "active");
    // Nor when it has expired.
    server.clock.advance(15 * 86_400);
    assert_eq!(status(&server, &paid).await, "active");
    let renewed = issue(&server, &shop, of("ada")).await;
    Machine::activate(&server, key(&renewed), "fp-2").await;
    assert_eq!(
        (status(&server, &trial).await, status(&server, &paid).await),
        ("revoked".into(), "revoked".into())
    );
    assert_eq!(status(&server, &renewed).await, "active");
}

async fn other_customers_products_and_unclaimed_licences_are_left_alone(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (shop, other) = (Shop::open(&server).await, Shop::named(&server, "other").await);
    let strangers = [
        issue(&server, &shop, of("eve")).await,
        issue(&server, &other, of("ada")).await,
        issue(&server, &shop, json!({})).await,
    ];
    let own = issue(&server, &shop, of("ada")).await;
    let unclaimed = issue(&server, &shop, json!({})).await;
    Machine::activate(&server, key(&own), "fp-1").await;
    Machine::activate(&server, key(&unclaimed), "fp-1").await;
    for license in strangers.iter().chain([&own, &unclaimed]) {
        assert_eq!(status(&server, license).await, "active");
    }
}

async fn a_product_can_let_licences_stand_side_by_side(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let path = format!("/products/{}", shop.product);
    assert_eq!(server.admin_get(&path).await.expect(200)["oneActiveKey"], true);
    let product = server.admin_put(&path, json!({"oneActiveKey": false})).await.expect(200);
    assert_eq!(product["oneActiveKey"], false);
    let (old, new) = (issue(&server, &shop, of("ada")).await, issue(&server, &shop, of("ada")).await);
    Machine::activate(&server, key(&new), "fp-1").await;
    assert_eq!(status(&server, &old).await, "active");
    let body = json!({"slug": "many", "name": "Many", "oneActiveKey": false});
    assert_eq!(server.admin_post("/products", body).await.expect(201)["oneActiveKey"], false);
    server.admin_put(&path, json!({"oneActiveKey": null})).await.expect_problem(422, "VALIDATION_FAILED");
}

/// Activates each licence on a machine of its own, all at once, on each server in turn.
async fn all_at_once(servers: &[&TestServer], licenses: &[Value]) {
    let come = licenses.iter().enumerate().map(|(number, license)| {
        let server = servers[number % servers.len()];
        async move { try_activate(server, key(license), &format!("fp-{number}"), json!({})).await }
    });
    for answer in join_all(come).await {
        match answer.status {
            201 => {}
            _ => drop(answer.expect_problem(403, "LICENSE_REVOKED")),
        }
    }
}

async fn newest_survives(backend: Backend, siblings: usize, rounds: usize) {
    let server = TestServer::start(backend).await;
    let second = match backend {
        Backend::Postgres => Some(server.another().await),
        Backend::Sqlite => None,
    };
    let servers: Vec<&TestServer> = [Some(&server), second.as_ref()].into_iter().flatten().collect();
    let shop = Shop::open(&server).await;
    for round in 0..rounds {
        let mut licenses = Vec::new();
        for _ in 0..siblings {
            licenses.push(issue(&server, &shop, of(&format!("customer-{round}"))).await);
        }
        // Locks are taken by id, which need not be the order in which they come.
        licenses.rotate_left(round % siblings);
        let newest = licenses.iter().max_by_key(|license| license["createdAt"].as_str().unwrap()).unwrap();
        all_at_once(&servers, &licenses).await;
        for license in &licenses {
            let shown = read(&server, license).await;
            let survives = id(license) == id(newest);
            assert_eq!(shown["status"] == "active", survives, "round {round}: {shown}");
            assert_eq!(shown["supersededBy"].is_null(), survives);
        }
    }
}

async fn of_two_siblings_at_once_the_newer_one_survives(backend: Backend) {
    Box::pin(newest_survives(backend, 2, 20)).await;
}

async fn of_five_siblings_at_once_the_newest_survives(backend: Backend) {
    Box::pin(newest_survives(backend, 5, 8)).await;
}

async fn siblings_issued_in_bulk_have_an_order(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let one = json!({"productId": shop.product, "tierId": shop.pro, "customer": {"externalId": "ada"}});
    let body = json!({"licenses": vec![one; 6]});
    let issued = server.admin_post("/license-keys/bulk", body).await.expect(201);
    let licenses = issued["licenses"].as_array().unwrap();
    Machine::activate(&server, key(&licenses[3]), "fp-1").await;
    for (place, license) in licenses.iter().enumerate() {
        let expected = if place < 3 { "revoked" } else { "active" };
        assert_eq!(status(&server, license).await, expected, "{place}");
    }
}

async fn a_transfer_during_first_activations_deadlocks_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for round in 0..6 {
        let (ada, eve) = (format!("ada-{round}"), format!("eve-{round}"));
        let mut licenses = Vec::new();
        for owner in [&ada, &eve, &ada, &eve] {
            licenses.push(issue(&server, &shop, of(owner)).await);
        }
        let transfers = async {
            for (license, to) in [(&licenses[0], &eve), (&licenses[3], &ada), (&licenses[1], &ada)] {
                // Whoever was revoked meanwhile stays where it is.
                let reply = act(&server, license, "transfer", of(to)).await;
                assert!(matches!(reply.status, 200 | 409), "{}", reply.text);
            }
        };
        let servers = [&server];
        tokio::join!(all_at_once(&servers, &licenses), transfers);
        let mut alive = 0;
        for license in &licenses {
            alive += usize::from(status(&server, license).await == "active");
        }
        assert!(alive >= 1);
    }
}
