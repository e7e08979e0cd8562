//! Builds are approved for all by nobody who has groups.

use licentia_tests::{Backend, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Market, Realm, call, get, id};

on_both![builds_are_approved_within_the_group_only];

fn builds(license: Option<&str>) -> Value {
    let build = json!({"assemblyName": "Acme.Core", "version": "1.0.0.0", "sha256": "b".repeat(64)});
    match license {
        None => json!({"assemblies": [build], "source": "ci"}),
        Some(license) => json!({"assemblies": [build], "source": "ci", "licenseId": license}),
    }
}

async fn builds_are_approved_within_the_group_only(backend: Backend) {
    let server = TestServer::start(backend).await;
    let market = Market::open(&server).await;
    let (mine, other) =
        (Realm::of(&server, &market, "north").await, Realm::of(&server, &market, "south").await);
    let approve = async |license: Option<&str>| {
        call(&server, &mine.secret, Method::POST, "/assembly-whitelist/approve", builds(license)).await
    };
    approve(Some(&mine.license)).await.expect(201);
    let problem = approve(None).await.expect_problem(403, "PERMISSION_DENIED");
    assert!(problem["detail"].as_str().unwrap().contains("without groups"), "{problem}");
    let foreign = approve(Some(&other.license)).await.expect_problem(422, "VALIDATION_FAILED");
    let unknown =
        approve(Some("lic_01h455vb4pex5vsknk084sn02q")).await.expect_problem(422, "VALIDATION_FAILED");
    assert_eq!((&foreign["detail"], &foreign["errors"]), (&unknown["detail"], &unknown["errors"]));
    // What is approved for all is everybody's, and nobody's within a group.
    let for_all = server.admin_post("/assembly-whitelist/approve", builds(None)).await.expect(201);
    let path = format!("/assembly-whitelist/{}", id(&for_all["items"][0]));
    call(&server, &mine.secret, Method::DELETE, &path, Value::Null).await.expect_problem(404, "NOT_FOUND");
    assert_eq!(get(&server, &mine.secret, "/assembly-whitelist").await.expect(200)["total"], 2);
    server.admin_delete(&path).await.expect(204);
}
