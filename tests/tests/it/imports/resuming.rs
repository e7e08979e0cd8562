//! An import goes on where it was, whoever works on it.

use std::collections::HashSet;

use futures_util::future::{join, join_all};
use licentia_domain::actors::Caller;
use licentia_domain::imports::{Begin, Format, ImportOptions, begin};
use licentia_domain::jobs::{self, Job};
use licentia_entity::{import_chunk, import_row, license};
use licentia_tests::{Backend, Shop, TestServer, on_both};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use super::{finish, keyed, of_shop, results, send};

on_both![
    several_instances_take_each_row_in_once,
    another_instance_goes_on_where_one_stopped,
    an_import_whose_rows_stop_coming_is_given_up,
    a_key_that_is_issued_meanwhile_is_given_once,
    imports_are_worked_off_one_after_the_other,
];

fn rows(count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| keyed(&format!("an old key of the former shop, no. {number}"), json!({})))
        .collect()
}

async fn each_once(server: &TestServer, import: &Value, count: usize) {
    let results = results(server, import, "").await;
    assert!(results.iter().zip(1..).all(|(row, number)| row["row"] == number && row["outcome"] == "created"));
    let made: HashSet<String> = results.iter().map(|row| row["licenseId"].to_string()).collect();
    assert_eq!((results.len(), made.len()), (count, count));
    let licenses = license::Entity::find().count(&server.context.db).await.unwrap();
    assert_eq!(licenses, u64::try_from(count).unwrap());
    assert_eq!(import_chunk::Entity::find().count(&server.context.db).await.unwrap(), 0);
}

async fn several_instances_take_each_row_in_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (second, third) = (server.another().await, server.another().await);
    let begun = send(&server, &of_shop(&shop), &rows(3_000)).await.expect(201);
    while server.admin_get(&format!("/imports/{}", begun["id"].as_str().unwrap())).await.expect(200)["status"]
        == "running"
    {
        let run = |server: &TestServer| {
            let context = std::sync::Arc::clone(&server.context);
            async move { jobs::run(&context, Job::Import).await.unwrap() }
        };
        join_all([&server, &second, &third].map(run)).await;
    }
    each_once(&server, &begun, 3_000).await;
}

async fn another_instance_goes_on_where_one_stopped(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let begun = send(&server, &of_shop(&shop), &rows(2_300)).await.expect(201);
    let path = format!("/imports/{}", begun["id"].as_str().unwrap());
    jobs::run(&server.context, Job::Import).await.unwrap();
    let import = server.admin_get(&path).await.expect(200);
    assert_eq!((&import["status"], &import["rowsDone"]), (&json!("running"), &json!(2_000)));
    assert_eq!(import_row::Entity::find().count(&server.context.db).await.unwrap(), 2_000);
    let other = server.another().await;
    jobs::run(&other.context, Job::Import).await.unwrap();
    let import = server.admin_get(&path).await.expect(200);
    assert_eq!((&import["status"], &import["rowsDone"]), (&json!("done"), &json!(2_300)));
    each_once(&server, &begun, 2_300).await;
}

async fn an_import_whose_rows_stop_coming_is_given_up(backend: Backend) {
    let server = TestServer::start(backend).await;
    let command =
        Begin { options: ImportOptions::default(), format: Format::JsonLines, dry_run: false, group: None };
    let mut upload = begin(&server.context, &Caller::operator(), command).await.unwrap();
    upload.take("{\"customer\":{\"name\":\"Ann\"}}\n".repeat(300).as_bytes()).await.unwrap();
    assert_eq!(import_chunk::Entity::find().count(&server.context.db).await.unwrap(), 1);
    jobs::run(&server.context, Job::Import).await.unwrap();
    let status = async || server.admin_get("/imports").await.expect(200)["items"][0]["status"].clone();
    assert_eq!(status().await, "receiving", "nothing is begun before all is there");
    server.clock.advance(3_601);
    server.run_jobs().await;
    assert_eq!(status().await, "failed");
    assert_eq!(import_chunk::Entity::find().count(&server.context.db).await.unwrap(), 0);
    assert!(upload.take("{\"customer\":{\"name\":\"Ann\"}}\n".repeat(300).as_bytes()).await.is_err());
    assert!(upload.finish().await.is_err());
}

async fn a_key_that_is_issued_meanwhile_is_given_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let begun = send(&server, &of_shop(&shop), &rows(500)).await.expect(201);
    let issuing = async {
        let mut issued = 0;
        for number in (0..500).step_by(50) {
            let reply = shop
                .try_issue(&server, json!({"key": format!("an old key of the former shop, no. {number}")}))
                .await;
            issued += u64::from(reply.status == 201);
        }
        issued
    };
    let (done, issued) = join(finish(&server, &begun), issuing).await;
    assert_eq!(done["status"], "done");
    assert_eq!(done["rowsRefused"].as_u64(), Some(issued));
    assert_eq!(license::Entity::find().count(&server.context.db).await.unwrap(), 500);
}

async fn imports_are_worked_off_one_after_the_other(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let first = send(&server, &of_shop(&shop), &rows(10)).await.expect(201);
    // Ids of one millisecond have no order among themselves.
    server.clock.advance(1);
    let second = send(&server, &of_shop(&shop), &rows(10)).await.expect(201);
    let (first, second) = (finish(&server, &first).await, finish(&server, &second).await);
    assert_eq!((&first["rowsCreated"], &second["rowsRefused"]), (&json!(10), &json!(10)));
}
