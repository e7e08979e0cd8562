//! The audit log: sealed by a job, listed for operators, and checked.

use licentia_domain::actors::Caller;
use licentia_domain::audit::{self, Event};
use licentia_domain::database::Lane;
use licentia_tests::TestServer;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

mod listing;
mod sealing;
mod tampering;

/// What anybody who can write the database can do, one statement after the other.
async fn sql(server: &TestServer, statements: &[&str]) {
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    for statement in statements {
        tx.execute_unprepared(statement).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Writes an entry with each of these details, in one transaction.
async fn write(server: &TestServer, details: impl IntoIterator<Item = Value>) {
    let moment = server.context.moment();
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    for detail in details {
        let event = Event::new("test.done", &"subject", detail);
        audit::record(&tx, &moment, &Caller::operator(), event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Entries until there are `count`, and all of them sealed, with a checkpoint.
async fn sealed(server: &TestServer, count: usize) {
    let there = server.admin_get("/audit-events?limit=1").await.expect(200)["total"].as_u64().unwrap();
    let there = usize::try_from(there).unwrap();
    for number in there..count {
        server.clock.advance(1);
        write(server, [json!({"number": number, "name": "entry"})]).await;
    }
    server.clock.advance(3_600);
    server.run_jobs().await;
}

async fn verify(server: &TestServer) -> Value {
    server.admin_get("/audit-events/verify").await.expect(200)
}

async fn verify_with(server: &TestServer, checkpoint: &str) -> Value {
    server.admin_get(&format!("/audit-events/verify?checkpoint={checkpoint}")).await.expect(200)
}

#[track_caller]
fn expect_whole(report: &Value, links: u64) {
    assert_eq!((&report["whole"], &report["findings"]), (&json!(true), &json!([])), "{report}");
    assert_eq!((report["links"].as_u64(), report["found"].as_u64()), (Some(links), Some(0)), "{report}");
}

/// The first finding is of this kind, here.
#[track_caller]
fn expect_first(report: &Value, kind: &str, position: impl Into<Value>) {
    assert_eq!(report["whole"], false, "{kind}: {report}");
    let first = &report["findings"][0];
    assert_eq!((&first["kind"], &first["position"]), (&json!(kind), &position.into()), "{report}");
}
