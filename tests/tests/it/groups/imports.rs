//! An import puts all of it into one group, and finds nothing of another.

use licentia_domain::jobs::Job;
use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{get, id, key_within, make_group};

on_both![
    an_import_stays_within_its_group,
    an_import_says_in_which_group_it_is,
    rows_name_no_group_of_their_own,
];

async fn send(server: &TestServer, key: &str, query: &str, rows: &[Value]) -> Reply {
    let lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
    let request = server.request(Method::POST, &format!("/api/v1/imports?{query}")).bearer_auth(key);
    Reply::of(request.header("content-type", "application/x-ndjson").body(lines.join("\n"))).await
}

async fn results(server: &TestServer, key: &str, begun: &Value) -> Vec<Value> {
    licentia_domain::jobs::run(&server.context, Job::Import).await.unwrap();
    let path = format!("/imports/{}/rows", id(begun));
    get(server, key, &path).await.expect(200)["items"].as_array().unwrap().clone()
}

async fn an_import_stays_within_its_group(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (north, south) = (make_group(&server, "North").await, make_group(&server, "South").await);
    let key = key_within(&server, &[&north]).await;
    let elsewhere = key_within(&server, &[&south]).await;
    for (external_id, group) in [("ann", &north), ("bob", &south)] {
        let body = json!({"externalId": external_id, "groupId": group});
        server.admin_post("/customers", body).await.expect(201);
    }
    server.admin_post("/customers", json!({"externalId": "cid"})).await.expect(201);
    let row = |customer: &str| json!({"customer": {"externalId": customer}, "license": {}});
    let rows = [row("ann"), row("bob"), row("cid"), row("new"), json!({"license": {}})];
    let of_shop = format!("product={}&tier=pro", shop.slug);
    // Whoever sends it: what is imported into a group is for those who act in it.
    let named = format!("{of_shop}&groupId={north}");
    for (sender, query) in [(&key, &of_shop), (&server.admin_key, &named)] {
        for dry_run in [true, false] {
            let begun = send(&server, sender, &format!("{query}&dryRun={dry_run}"), &rows).await.expect(201);
            assert_eq!(begun["groupId"], north.as_str());
            let results = results(&server, &key, &begun).await;
            let taken_in = if dry_run { "accepted" } else { "created" };
            let outcomes: Vec<_> = results.iter().map(|row| row["outcome"].as_str().unwrap()).collect();
            assert_eq!(outcomes, [taken_in, "refused", "refused", taken_in, taken_in]);
            for refused in [&results[1], &results[2]] {
                assert_eq!(refused["code"], "ALREADY_EXISTS");
                assert_eq!(refused["errors"][0]["pointer"], "/customer/externalId");
            }
            get(&server, &elsewhere, &format!("/imports/{}", id(&begun)))
                .await
                .expect_problem(404, "NOT_FOUND");
            get(&server, &elsewhere, &format!("/imports/{}/rows", id(&begun)))
                .await
                .expect_problem(404, "NOT_FOUND");
        }
    }
    assert_eq!(get(&server, &key, "/license-keys").await.expect(200)["total"], 6);
    assert_eq!(get(&server, &key, "/customers").await.expect(200)["total"], 2);
    for path in ["/license-keys", "/imports"] {
        assert_eq!(get(&server, &elsewhere, path).await.expect(200)["total"], 0);
    }
    let log = get(&server, &key, "/audit-events?action=import.finished").await.expect(200);
    assert_eq!(log["total"], 4);
}

async fn an_import_says_in_which_group_it_is(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (north, south) = (make_group(&server, "North").await, make_group(&server, "South").await);
    let rows = [json!({"license": {}})];
    let of_shop = format!("product={}&tier=pro", shop.slug);
    let key = key_within(&server, &[&north]).await;
    for group in [south.as_str(), "grp_01h455vb4pex5vsknk084sn02q"] {
        let refused = send(&server, &key, &format!("{of_shop}&groupId={group}"), &rows).await;
        let problem = refused.expect_problem(400, "PARAMETER_INVALID");
        assert_eq!(problem["detail"], "groupId: there is no such group");
    }
    let both = key_within(&server, &[&north, &south]).await;
    send(&server, &both, &of_shop, &rows).await.expect_problem(400, "PARAMETER_INVALID");
    let begun = send(&server, &both, &format!("{of_shop}&groupId={south}"), &rows).await.expect(201);
    assert_eq!(begun["groupId"], south.as_str());
}

async fn rows_name_no_group_of_their_own(backend: Backend) {
    let server = TestServer::start(backend).await;
    let north = make_group(&server, "North").await;
    let rows = [json!({"customer": {"externalId": "ann", "groupId": north}})];
    let begun = send(&server, &server.admin_key, "", &rows).await.expect(201);
    let results = results(&server, &server.admin_key, &begun).await;
    assert_eq!(
        (&results[0]["outcome"], &results[0]["errors"][0]["pointer"]),
        (&json!("refused"), &json!("/customer/groupId"))
    );
}
