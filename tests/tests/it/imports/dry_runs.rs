//! A dry run gives each row the result that it would have, and writes nothing else.

use licentia_entity::{activation, customer, event, import_chunk, import_claim, license};
use licentia_tests::{Backend, Shop, TestServer, on_both};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use super::{import, keyed, of_shop, results};

on_both![a_dry_run_writes_nothing_but_its_results];

async fn written(server: &TestServer) -> [u64; 6] {
    let db = &server.context.db;
    [
        license::Entity::find().count(db).await.unwrap(),
        customer::Entity::find().count(db).await.unwrap(),
        activation::Entity::find().count(db).await.unwrap(),
        event::Entity::find().count(db).await.unwrap(),
        import_chunk::Entity::find().count(db).await.unwrap(),
        import_claim::Entity::find().count(db).await.unwrap(),
    ]
}

async fn a_dry_run_writes_nothing_but_its_results(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    shop.issue(&server, json!({"key": "a key that is there, 0815"})).await;
    let mut rows: Vec<Value> = (0..600)
        .map(|number| {
            let order = json!({"source": "old", "sourceOrderId": number.to_string()});
            let mut row = keyed(&format!("an old key of the former shop, no. {number}"), order);
            row["customer"] = json!({"externalId": format!("crm-{number}")});
            row["machines"] = json!([{"fingerprint": "fp-1"}]);
            row
        })
        .collect();
    rows[10] = keyed("a key that is there, 0815", json!({}));
    rows[20] = keyed("an old key of the former shop, no. 19", json!({}));
    // In another piece, where a dry run that forgot would not see it.
    rows[599] = keyed("an old key of the former shop, no. 1", json!({}));
    rows[598] =
        keyed("quite another key of the former shop, 4711", json!({"source": "old", "sourceOrderId": "2"}));
    rows[300] = json!({"license": {"key": "short"}});
    let before = written(&server).await;
    let dry = import(&server, &format!("{}&dryRun=true", of_shop(&shop)), &rows).await;
    assert_eq!(written(&server).await, before);
    assert_eq!(
        (&dry["status"], &dry["dryRun"], &dry["rowsDone"]),
        (&json!("done"), &json!(true), &json!(600))
    );
    let foreseen = results(&server, &dry, "").await;

    let real = import(&server, &of_shop(&shop), &rows).await;
    let found = results(&server, &real, "").await;
    assert_eq!((&real["rowsCreated"], &real["rowsRefused"]), (&json!(595), &json!(5)));
    assert_eq!((&dry["rowsCreated"], &dry["rowsRefused"]), (&json!(595), &json!(5)));
    for (foreseen, found) in foreseen.iter().zip(&found) {
        let created = found["outcome"] == "created";
        assert_eq!(foreseen["outcome"], if created { json!("accepted") } else { found["outcome"].clone() });
        assert_eq!((&foreseen["code"], &foreseen["errors"]), (&found["code"], &found["errors"]));
    }
    assert_eq!(results(&server, &real, "&outcome=refused").await.len(), 5);
}
