//! API keys within groups: nobody gives a wider one than he has.

use licentia_tests::{Backend, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{call, get, id, key_within, make_group};

on_both![
    a_key_acts_within_the_groups_of_whoever_makes_it,
    nobody_gives_a_key_that_reaches_further_than_he_does,
    keys_that_reach_further_are_not_there,
    the_groups_of_a_key_are_changed_at_once,
];

struct Office {
    server: TestServer,
    north: String,
    south: String,
    /// Within `north`.
    key: String,
}

async fn office(backend: Backend) -> Office {
    let server = TestServer::start(backend).await;
    let (north, south) = (make_group(&server, "North").await, make_group(&server, "South").await);
    // As they are shown: in order.
    let (north, south) = (north.clone().min(south.clone()), north.max(south));
    let key = key_within(&server, &[&north]).await;
    Office { server, north, south, key }
}

impl Office {
    async fn make(&self, key: &str, groups: Option<Value>) -> licentia_tests::Reply {
        let mut body = json!({"name": "Made", "role": "viewer"});
        if let Some(groups) = groups {
            body["groups"] = groups;
        }
        call(&self.server, key, Method::POST, "/api-keys", body).await
    }
}

async fn a_key_acts_within_the_groups_of_whoever_makes_it(backend: Backend) {
    let office = office(backend).await;
    let made = office.make(&office.key, None).await.expect(201);
    assert_eq!(made["groups"], json!([office.north]));
    let unbounded = office.make(&office.server.admin_key, None).await.expect(201);
    assert!(unbounded["groups"].is_null());
    office.server.admin_post("/customers", json!({"name": "Ann", "groupId": office.north})).await.expect(201);
    office.server.admin_post("/customers", json!({"name": "Bob", "groupId": office.south})).await.expect(201);
    for (key, seen) in [(&made, 1), (&unbounded, 2)] {
        let customers = get(&office.server, key["secret"].as_str().unwrap(), "/customers").await.expect(200);
        assert_eq!(customers["total"], seen);
    }
}

async fn nobody_gives_a_key_that_reaches_further_than_he_does(backend: Backend) {
    let office = office(backend).await;
    let nowhere = "grp_01h455vb4pex5vsknk084sn02q";
    for groups in [json!([office.south]), json!([office.north, office.south]), json!([nowhere])] {
        let problem = office.make(&office.key, Some(groups)).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&json!("/groups"), &json!("UNKNOWN"))
        );
    }
    for key in [&office.key, &office.server.admin_key] {
        for none in [json!([]), json!(null)] {
            office.make(key, Some(none)).await.expect_problem(422, "VALIDATION_FAILED");
        }
    }
    let unknown = office.make(&office.server.admin_key, Some(json!([nowhere]))).await;
    unknown.expect_problem(422, "VALIDATION_FAILED");
    let made = office.make(&office.key, Some(json!([office.north]))).await.expect(201);
    let path = format!("/api-keys/{}", id(&made));
    let edit = async |groups: Value| {
        call(&office.server, &office.key, Method::PUT, &path, json!({"groups": groups})).await
    };
    edit(json!(null)).await.expect_problem(403, "PERMISSION_DENIED");
    edit(json!([office.south])).await.expect_problem(422, "VALIDATION_FAILED");
    edit(json!([])).await.expect_problem(422, "VALIDATION_FAILED");
    assert_eq!(edit(json!([office.north])).await.expect(200)["groups"], json!([office.north]));
}

async fn keys_that_reach_further_are_not_there(backend: Backend) {
    let office = office(backend).await;
    let mut beyond = Vec::new();
    for groups in [None, Some(json!([office.south])), Some(json!([office.north, office.south]))] {
        beyond.push(id(&office.make(&office.server.admin_key, groups).await.expect(201)));
    }
    // One whose groups are gone reaches nowhere, and is nobody's to see.
    let gone = make_group(&office.server, "Gone").await;
    let ended = id(&office.make(&office.server.admin_key, Some(json!([gone]))).await.expect(201));
    office.server.admin_delete(&format!("/api-keys/{ended}")).await.expect(204);
    office.server.admin_delete(&format!("/groups/{gone}")).await.expect(204);
    beyond.push(ended);
    for id in &beyond {
        let path = format!("/api-keys/{id}");
        for (method, path) in [
            (Method::GET, path.clone()),
            (Method::PUT, path.clone()),
            (Method::DELETE, path.clone()),
            (Method::POST, format!("{path}/rotate")),
            (Method::POST, format!("{path}/revoke")),
        ] {
            let asked = call(&office.server, &office.key, method, &path, json!({})).await;
            asked.expect_problem(404, "NOT_FOUND");
        }
    }
    let seen = get(&office.server, &office.key, "/api-keys").await.expect(200);
    assert_eq!(seen["total"], 1, "its own: {seen}");
}

async fn the_groups_of_a_key_are_changed_at_once(backend: Backend) {
    let office = office(backend).await;
    let bob = office
        .server
        .admin_post("/customers", json!({"name": "Bob", "groupId": office.south}))
        .await
        .expect(201);
    let path = format!("/customers/{}", id(&bob));
    let made = office.make(&office.server.admin_key, Some(json!([office.north]))).await.expect(201);
    let (key, own) = (made["secret"].as_str().unwrap().to_owned(), format!("/api-keys/{}", id(&made)));
    for (groups, status) in [
        (json!([office.north]), 404),
        (json!([office.north, office.south]), 200),
        (json!([office.north]), 404),
        (json!(null), 200),
    ] {
        let edited = office.server.admin_put(&own, json!({"groups": groups})).await.expect(200);
        assert_eq!(edited["groups"], groups);
        assert_eq!(get(&office.server, &key, &path).await.status, status, "{groups}");
    }
    // An edit that says nothing of groups leaves them.
    office.server.admin_put(&own, json!({"groups": [office.north]})).await.expect(200);
    let renamed = office.server.admin_put(&own, json!({"name": "Till"})).await.expect(200);
    assert_eq!(renamed["groups"], json!([office.north]));
}
