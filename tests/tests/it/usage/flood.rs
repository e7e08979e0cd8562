//! Nobody chooses so many names that a table or a memory is full of them.

use futures_util::StreamExt;
use futures_util::stream;
use licentia_domain::actors::Caller;
use licentia_domain::database::Lane;
use licentia_domain::validation;
use licentia_tests::{Backend, TestServer, on_both};
use licentia_types::validation::ValidateRequest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::{begin, together, usage, validate};
use crate::changes::until;

on_both![versions_of_a_licence_are_bounded_on_a_day];

async fn versions(server: &TestServer) -> Vec<String> {
    let answer = usage(server, "groupBy=productVersion&limit=200").await;
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| item["productVersion"].as_str().unwrap().to_owned()).collect()
}

async fn versions_of_a_licence_are_bounded_on_a_day(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, _, mut machine) = begin(&server).await;
    let send = async |versions: std::ops::Range<usize>| {
        for version in versions {
            validate(&server, json!({"token": machine.token, "productVersion": format!("0.{version}")}))
                .await;
        }
    };
    send(0..40).await;
    assert_eq!(versions(&server).await.len(), 40);
    send(40..64).await;
    assert_eq!(versions(&server).await.len(), 64);
    send(30..90).await;
    let told = versions(&server).await;
    assert!(told.len() == 65 && told.contains(&"other".to_owned()) && told.contains(&"0.63".to_owned()));
    assert_eq!(together(&server, "productVersion=other").await, 26);
    assert_eq!(together(&server, "productVersion=0.31").await, 2);
    // Reported ones as well.
    for version in ["0.5", "9.9"] {
        let mut body = machine.beat_body(None);
        body["usage"] = json!({"export": 10});
        body["productVersion"] = json!(version);
        let answer = server.post("/license-keys/heartbeat", body).await.expect(200);
        answer["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
    }
    assert_eq!(together(&server, "productVersion=other").await, 36);
    assert_eq!((versions(&server).await.len(), together(&server, "").await), (65, 144));
    // A day later there is room again.
    server.clock.advance(86_400);
    validate(&server, json!({"token": machine.token, "productVersion": "9.9"})).await;
    assert_eq!(together(&server, "productVersion=9.9").await, 1);
}

/// More different things than are held while the database does not take them.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_lost_and_told_and_holds_nobody_up() {
    const LICENSES: usize = 257;
    const VERSIONS: usize = 256;
    const HELD: usize = 65_536;
    let server = TestServer::start(Backend::Sqlite).await;
    let (shop, ..) = begin(&server).await;
    let order = json!({"licenses": vec![json!({"productId": shop.product, "tierId": shop.pro}); LICENSES]});
    let issued = server.admin_post("/license-keys/bulk", order).await.expect(201);
    let keys: Vec<Value> =
        issued["licenses"].as_array().unwrap().iter().map(|license| license["licenseKey"].clone()).collect();
    assert_eq!(keys.len(), LICENSES);
    let sql = async |sql: &str| {
        let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
        tx.execute_unprepared(sql).await.unwrap();
        tx.commit().await.unwrap();
    };
    sql("ALTER TABLE usage_day RENAME TO misplaced").await;
    let questions = keys.iter().flat_map(|key| {
        (0..VERSIONS).map(move |version| json!({"licenseKey": key, "productVersion": format!("1.{version}")}))
    });
    let caller = Caller::operator();
    let asked = stream::iter(questions)
        .map(|question| {
            let request: ValidateRequest = serde_json::from_value(question).unwrap();
            validation::validate(&server.context, &caller, request)
        })
        .buffer_unordered(128)
        .filter_map(async |verdict| verdict.unwrap().valid.then_some(()));
    let asked = asked.count().await;
    assert_eq!(asked, LICENSES * VERSIONS);
    sql("ALTER TABLE misplaced RENAME TO usage_day").await;
    assert_eq!(together(&server, "").await, u64::try_from(HELD).unwrap());
    // Told as it is lost, at most once in a minute, and all of it.
    let lost = u64::try_from(asked - HELD).unwrap();
    until(|| async {
        server.clock.advance(61);
        told(&server).await.iter().map(|(_, _, lost)| lost).sum::<u64>() == lost
    })
    .await;
    for (level, message, lost) in told(&server).await {
        assert_eq!(
            (level, message),
            (json!("warning"), json!("usage was counted that could not be written"))
        );
        assert!(lost > 0);
    }
}

/// Level, message and number of each time that it was told that usage was lost.
async fn told(server: &TestServer) -> Vec<(Value, Value, u64)> {
    let events = server.admin_get("/system-events?source=usage").await.expect(200);
    let items = events["items"].as_array().unwrap().iter();
    let lost = |event: &Value| event["detail"]["lost"].as_u64().unwrap();
    items.map(|event| (event["level"].clone(), event["message"].clone(), lost(event))).collect()
}
