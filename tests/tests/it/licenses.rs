//! Issuing, editing and revoking licences.

use licentia_domain::database::Lane;
use licentia_entity::{audit_event, license};
use licentia_tests::{Machine, Reply, Shop, TestServer};
use licentia_types::ids::LicenseId;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

mod issuing;
mod keys;
mod overrides;
mod standing;

/// Puts a licence on hold, which no route does yet.
pub(crate) async fn suspend(server: &TestServer, id: &str) {
    let id: LicenseId = id.parse().unwrap();
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    license::Entity::update_many()
        .col_expr(license::Column::Status, Expr::value("suspended"))
        .filter(license::Column::Id.eq(id))
        .exec(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
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
