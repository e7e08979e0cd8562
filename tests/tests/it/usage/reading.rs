//! What was used, page by page and as CSV.

use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use licentia_types::permissions::Permission;
use reqwest::Method;
use serde_json::{Value, json};

use super::{begin, id, together, usage, validate};
use crate::access::key_with;

on_both![
    a_walk_shows_every_entry_once,
    entries_are_told_apart_by_what_is_asked_for,
    counts_are_chosen,
    it_is_exported_as_csv,
    a_long_export_is_whole,
    it_needs_its_permission,
    what_cannot_be_asked_is_refused,
];

/// Two licences, three actions, versions: eight entries, 36 counts.
async fn used(server: &TestServer) -> (Value, Value) {
    let (shop, one, machine) = begin(server).await;
    let other = shop.issue(server, json!({})).await;
    let mut times = 0;
    for version in ["1.0", "=2+5"] {
        for action in ["export", "edit", "nothing-such"] {
            times += 1;
            for _ in 0..times {
                let question =
                    json!({"token": machine.token, "actionType": action, "productVersion": version});
                validate(server, question).await;
            }
        }
    }
    for _ in 0..8 {
        validate(server, json!({"licenseKey": other["licenseKey"]})).await;
    }
    for _ in 0..7 {
        validate(server, json!({"licenseKey": "a-key-of-nobody"})).await;
    }
    (one, other)
}

async fn a_walk_shows_every_entry_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    used(&server).await;
    let whole = usage(&server, "").await;
    let entries = whole["items"].as_array().unwrap().clone();
    assert_eq!((entries.len(), &whole["total"], &whole["count"]), (8, &json!(8), &json!(36)));
    assert!(whole.get("nextCursor").is_none());
    for (sort, mirrored) in [("-day", false), ("day", true)] {
        let (mut seen, mut query) = (Vec::new(), format!("limit=3&sort={sort}"));
        loop {
            let page = usage(&server, &query).await;
            let first = seen.is_empty();
            assert_eq!((page.get("total").is_some(), page.get("count").is_some()), (first, first));
            seen.extend(page["items"].as_array().unwrap().clone());
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            query = format!("limit=3&sort={sort}&cursor={cursor}");
        }
        if mirrored {
            seen.reverse();
        }
        assert_eq!(seen, entries, "{sort}");
    }
    let sum: u64 = entries.iter().map(|entry| entry["count"].as_u64().unwrap()).sum();
    assert_eq!(sum, 36);
}

async fn entries_are_told_apart_by_what_is_asked_for(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (one, other) = used(&server).await;
    let items = async |by: &str| usage(&server, &format!("groupBy={by}&sort=day")).await["items"].clone();
    let today = server.context.moment().now.to_string()[..10].to_owned();
    assert_eq!(items("day").await, json!([{"day": today, "count": 36}]));
    let valid = json!({"outcome": "VALID", "count": 20});
    let outcomes = items("outcome").await;
    assert!(outcomes.as_array().unwrap().contains(&valid), "{outcomes}");
    let mut licenses = [(id(&one).to_owned(), 21), (id(&other).to_owned(), 8)];
    licenses.sort();
    let of = |(license, count): &(String, u64)| json!({"licenseId": license, "count": count});
    let expected = json!([{"licenseId": null, "count": 7}, of(&licenses[0]), of(&licenses[1])]);
    assert_eq!(items("license").await, expected);
    // The order in which they are named is nobody's business.
    assert_eq!(items("outcome,license,day").await, items("day,license,outcome").await);
    let walk = usage(&server, "groupBy=action,outcome&limit=1&sort=day").await;
    let cursor = walk["nextCursor"].as_str().unwrap();
    let next = usage(&server, &format!("groupBy=action,outcome&limit=1&sort=day&cursor={cursor}")).await;
    assert_ne!(next["items"][0], walk["items"][0]);
    // A cursor of other entries leads nowhere.
    let path = format!("/usage?groupBy=day&cursor={cursor}");
    server.admin_get(&path).await.expect_problem(400, "PARAMETER_INVALID");
}

async fn counts_are_chosen(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (one, other) = used(&server).await;
    let second = Shop::named(&server, "second").await;
    let elsewhere = second.issue(&server, json!({})).await;
    validate(&server, json!({"licenseKey": elsewhere["licenseKey"]})).await;
    let product = one["productId"].as_str().unwrap();
    for (query, count) in [
        (String::new(), 37),
        (format!("licenseId={}", id(&one)), 21),
        (format!("licenseId={}", id(&other)), 8),
        (format!("productId={product}"), 29),
        (format!("productId={}", second.product), 1),
        (format!("productId={product}&licenseId={}", id(&elsewhere)), 0),
        ("action=export".to_owned(), 5),
        ("action=_validate".to_owned(), 16),
        ("action=other".to_owned(), 9),
        ("action=nothing-such".to_owned(), 0),
        ("outcome=NOT_FOUND".to_owned(), 7),
        ("outcome=VALID&action=edit&productVersion=1.0".to_owned(), 2),
        ("productVersion=%3D2%2B5".to_owned(), 15),
        ("productVersion=%00".to_owned(), 0),
        ("outcome='%20OR%201=1%20--".to_owned(), 0),
    ] {
        assert_eq!(together(&server, &query).await, count, "{query}");
    }
}

