//! Releases: declared by the vendor, or first seen with a machine.

use futures_util::future::join_all;
use licentia_entity::audit_event;
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, try_activate};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

on_both![
    a_declared_version_is_listed_and_audited,
    a_version_is_declared_once,
    of_several_declarations_at_once_one_wins,
    a_version_is_seen_when_a_machine_first_activates_with_it,
    many_machines_see_a_new_version_at_once,
    a_version_that_was_seen_is_declared_in_its_place,
    versions_are_listed_by_their_date,
    an_unknown_product_has_no_releases,
    what_has_not_landed_is_refused,
];

async fn declare(server: &TestServer, shop: &Shop, body: Value) -> Reply {
    server.admin_post(&format!("/products/{}/releases", shop.product), body).await
}

async fn list(server: &TestServer, shop: &Shop, query: &str) -> Value {
    server.admin_get(&format!("/products/{}/releases?{query}", shop.product)).await.expect(200)
}

fn versions(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["version"].as_str().unwrap()).collect()
}

async fn begin(backend: Backend) -> (TestServer, Shop) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    (server, shop)
}

async fn a_declared_version_is_listed_and_audited(backend: Backend) {
    let (server, shop) = begin(backend).await;
    let now = server.context.moment().now;
    let declared = declare(&server, &shop, json!({"version": "1.0"})).await.expect(201);
    assert_eq!(declared, json!({"version": "1.0", "releasedAt": now, "firstSeenAt": null}));
    let page = list(&server, &shop, "").await;
    assert_eq!((&page["items"], &page["total"]), (&json!([declared]), &json!(1)));
    let events = audit_event::Entity::find().filter(audit_event::Column::Action.eq("release.declared"));
    let events = events.all(&server.context.db).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0].subject, &events[0].detail),
        (&shop.product, &json!({"version": "1.0", "releasedAt": now}))
    );
    // Of another product it is another version.
    let other = Shop::named(&server, "other").await;
    assert_eq!(list(&server, &other, "").await["total"], 0);
    declare(&server, &other, json!({"version": "1.0"})).await.expect(201);
}

async fn a_version_is_declared_once(backend: Backend) {
    let (server, shop) = begin(backend).await;
    let first = json!({"version": "1.0", "releasedAt": "2020-01-01T00:00:00Z"});
    declare(&server, &shop, first.clone()).await.expect(201);
    for again in [first, json!({"version": "1.0"})] {
        let problem = declare(&server, &shop, again).await.expect_problem(409, "ALREADY_EXISTS");
        assert_eq!(problem["errors"][0]["pointer"], "/version");
    }
    assert_eq!(list(&server, &shop, "").await["items"][0]["releasedAt"], "2020-01-01T00:00:00Z");
    declare(&server, &shop, json!({"version": "1.0 "})).await.expect_problem(422, "VALIDATION_FAILED");
    declare(&server, &shop, json!({"version": "1.0 b"})).await.expect(201);
}

async fn of_several_declarations_at_once_one_wins(backend: Backend) {
    let (server, shop) = begin(backend).await;
    let replies = join_all((0..10).map(|_| declare(&server, &shop, json!({"version": "1.0"})))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.body["code"] == "ALREADY_EXISTS").count(), 9);
}

