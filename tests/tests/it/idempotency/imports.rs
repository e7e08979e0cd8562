//! Imports: the same body is only known when all of it has come.

use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{HEADER, is_replayed, kept, total, written};

on_both![
    an_import_is_begun_once,
    other_rows_under_the_same_key_are_refused,
    an_import_that_was_refused_leaves_the_key_free,
];

const ROWS: &str = "{\"customer\":{\"externalId\":\"crm-1\",\"name\":\"Ada\"}}\n{\"customer\":{\"externalId\":\"crm-2\",\"name\":\"Bob\"}}\n";

async fn import(server: &TestServer, query: &str, rows: impl Into<reqwest::Body>) -> Reply {
    let request = server.admin(Method::POST, &format!("/imports?{query}")).header(HEADER, "k");
    Reply::of(request.header("content-type", "application/x-ndjson").body(rows)).await
}

async fn an_import_is_begun_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let first = import(&server, "preset=native", ROWS).await;
    assert!(!is_replayed(&first));
    let location = first.header("location").to_owned();
    let first = first.expect(201);
    if backend == Backend::Postgres {
        assert_eq!(begun_with_its_outcome(&server).await, 1);
    }
    let before = written(&server).await;
    let again = import(&server, "preset=native", ROWS).await;
    assert!(is_replayed(&again));
    assert_eq!(again.header("location"), location);
    assert_eq!(again.expect(201), first);
    assert_eq!(written(&server).await, before);
    server.run_jobs().await;
    assert_eq!(import(&server, "preset=native", ROWS).await.expect(201), first);
    assert_eq!(total(&server, "/customers").await, 2);
    assert_eq!(imports(&server).await, 1);
}

async fn imports(server: &TestServer) -> usize {
    server.admin_get("/imports").await.expect(200)["items"].as_array().unwrap().len()
}

/// Imports that were given to the job by the transaction which kept the outcome.
async fn begun_with_its_outcome(server: &TestServer) -> i64 {
    let count = "SELECT count(*) FROM import WHERE xmin::text IN (SELECT xmin::text FROM kept_outcome)";
    let db = &server.context.db;
    let statement = sea_orm::Statement::from_string(db.get_database_backend(), count);
    db.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

async fn other_rows_under_the_same_key_are_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    import(&server, "preset=native", ROWS).await.expect(201);
    for (query, rows) in [
        ("preset=native", format!("{ROWS}{ROWS}")),
        ("preset=native", ROWS.replace("Bob", "Eve")),
        ("preset=native", ROWS.lines().next().unwrap().to_owned()),
        ("preset=native", String::new()),
        ("preset=native&dryRun=true", ROWS.to_owned()),
    ] {
        let other = import(&server, query, rows).await;
        assert!(!is_replayed(&other));
        other.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!((imports(&server).await, kept(&server).await.len()), (1, 1));
}

async fn an_import_that_was_refused_leaves_the_key_free(backend: Backend) {
    let server = TestServer::start(backend).await;
    Shop::open(&server).await;
    import(&server, "preset=native", "").await.expect_problem(422, "VALIDATION_FAILED");
    import(&server, "preset=native", vec![0xff, 0xfe]).await.expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(kept(&server).await.len(), 0);
    let begun = import(&server, "preset=native", ROWS).await;
    assert!(!is_replayed(&begun));
    assert_eq!(begun.expect(201)["status"], json!("running"));
}
