//! A disk that was full: SQLite takes a whole transaction back by itself, and whatever is acknowledged afterwards is there.

use licentia_domain::database::Lane;
use licentia_tests::{Backend, TestServer};
use sea_orm::ConnectionTrait;
use serde_json::json;

/// More than fits into a file that may not grow.
const TOO_MUCH: &str =
    "INSERT INTO server_setting (name, value, created_at) VALUES ('much', hex(zeroblob(1000000)), 0)";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_after_a_full_disk_is_there() {
    let server = TestServer::start(Backend::Sqlite).await;
    let product = json!({"slug": "acme", "name": "Acme"});
    server.admin_post("/products", product.clone()).await.expect(201);
    for round in 0..3 {
        let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
        tx.execute_unprepared("PRAGMA max_page_count = 1").await.unwrap();
        tx.execute_unprepared(TOO_MUCH).await.unwrap_err();
        drop(tx);
        // Somebody is refused, and his transaction taken back.
        server.admin_post("/products", product.clone()).await.expect_problem(409, "ALREADY_EXISTS");
        let made = server.admin_post("/customers", json!({"name": format!("Ann {round}")})).await.expect(201);
        // Read on another connection, which sees what was committed alone.
        server.admin_get(&format!("/customers/{}", made["id"].as_str().unwrap())).await.expect(200);
    }
}
