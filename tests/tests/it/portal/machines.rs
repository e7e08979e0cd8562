//! What an owner may do with the machines of his licences: let them in, and give their seats back.

use licentia_domain::database::Lane;
use licentia_entity::license;
use licentia_tests::{Backend, Machine, on_both, try_activate};
use licentia_types::ids::{CustomerId, LicenseId};
use reqwest::Method;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use super::Portal;

on_both![
    an_owner_gives_seats_back_within_the_budget,
    an_owner_lets_machines_in_or_not,
    a_machine_that_was_revoked_is_not_his_to_release,
    a_machine_that_went_to_somebody_else_meanwhile_is_not_his_to_release,
];

async fn an_owner_gives_seats_back_within_the_budget(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (server, mine) = (&portal.server, portal.estate("mine").await);
    let one_seat = json!({"customerId": mine.account.customer, "maxActivations": 1});
    let (_, key) = portal.unclaimed(one_seat).await;
    let release = |machine: &Machine| {
        let path = format!("/user/activations/{}/release", machine.activation);
        let session = mine.session.clone();
        async move { session.send(server, Method::POST, &path, Value::Null).await.expect(200) }
    };
    // Twice the seats, at least three.
    for number in 0..3 {
        let machine = Machine::activate(server, &key, &format!("fp-{number}")).await;
        let released = release(&machine).await;
        assert_eq!((&released["status"], &released["holdsSeat"]), (&json!("deactivated"), &json!(false)));
        assert_eq!(release(&machine).await["updatedAt"], released["updatedAt"]);
        machine.try_beat(server).await.expect_problem(410, "ACTIVATION_DEACTIVATED");
    }
    let machine = Machine::activate(server, &key, "fp-9").await;
    let released = release(&machine).await;
    assert_eq!(released["status"], "deactivated");
    assert!(released["seatFreesAt"].is_string(), "{released}");
    try_activate(server, &key, "fp-10", json!({})).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    let log = server.admin_get("/audit-events?action=activation.deactivated").await.expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 4);
    assert_eq!(log["items"][0]["actor"], json!({"kind": "customer", "id": mine.account.customer}));
}

async fn an_owner_lets_machines_in_or_not(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (server, mine) = (&portal.server, portal.estate("mine").await);
    let waiting = mine.session.get(server, "/user/activation-claims?status=pending").await.expect(200);
    assert_eq!((&waiting["total"], &waiting["items"][0]["id"]), (&json!(1), &json!(mine.claim)));
    let decide = |what: &str| {
        let path = format!("/user/activation-claims/{}/{what}", mine.claim);
        let session = mine.session.clone();
        async move { session.send(server, Method::POST, &path, Value::Null).await }
    };
    assert_eq!(decide("approve").await.expect(200)["status"], "approved");
    assert_eq!(decide("approve").await.expect(200)["status"], "approved");
    assert_eq!(decide("reject").await.expect(200)["status"], "rejected");
    decide("approve").await.expect_problem(409, "STATE_CONFLICT");
    let log = server.admin_get("/audit-events?action=activation_claim.rejected").await.expect(200);
    assert_eq!(log["items"][0]["actor"], json!({"kind": "customer", "id": mine.account.customer}));
}

async fn a_machine_that_was_revoked_is_not_his_to_release(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (server, mine) = (&portal.server, portal.estate("mine").await);
    let path = format!("/license-activations/{}/revoke", mine.machine.activation);
    server.admin_post(&path, json!({"reason": "sold by a thief"})).await.expect(200);
    let path = format!("/user/activations/{}/release", mine.machine.activation);
    let refused = mine.session.send(server, Method::POST, &path, Value::Null).await;
    refused.expect_problem(409, "STATE_CONFLICT");
    // Why, the vendor noted down for himself.
    let listed = mine.session.get(server, "/user/activations").await;
    assert!(listed.text.contains("\"revoked\"") && !listed.text.contains("thief"), "{}", listed.text);
    let export = mine.session.send(server, Method::POST, "/user/export", Value::Null).await;
    assert!(export.text.contains("\"revoked\"") && !export.text.contains("thief"), "{}", export.text);
    let seen = server.admin_get(&format!("/license-activations/{}", mine.machine.activation)).await;
    assert_eq!(seen.expect(200)["revocationReason"], "sold by a thief");
}

async fn a_machine_that_went_to_somebody_else_meanwhile_is_not_his_to_release(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (server, mine, other) = (&portal.server, portal.estate("mine").await, portal.estate("other").await);
    let path = format!("/user/activations/{}/release", mine.machine.activation);
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    let owner: CustomerId = other.account.customer.parse().unwrap();
    let license: LicenseId = mine.license.parse().unwrap();
    license::Entity::update_many()
        .col_expr(license::Column::CustomerId, Expr::value(owner))
        .filter(license::Column::Id.eq(license))
        .exec(&tx)
        .await
        .unwrap();
    let before = server.context.db.statements();
    let meanwhile = async {
        // He has been found to be the owner, and waits for the licence.
        for _ in 0..100_000 {
            if server.context.db.statements() >= before + 2 {
                break;
            }
            tokio::task::yield_now().await;
        }
        tx.commit().await.unwrap();
    };
    let released = mine.session.send(server, Method::POST, &path, Value::Null);
    let (released, ()) = tokio::join!(released, meanwhile);
    released.expect_problem(404, "NOT_FOUND");
    let seen = server.admin_get(&format!("/license-activations/{}", mine.machine.activation)).await;
    assert_eq!(seen.expect(200)["status"], "active");
}
