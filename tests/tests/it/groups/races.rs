//! A licence is where its customer is, whatever happens at once.

use std::collections::HashMap;

use licentia_entity::{customer, license};
use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use reqwest::Method;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use super::{id, make_group};

on_both![licenses_and_their_customers_never_disagree, nothing_is_put_into_a_group_that_goes];

const CUSTOMERS: usize = 4;
const ROUNDS: usize = 12;

async fn send(server: &TestServer, method: Method, path: String, body: Value) {
    let request = server.admin(method.clone(), &path).json(&body);
    let request = if method == Method::PUT { request.header("if-match", "*") } else { request };
    let reply = Reply::of(request).await;
    assert!(matches!(reply.status, 200 | 201), "{method} {path}: {}", reply.text);
}

/// Moves of customers, transfers, issues and claims, all at once and on two instances.
async fn licenses_and_their_customers_never_disagree(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let shop = Shop::open(&server).await;
    let groups = [make_group(&server, "North").await, make_group(&server, "South").await];
    let (mut customers, mut licenses, mut unclaimed) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..CUSTOMERS {
        let body = json!({"externalId": format!("crm-{number}"), "groupId": groups[number % 2]});
        customers.push(id(&server.admin_post("/customers", body).await.expect(201)));
        licenses.push(id(&shop.issue(&server, json!({"customerId": customers[number]})).await));
        unclaimed.push(id(&shop.issue(&server, json!({"groupId": groups[number % 2]})).await));
    }
    let mut calls = Vec::new();
    for round in 0..ROUNDS {
        let instance = if round % 2 == 0 { &server } else { &other };
        let (one, next) = (round % CUSTOMERS, (round + 1) % CUSTOMERS);
        let target = match round % 3 {
            0 => json!({"groupId": groups[0]}),
            1 => json!({"groupId": groups[1]}),
            _ => json!({"groupId": null}),
        };
        calls.push(send(instance, Method::PUT, format!("/customers/{}", customers[one]), target));
        let transfer = format!("/license-keys/{}/transfer", licenses[one]);
        calls.push(send(instance, Method::POST, transfer, json!({"customerId": customers[next]})));
        let issue = json!({"productId": shop.product, "tierId": shop.pro, "customer": {"externalId": format!("crm-{one}")}});
        calls.push(send(instance, Method::POST, "/license-keys".to_owned(), issue));
        if let Some(unclaimed) = unclaimed.get(round) {
            let claim = format!("/license-keys/{unclaimed}");
            calls.push(send(instance, Method::PUT, claim, json!({"customerId": customers[next]})));
        }
    }
    futures_util::future::join_all(calls).await;

    let db = &server.context.db;
    let customers: HashMap<_, _> = customer::Entity::find()
        .all(db)
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.id, row.group_id))
        .collect();
    let licenses = license::Entity::find().all(db).await.unwrap();
    assert_eq!(licenses.len(), 2 * CUSTOMERS + ROUNDS);
    for license in licenses {
        let owner = license.customer_id.unwrap();
        assert_eq!(license.group_id, customers[&owner], "{} of {owner}", license.id);
    }
}

async fn nothing_is_put_into_a_group_that_goes(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    for round in 0..10 {
        let group = make_group(&server, &format!("Group {round}")).await;
        let path = format!("/groups/{group}");
        let (gone, made) = tokio::join!(
            server.admin_delete(&path),
            other.admin_post("/customers", json!({"name": "Ann", "groupId": group})),
        );
        let is_there = server.admin_get(&path).await.status == 200;
        match (gone.status, made.status) {
            (409, 201) => assert!(is_there),
            (204, 422) => assert!(!is_there),
            _ => panic!("{} / {}", gone.text, made.text),
        }
    }
}