async fn csv(server: &TestServer, query: &str, accept: &str) -> Reply {
    Reply::of(server.admin(Method::GET, &format!("/usage?{query}")).header("accept", accept)).await
}

async fn it_is_exported_as_csv(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (one, _) = used(&server).await;
    let by_format = csv(&server, "format=csv", "*/*").await;
    assert_eq!((by_format.status, by_format.header("cache-control")), (200, "no-store"));
    assert!(by_format.header("content-type").starts_with("text/csv"));
    assert!(by_format.header("content-disposition").contains("usage.csv"));
    let lines: Vec<&str> = by_format.text.split_terminator("\r\n").collect();
    assert_eq!((lines[0], lines.len()), ("day,license_id,action,outcome,product_version,count", 9));
    let today = server.context.moment().now.to_string()[..10].to_owned();
    // A version that a spreadsheet would reckon.
    let formula = format!("{today},{},export,VALID,\"'=2+5\",4", id(&one));
    assert!(lines.contains(&formula.as_str()), "{lines:?}");
    assert!(lines.contains(&format!("{today},,_validate,NOT_FOUND,,7").as_str()), "{lines:?}");
    for accept in ["text/csv", "text/csv, application/json;q=0.5", "application/json;q=0.1, text/*"] {
        assert_eq!(csv(&server, "", accept).await.text, by_format.text, "{accept}");
    }
    for accept in ["application/json, text/csv;q=0.5", "*/*", "text/html", "nonsense"] {
        assert_eq!(csv(&server, "", accept).await.body["count"], 36, "{accept}");
    }
    assert_eq!(csv(&server, "format=json", "text/csv").await.body["count"], 36);
    let grouped = csv(&server, "format=csv&groupBy=outcome&outcome=NOT_FOUND", "*/*").await;
    assert_eq!(grouped.text, "outcome,count\r\nNOT_FOUND,7\r\n");
    let none = csv(&server, "format=csv&action=never", "*/*").await;
    assert_eq!(none.text, "day,license_id,action,outcome,product_version,count\r\n");
    for query in ["format=csv&limit=5", "format=csv&cursor=x", "format=xml"] {
        csv(&server, query, "*/*").await.expect_problem(400, "PARAMETER_INVALID");
    }
}

async fn a_long_export_is_whole(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let license = id(&shop.issue(&server, json!({})).await).parse().unwrap();
    let today = licentia_types::usage::Day::of(server.context.moment().now);
    super::retention::insert(&server, license, &vec![today; 2_500]).await;
    let export = csv(&server, "format=csv&groupBy=license,action", "*/*").await;
    let lines: std::collections::HashSet<&str> = export.text.split_terminator("\r\n").collect();
    assert_eq!((export.text.lines().count(), lines.len()), (2_501, 2_501));
}

async fn it_needs_its_permission(backend: Backend) {
    let server = TestServer::start(backend).await;
    let ask = |key: String| Reply::of(server.request(Method::GET, "/api/v1/usage").bearer_auth(key));
    let others: Vec<Permission> =
        Permission::ALL.iter().copied().filter(|permission| *permission != Permission::Usage).collect();
    ask(key_with(&server, &others).await).await.expect_problem(403, "PERMISSION_DENIED");
    ask(key_with(&server, &[Permission::Usage]).await).await.expect(200);
    server.get("/api/v1/usage").await.expect_problem(401, "UNAUTHENTICATED");
}

async fn what_cannot_be_asked_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    for query in [
        "from=yesterday",
        "from=2030-1-5",
        "to=2030-02-30",
        "to=2030-01-01T00:00:00Z",
        "licenseId=nothing",
        "productId=lic_01h455vb4pex5vsknk084sn02q",
        "groupBy=",
        "groupBy=month",
        "groupBy=day,day",
        "sort=createdAt",
        "q=text",
        "limit=0",
        "limit=201",
        "limit=ten",
        "cursor=nonsense",
        // {"day":"2030-01-01","license":null,"version":"\u0000","action":"a","outcome":"b"}, and without a licence.
        "cursor=eyJkYXkiOiIyMDMwLTAxLTAxIiwibGljZW5zZSI6bnVsbCwidmVyc2lvbiI6Ilx1MDAwMCIsImFjdGlvbiI6ImEiLCJvdXRjb21lIjoiYiJ9",
        "groupBy=productVersion&cursor=eyJ2ZXJzaW9uIjoiXHUwMDAwIn0",
        "from=2030-01-01&from=2030-01-02",
        "until=2030-01-01",
    ] {
        server.admin_get(&format!("/usage?{query}")).await.expect_problem(400, "PARAMETER_INVALID");
    }
}
