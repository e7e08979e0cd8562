//! The same request again, on every route that takes a key.

use licentia_domain::database::Lane;
use licentia_entity::audit_event;
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use super::cases::{Case, cases};
use super::{is_replayed, kept, keyed, under, written};

on_both![
    every_route_answers_the_same_again_and_does_it_once,
    no_route_has_an_effect_whose_outcome_is_not_kept,
    a_repeat_is_told_by_another_instance,
    what_came_of_it_since_is_not_told,
    a_repeat_signs_nothing_for_those_who_lost_their_right,
    a_repeat_is_a_call_like_any_other,
];

impl Case {
    /// Each has a key of its own, and its request ids say which call it was.
    async fn send(&self, server: &TestServer, call: &str) -> Reply {
        let request = under(server, self.path.as_str(), &self.path, &self.body);
        let request = match &self.version {
            Some(version) => request.header("if-match", version),
            None => request,
        };
        Reply::of(request.header("x-request-id", self.call(call))).await
    }

    /// The request id of a call.
    fn call(&self, call: &str) -> String {
        let name: String = self.route.chars().filter(char::is_ascii_alphabetic).collect();
        format!("{call}.{name}")
    }

    /// What the audit log has of a call.
    async fn audited(&self, server: &TestServer, call: &str) -> u64 {
        let of_call = audit_event::Column::RequestId.eq(self.call(call));
        audit_event::Entity::find().filter(of_call).count(&server.context.db).await.unwrap()
    }
}

async fn every_route_answers_the_same_again_and_does_it_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    for case in cases(&server).await {
        let first = case.send(&server, "first").await;
        assert!(matches!(first.status, 200 | 201) && !is_replayed(&first), "{}: {}", case.route, first.text);
        assert!(case.audited(&server, "first").await > 0, "{}", case.route);
        if backend == Backend::Postgres {
            assert_eq!(written_together(&server, &case.call("first")).await, 1, "{}", case.route);
        }
        server.clock.advance(10);
        let before = written(&server).await;
        let again = case.send(&server, "again").await;
        assert!(is_replayed(&again), "{}: {}", case.route, again.text);
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{}", case.route);
        for header in ["etag", "location", "cache-control"] {
            assert_eq!(again.header(header), first.header(header), "{} {header}", case.route);
        }
        assert_eq!(written(&server).await, before, "{}", case.route);
    }
}

/// Outcomes that were written by the transaction which wrote the audit rows of a request.
async fn written_together(server: &TestServer, request: &str) -> i64 {
    let count = format!(
        "SELECT count(*) FROM kept_outcome WHERE xmin::text IN \
         (SELECT xmin::text FROM audit_event WHERE request_id = '{request}')"
    );
    let db = &server.context.db;
    let statement = sea_orm::Statement::from_string(db.get_database_backend(), count);
    db.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

async fn no_route_has_an_effect_whose_outcome_is_not_kept(backend: Backend) {
    let server = TestServer::start(backend).await;
    let cases = cases(&server).await;
    let refuse = match backend {
        Backend::Sqlite => {
            "CREATE TRIGGER full BEFORE INSERT ON kept_outcome BEGIN SELECT RAISE(ABORT, 'full'); END"
        }
        Backend::Postgres => "ALTER TABLE kept_outcome ADD CONSTRAINT \"full\" CHECK (false)",
    };
    execute(&server, refuse).await;
    for case in &cases {
        let failed = case.send(&server, "failed").await;
        assert_eq!(failed.status, 500, "{}: {}", case.route, failed.text);
        assert_eq!(case.audited(&server, "failed").await, 0, "{}", case.route);
    }
    let mend = match backend {
        Backend::Sqlite => "DROP TRIGGER full",
        Backend::Postgres => "ALTER TABLE kept_outcome DROP CONSTRAINT \"full\"",
    };
    execute(&server, mend).await;
    for case in &cases {
        let done = case.send(&server, "done").await;
        assert!(matches!(done.status, 200 | 201) && !is_replayed(&done), "{}: {}", case.route, done.text);
    }
    assert_eq!(kept(&server).await.len(), cases.len());
}

async fn execute(server: &TestServer, sql: &str) {
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    tx.execute_unprepared(sql).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_repeat_is_told_by_another_instance(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let body = json!({"productId": shop.product, "tierId": shop.pro, "document": true});
    let first = keyed(&server, "k", "/license-keys", body.clone()).await.expect(201);
    let mut other = server.another().await;
    other.admin_key.clone_from(&server.admin_key);
    let again = keyed(&other, "k", "/license-keys", body).await;
    assert!(is_replayed(&again), "{}", again.text);
    let again = again.expect(201);
    assert_eq!(again, first);
    assert!(again["licenseKey"].as_str().unwrap().starts_with("ACME-"));
    assert!(again["document"]["file"].is_string(), "{again:#}");
}

async fn what_came_of_it_since_is_not_told(backend: Backend) {
    let server = TestServer::start(backend).await;
    let first = keyed(&server, "k", "/customers", json!({"name": "Ada"})).await.expect(201);
    let path = format!("/customers/{}", first["id"].as_str().unwrap());
    server.admin_put(&path, json!({"name": "Ada Byron"})).await.expect(200);
    assert_eq!(keyed(&server, "k", "/customers", json!({"name": "Ada"})).await.expect(201), first);
    assert_eq!(server.admin_get(&path).await.expect(200)["name"], "Ada Byron");
}

async fn a_repeat_signs_nothing_for_those_who_lost_their_right(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let (id, key) = (issued["id"].as_str().unwrap(), issued["licenseKey"].as_str().unwrap());
    let one = Machine::activate(&server, key, "fp-1").await;
    let two = Machine::activate(&server, key, "fp-2").await;
    let regenerate = format!("/license-keys/{id}/regenerate");
    let signed = keyed(&server, "k", &regenerate, json!({})).await.expect(200)["tokens"].clone();
    assert_eq!(signed.as_array().unwrap().len(), 2);
    let revoke = format!("/license-activations/{}/revoke", one.activation);
    server.admin_post(&revoke, json!({})).await.expect(200);
    let again = keyed(&server, "k", &regenerate, json!({})).await.expect(200)["tokens"].clone();
    assert_eq!(again.as_array().unwrap().len(), 1);
    assert_eq!(again[0]["activationId"], two.activation.as_str());
    assert!(signed.as_array().unwrap().contains(&again[0]));
    server.admin_post(&format!("/license-keys/{id}/suspend"), json!({})).await.expect(200);
    keyed(&server, "k", &regenerate, json!({})).await.expect_problem(409, "STATE_CONFLICT");
}

async fn a_repeat_is_a_call_like_any_other(backend: Backend) {
    let server = TestServer::start_with(backend, &[("LIMITS__ENABLED", "true")]).await;
    let mut left = Vec::new();
    for _ in 0..2 {
        let reply = keyed(&server, "k", "/customers", json!({"name": "Ada"})).await;
        left.push(reply.header("ratelimit-remaining").parse::<u64>().unwrap());
        reply.expect(201);
    }
    assert_eq!(left[0] - left[1], 1);
}