async fn a_version_is_seen_when_a_machine_first_activates_with_it(backend: Backend) {
    let (server, shop) = begin(backend).await;
    let issued = shop.issue(&server, json!({"maxActivations": 3})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    Machine::activate(&server, key, "fp-1").await;
    assert_eq!(list(&server, &shop, "").await["total"], 0);
    let first = server.context.moment().now;
    let more = json!({"productVersion": "2.4.1"});
    Machine::activate_with(&server, key, "fp-2", more.clone()).await;
    server.clock.advance(60);
    Machine::activate_with(&server, key, "fp-3", more.clone()).await;
    Machine::activate_with(&server, key, "fp-2", more.clone()).await;
    let seen = json!([{"version": "2.4.1", "releasedAt": null, "firstSeenAt": first}]);
    assert_eq!(list(&server, &shop, "").await["items"], seen);
    // Whoever is refused saw nothing.
    let more = json!({"productVersion": "3.0"});
    try_activate(&server, key, "fp-4", more).await.expect_problem(409, "SEAT_LIMIT_REACHED");
    assert_eq!(list(&server, &shop, "").await["items"], seen);
}

async fn many_machines_see_a_new_version_at_once(backend: Backend) {
    let (server, shop) = begin(backend).await;
    let mut keys = Vec::new();
    for _ in 0..12 {
        keys.push(shop.issue(&server, json!({})).await["licenseKey"].as_str().unwrap().to_owned());
    }
    let more = json!({"productVersion": "3.0"});
    let replies = join_all(keys.iter().map(|key| try_activate(&server, key, "fp-1", more.clone()))).await;
    for reply in replies {
        reply.expect(201);
    }
    assert_eq!(versions(&list(&server, &shop, "").await), ["3.0"]);
}

async fn a_version_that_was_seen_is_declared_in_its_place(backend: Backend) {
    let (server, shop) = begin(backend).await;
    let issued = shop.issue(&server, json!({})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let seen = server.context.moment().now;
    let more = json!({"productVersion": "3.0"});
    Machine::activate_with(&server, key, "fp-1", more.clone()).await;
    server.clock.advance(60);
    let body = json!({"version": "3.0", "releasedAt": "2020-01-01T00:00:00Z"});
    let declared = declare(&server, &shop, body.clone()).await.expect(201);
    assert_eq!(
        declared,
        json!({"version": "3.0", "releasedAt": "2020-01-01T00:00:00Z", "firstSeenAt": seen})
    );
    declare(&server, &shop, body).await.expect_problem(409, "ALREADY_EXISTS");
    Machine::activate_with(&server, key, "fp-1", more).await;
    assert_eq!(list(&server, &shop, "").await["items"], json!([declared]));
}

async fn versions_are_listed_by_their_date(backend: Backend) {
    let (server, shop) = begin(backend).await;
    for (version, at) in [("b", 2), ("a", 2), ("c", 1), ("d", 3), ("e", 4)] {
        let body = json!({"version": version, "releasedAt": format!("202{at}-01-01T00:00:00Z")});
        declare(&server, &shop, body).await.expect(201);
    }
    for (sort, expected) in
        [("-createdAt", ["e", "d", "b", "a", "c"]), ("createdAt", ["c", "a", "b", "d", "e"])]
    {
        let (mut seen, mut query) = (Vec::new(), format!("limit=2&sort={sort}"));
        loop {
            let page = list(&server, &shop, &query).await;
            seen.extend(versions(&page).into_iter().map(str::to_owned));
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            query = format!("limit=2&sort={sort}&cursor={cursor}");
        }
        assert_eq!(seen, expected);
    }
    assert_eq!(versions(&list(&server, &shop, "q=D").await), ["d"]);
    let path = format!("/products/{}/releases", shop.product);
    for query in ["cursor=x", "cursor=e30", "limit=0", "sort=version", "channel=beta"] {
        server.admin_get(&format!("{path}?{query}")).await.expect_problem(400, "PARAMETER_INVALID");
    }
}

async fn an_unknown_product_has_no_releases(backend: Backend) {
    let (server, _) = begin(backend).await;
    for id in ["prod_01h455vb4pex5vsknk084sn02q", "nothing"] {
        let path = format!("/products/{id}/releases");
        server.admin_get(&path).await.expect_problem(404, "NOT_FOUND");
        server.admin_post(&path, json!({"version": "1.0"})).await.expect_problem(404, "NOT_FOUND");
    }
}

async fn what_has_not_landed_is_refused(backend: Backend) {
    let (server, shop) = begin(backend).await;
    for (member, value) in [("channel", json!("beta")), ("notes", json!("new")), ("artifacts", json!([1]))] {
        let body = json!({"version": "1.0", member: value});
        declare(&server, &shop, body).await.expect_problem(422, "NOT_SUPPORTED");
    }
    assert_eq!(list(&server, &shop, "").await["total"], 0);
    let nothing = json!({"version": "1.0", "channel": null, "notes": null, "artifacts": []});
    declare(&server, &shop, nothing).await.expect(201);
}
