//! Licences: issued, edited, and what becomes of them.

use licentia_entity::{audit_event, event, revocation_generation};
use licentia_tests::{Machine, Reply, Shop, TestServer};
use licentia_types::ids::LicenseId;
use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

mod bulk;
mod dry_run;
mod first_activation;
mod issuing;
mod key_rotation;
mod keys;
mod lifecycle;
mod overrides;
mod own_features;
mod preconditions;
mod renewal;
mod siblings;
mod standing;
mod trials;

/// Puts a licence on hold.
pub(crate) async fn suspend(server: &TestServer, id: &str) {
    server.admin_post(&format!("/license-keys/{id}/suspend"), json!({})).await.expect(200);
}

/// Does something to a licence: `suspend`, `renew`, …
async fn act(server: &TestServer, license: &Value, action: &str, body: Value) -> Reply {
    let path = format!("/license-keys/{}/{action}", id(license));
    server.admin_post(&path, body).await
}

/// The same to the version that `tag` names.
async fn act_on(server: &TestServer, license: &Value, action: &str, tag: &str, body: Value) -> Reply {
    let path = format!("/license-keys/{}/{action}", id(license));
    Reply::of(server.admin(Method::POST, &path).header("if-match", tag).json(&body)).await
}

/// What others are told: the kinds of the events, oldest first.
async fn told(server: &TestServer, license: &Value) -> Vec<String> {
    let id: LicenseId = id(license).parse().unwrap();
    let events = event::Entity::find().filter(event::Column::LicenseId.eq(id));
    let events = events.order_by_asc(event::Column::Id).all(&server.context.db).await.unwrap();
    events.into_iter().map(|event| event.kind).collect()
}

/// The generation of what is revoked.
async fn generation(server: &TestServer) -> i64 {
    let row = revocation_generation::Entity::find().one(&server.context.db).await.unwrap();
    row.unwrap().generation
}

fn id(license: &Value) -> &str {
    license["id"].as_str().unwrap()
}

fn key(license: &Value) -> &str {
    license["licenseKey"].as_str().unwrap()
}

async fn read(server: &TestServer, license: &Value) -> Value {
    let path = format!("/license-keys/{}", id(license));
    server.admin_get(&path).await.expect(200)
}

async fn edit(server: &TestServer, license: &Value, edit: Value) -> Reply {
    let path = format!("/license-keys/{}", id(license));
    server.admin_put(&path, edit).await
}

async fn revoke(server: &TestServer, license: &Value, body: Value) -> Reply {
    let path = format!("/license-keys/{}/revoke", id(license));
    server.admin_post(&path, body).await
}

async fn events(server: &TestServer, action: &str) -> Vec<audit_event::Model> {
    audit_event::Entity::find()
        .filter(audit_event::Column::Action.eq(action))
        .all(&server.context.db)
        .await
        .unwrap()
}

/// Where the first member stands that an issue with `more` is refused for.
async fn refused(server: &TestServer, shop: &Shop, more: Value) -> String {
    let problem = shop.try_issue(server, more).await.expect_problem(422, "VALIDATION_FAILED");
    problem["errors"][0]["pointer"].as_str().unwrap().to_owned()
}

async fn claims(server: &TestServer, license: &Value) -> Value {
    Machine::activate(server, key(license), "fp-1").await.claims()
}

async fn issued_count(server: &TestServer) -> Value {
    server.admin_get("/license-keys").await.expect(200)["total"].clone()
}

fn no_customer() -> Value {
    json!({"customerId": "cus_01h455vb4pex5vsknk084sn02q"})
}
