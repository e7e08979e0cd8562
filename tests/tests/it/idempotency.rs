//! `Idempotency-Key`: one effect for one key, and the same answer again.

use licentia_entity::{audit_event, event, kept_outcome};
use licentia_tests::{Reply, TestServer};
use reqwest::{Method, RequestBuilder};
use sea_orm::{EntityTrait, PaginatorTrait, QueryOrder};
use serde_json::Value;

pub(crate) mod cases;
mod conflicts;
mod imports;
mod keeping;
pub(crate) mod racing;
mod repeats;
mod routes;

const HEADER: &str = "Idempotency-Key";
/// For how long a key stands for its request, in seconds.
const DAY: i64 = 86_400;

/// The admin's request, under a key.
fn under(server: &TestServer, key: &str, path: &str, body: &Value) -> RequestBuilder {
    server.admin(Method::POST, path).header(HEADER, key).json(body)
}

pub(crate) async fn keyed(server: &TestServer, key: &str, path: &str, body: Value) -> Reply {
    Reply::of(under(server, key, path, &body)).await
}

/// Whether it was done before, as the answer says.
fn is_replayed(reply: &Reply) -> bool {
    reply.header("idempotent-replayed") == "true"
}

/// Rows of the audit log, and what others are told.
async fn written(server: &TestServer) -> (u64, u64) {
    let db = &server.context.db;
    let audited = audit_event::Entity::find().count(db).await.unwrap();
    (audited, event::Entity::find().count(db).await.unwrap())
}

/// What is kept, oldest first.
async fn kept(server: &TestServer) -> Vec<kept_outcome::Model> {
    let kept = kept_outcome::Entity::find().order_by_asc(kept_outcome::Column::Id);
    kept.all(&server.context.db).await.unwrap()
}

async fn total(server: &TestServer, path: &str) -> u64 {
    server.admin_get(path).await.expect(200)["total"].as_u64().unwrap()
}
