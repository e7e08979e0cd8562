//! How machines hold their places: floating seats, free environments, replicas; and how they learn
//! that they were revoked.

use licentia_domain::database::Lane;
use licentia_domain::jobs::{self, Job};
use licentia_entity::{activation, audit_event, event, license, seat_release};
use licentia_tests::{Machine, Reply, Shop, TestServer};
use licentia_types::ids::{ActivationId, LicenseId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, Statement};
use serde_json::{Value, json};

mod blocking;
mod enforcement;
mod floating;
mod floating_races;
mod free_environments;
mod instances;
mod lapses;
mod revoked_machines;
mod revoked_matrix;

/// Makes a tier of the shop's product.
async fn try_tier(server: &TestServer, shop: &Shop, key: &str, more: Value) -> Reply {
    let mut body = json!({"productId": shop.product, "key": key, "name": key});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.admin_post("/pricing-tiers", body).await
}

/// The same; gives its id.
async fn tier(server: &TestServer, shop: &Shop, key: &str, more: Value) -> String {
    let made = try_tier(server, shop, key, more).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn edit_tier(server: &TestServer, tier: &str, edit: Value) -> Reply {
    server.admin_put(&format!("/pricing-tiers/{tier}"), edit).await
}

/// A licence: its id and its key.
struct Issued {
    id: String,
    key: String,
}

impl Issued {
    async fn at(server: &TestServer, shop: &Shop, tier: &str, mut more: Value) -> Self {
        more["tierId"] = json!(tier);
        let issued = shop.issue(server, more).await;
        let text = |member: &str| issued[member].as_str().unwrap().to_owned();
        Self { id: text("id"), key: text("licenseKey") }
    }

    /// Seats in use, as the API tells.
    async fn seats(&self, server: &TestServer) -> Value {
        let shown = server.admin_get(&format!("/license-keys/{}", self.id)).await.expect(200);
        shown["seats"]["used"].clone()
    }

    /// The licence's count of seats, and the machines that hold one, at one instant.
    async fn counted(&self, server: &TestServer) -> (i64, i64) {
        let id: LicenseId = self.id.parse().unwrap();
        let sql = "SELECT CAST(seats_used AS BIGINT), (SELECT COUNT(*) FROM activation WHERE license_id = license.id AND holds_seat) \
                   FROM license WHERE id = ";
        let db = &server.context.db;
        let backend = db.get_database_backend();
        let place = if backend == sea_orm::DbBackend::Postgres { "$1" } else { "?" };
        let statement = Statement::from_sql_and_values(backend, format!("{sql}{place}"), [id.into()]);
        let row = db.query_one_raw(statement).await.unwrap().unwrap();
        (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())
    }

    async fn releases(&self, server: &TestServer) -> u64 {
        let id: LicenseId = self.id.parse().unwrap();
        let of = seat_release::Entity::find().filter(seat_release::Column::LicenseId.eq(id));
        of.count(&server.context.db).await.unwrap()
    }

    /// Sets columns of the row, and raises its version, as an edit does.
    async fn set(&self, server: &TestServer, change: impl FnOnce(&mut license::ActiveModel)) {
        use sea_orm::{ActiveModelTrait, IntoActiveModel};
        let id: LicenseId = self.id.parse().unwrap();
        let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
        let before = license::Entity::find_by_id(id).one(&tx).await.unwrap().unwrap();
        let mut row = before.clone().into_active_model();
        row.version = sea_orm::ActiveValue::Set(before.version + 1);
        change(&mut row);
        row.update(&tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn row(server: &TestServer, machine: &Machine) -> activation::Model {
    let id: ActivationId = machine.activation.parse().unwrap();
    activation::Entity::find_by_id(id).one(&server.context.db).await.unwrap().unwrap()
}

async fn shown(server: &TestServer, machine: &Machine) -> Value {
    server.admin_get(&format!("/license-activations/{}", machine.activation)).await.expect(200)
}

async fn deactivate(server: &TestServer, machine: &Machine) -> Reply {
    server.admin_post(&format!("/license-activations/{}/deactivate", machine.activation), json!({})).await
}

async fn audited(server: &TestServer, action: &str) -> u64 {
    let found = audit_event::Entity::find().filter(audit_event::Column::Action.eq(action));
    found.count(&server.context.db).await.unwrap()
}

async fn told(server: &TestServer, kind: &str) -> u64 {
    let found = event::Entity::find().filter(event::Column::Kind.eq(kind));
    found.count(&server.context.db).await.unwrap()
}

/// Runs the job that frees the seats of silent machines.
async fn lapse(server: &TestServer) {
    jobs::run(&server.context, Job::LapseFloating).await.unwrap();
}
