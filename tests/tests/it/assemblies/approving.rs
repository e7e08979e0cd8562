//! Approving builds, and withdrawing what was approved.

use futures_util::future::join_all;
use licentia_entity::event;
use licentia_tests::{Backend, on_both};
use licentia_types::permissions::Permission;
use reqwest::Method;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::*;
use crate::access::key_with;
use crate::requests::first_error;

on_both![
    a_build_is_approved_once,
    a_digest_has_one_form,
    builds_are_approved_in_their_order_or_none_is,
    what_is_no_build_is_refused,
    approvals_are_for_those_who_may,
    a_list_shows_what_was_asked_for,
    a_withdrawn_approval_stays_on_record,
    pipelines_that_approve_the_same_at_once_make_one_approval,
];

async fn a_build_is_approved_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (license, _) = license(&server, &shop, json!({})).await;
    let mut token = build("Core", "a");
    token["publicKeyToken"] = json!("B77A5C561934E089");
    let mut known = Vec::new();
    for body in [
        json!({"assemblies": [build("Core", "a")], "source": "ci", "note": "run 7"}),
        json!({"assemblies": [token]}),
        json!({"assemblies": [build("Core", "a")], "licenseId": license}),
    ] {
        let first = try_approve(&server, body.clone()).await.expect(201);
        let approval = first["items"][0].clone();
        server.clock.advance(10);
        assert_eq!(try_approve(&server, body.clone()).await.expect(200), first);
        let mut other_source = body;
        other_source["source"] = json!("admin");
        assert_eq!(try_approve(&server, other_source).await.expect(200), first, "the same build");
        let id = approval["id"].as_str().unwrap().to_owned();
        let entries = audited(&server, &id).await;
        assert_eq!(entries.len(), 1);
        assert_eq!(
            (&entries[0]["action"], &entries[0]["licenseId"]),
            (&json!("assembly.approved"), &approval["licenseId"])
        );
        assert_eq!(entries[0]["detail"]["sha256"], "a".repeat(64));
        assert!(approval["approvedBy"].as_str().unwrap().starts_with("api_key:key_"));
        known.push(id);
    }
    let told = event::Entity::find().filter(event::Column::Kind.eq("assembly.approved"));
    assert_eq!(told.count(&server.context.db).await.unwrap(), 3);
    let listed = list(&server, "sort=createdAt").await;
    assert_eq!((ids(&listed), &listed["total"]), (known, &json!(3)));
    let [first, second, third] = listed["items"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!(
        (&first["source"], &first["note"], &first["licenseId"]),
        (&json!("ci"), &json!("run 7"), &Value::Null)
    );
    assert_eq!((&second["source"], &second["publicKeyToken"]), (&json!("admin"), &json!("b77a5c561934e089")));
    assert_eq!((&third["licenseId"], &third["withdrawnAt"]), (&json!(license), &Value::Null));
}

async fn a_digest_has_one_form(backend: Backend) {
    let server = TestServer::start(backend).await;
    let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let forms = [
        hex.to_owned(),
        hex.to_uppercase(),
        "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=".to_owned(),
        "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0".to_owned(),
    ];
    for (n, form) in forms.iter().enumerate() {
        let body = json!({"assemblies": [{"assemblyName": "Core", "version": "1", "sha256": form}]});
        let answer = try_approve(&server, body).await.expect(if n == 0 { 201 } else { 200 });
        assert_eq!(answer["items"][0]["sha256"], hex, "{form}");
    }
    assert_eq!(list(&server, &format!("sha256={}", hex.to_uppercase())).await["total"], 1);
}

async fn builds_are_approved_in_their_order_or_none_is(backend: Backend) {
    let server = TestServer::start(backend).await;
    let many: Vec<Value> = ["c", "a", "b", "a"].iter().map(|digit| build("Core", digit)).collect();
    let answer = try_approve(&server, json!({"assemblies": many})).await.expect(201);
    for (sent, item) in many.iter().zip(answer["items"].as_array().unwrap()) {
        assert_eq!(item["sha256"], sent["sha256"]);
    }
    let told = ids(&answer);
    assert_eq!((told.len(), &told[1]), (4, &told[3]), "one approval");
    assert_eq!(list(&server, "").await["total"], 3);
    let mixed = json!({"assemblies": [build("Core", "a"), build("New", "d")]});
    let mixed = ids(&try_approve(&server, mixed).await.expect(201));
    assert_eq!(mixed[0], told[1]);
    let mut bad = build("Core", "e");
    bad["sha256"] = json!("e");
    let reply = try_approve(&server, json!({"assemblies": [build("Core", "f"), bad]})).await;
    assert_eq!(
        first_error(&reply.expect_problem(422, "VALIDATION_FAILED")),
        ("/assemblies/1/sha256", "INVALID")
    );
    assert_eq!(list(&server, "").await["total"], 4);
    let thousand: Vec<Value> = (0..1_000).map(|n| build(&format!("Part{n}"), "0")).collect();
    let answer = try_approve(&server, json!({"assemblies": thousand})).await.expect(201);
    assert_eq!(answer["items"].as_array().unwrap().len(), 1_000);
}

async fn what_is_no_build_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let with = |member: &str, value: Value| {
        let mut one = build("Core", "a");
        one[member] = value;
        json!({"assemblies": [one]})
    };
    let many: Vec<Value> = (0..1_001).map(|_| build("Core", "a")).collect();
    let unknown = "lic_01h455vb4pex5vsknk084sn02q";
    for (body, pointer, code) in [
        (json!({"assemblies": []}), "/assemblies", "INVALID"),
        (json!({"assemblies": many}), "/assemblies", "INVALID"),
        (json!({}), "/assemblies", "REQUIRED"),
        (json!({"assemblies": [["Core", "1", "a"]]}), "/assemblies/0", "INVALID"),
        (
            json!({"assemblies": [{"assemblyName": "Core", "version": "1"}]}),
            "/assemblies/0/sha256",
            "REQUIRED",
        ),
        (with("sha256", json!("g".repeat(64))), "/assemblies/0/sha256", "INVALID"),
        (with("sha256", json!("a".repeat(63))), "/assemblies/0/sha256", "INVALID"),
        (with("sha256", json!("YQ==")), "/assemblies/0/sha256", "INVALID"),
        (with("assemblyName", json!("")), "/assemblies/0/assemblyName", "INVALID"),
        (with("assemblyName", json!("x".repeat(256))), "/assemblies/0/assemblyName", "INVALID"),
        (with("version", json!("1\n2")), "/assemblies/0/version", "INVALID"),
        (with("publicKeyToken", json!("none")), "/assemblies/0/publicKeyToken", "INVALID"),
        (with("culture", json!("neutral")), "/assemblies/0/culture", "UNKNOWN_FIELD"),
        (json!({"assemblies": [build("Core", "a")], "source": "me"}), "/source", "INVALID"),
        (json!({"assemblies": [build("Core", "a")], "licenseId": unknown}), "/licenseId", "UNKNOWN"),
    ] {
        let problem = try_approve(&server, body).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(first_error(&problem), (pointer, code));
    }
    assert_eq!(list(&server, "").await["total"], 0);
}

async fn approvals_are_for_those_who_may(backend: Backend) {
    let server = TestServer::start(backend).await;
    let id = approve(&server, &[build("Core", "a")]).await.remove(0);
    let mine = key_with(&server, &[Permission::Assemblies]).await;
    let of_builds = [Permission::Assemblies, Permission::AssembliesRead];
    let others: Vec<_> = Permission::ALL.iter().copied().filter(|one| !of_builds.contains(one)).collect();
    let foreign = key_with(&server, &others).await;
    let approval = json!({"assemblies": [build("Core", "b")]});
    for (method, path, body, good) in [
        (Method::POST, "/api/v1/assembly-whitelist/approve".to_owned(), Some(&approval), 201),
        (Method::GET, "/api/v1/assembly-whitelist".to_owned(), None, 200),
        (Method::DELETE, format!("/api/v1/assembly-whitelist/{id}"), None, 204),
    ] {
        let ask = async |key: &str| {
            let request = server.request(method.clone(), &path).bearer_auth(key);
            Reply::of(match body {
                Some(body) => request.json(body),
                None => request,
            })
            .await
        };
        ask(&foreign).await.expect_problem(403, "PERMISSION_DENIED");
        ask(&mine).await.expect(good);
    }
}

async fn a_list_shows_what_was_asked_for(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let (license, _) = license(&server, &shop, json!({})).await;
    let core = approve(&server, &[build("Core", "a")]).await.remove(0);
    server.clock.advance(1);
    let views =
        ids(&try_approve(&server, json!({"assemblies": [build("Views", "b")], "licenseId": license}))
            .await
            .expect(201));
    let views = views[0].clone();
    for (query, expected) in [
        (String::new(), vec![&views, &core]),
        (format!("licenseId={license}"), vec![&views]),
        ("assemblyName=Core".to_owned(), vec![&core]),
        ("assemblyName=core".to_owned(), vec![]),
        (format!("sha256={}", "b".repeat(64)), vec![&views]),
        ("source=ci".to_owned(), vec![&core]),
        ("source=admin&withdrawn=false".to_owned(), vec![&views]),
        ("q=cor".to_owned(), vec![&core]),
        ("withdrawn=true".to_owned(), vec![]),
    ] {
        let listed = list(&server, &query).await;
        assert_eq!(ids(&listed).iter().collect::<Vec<_>>(), expected, "{query}");
        assert_eq!(listed["total"], expected.len(), "{query}");
    }
    let first = list(&server, "limit=1").await;
    let next = list(&server, &format!("limit=1&cursor={}", first["nextCursor"].as_str().unwrap())).await;
    assert_eq!((ids(&first), ids(&next)), (vec![views], vec![core]));
    for query in ["sha256=a", "source=me", "licenseId=7", "name=Core", "withdrawn=yes"] {
        let reply = server.admin_get(&format!("/assembly-whitelist?{query}")).await;
        reply.expect_problem(400, "PARAMETER_INVALID");
    }
}

async fn a_withdrawn_approval_stays_on_record(backend: Backend) {
    let server = TestServer::start(backend).await;
    let id = approve(&server, &[build("Core", "a")]).await.remove(0);
    server.clock.advance(10);
    let at = server.context.moment().now;
    withdraw(&server, &id).await;
    server.clock.advance(10);
    withdraw(&server, &id).await;
    assert_eq!(list(&server, "").await["total"], 0);
    let withdrawn = list(&server, "withdrawn=true").await;
    assert_eq!((ids(&withdrawn), &withdrawn["items"][0]["withdrawnAt"]), (vec![id.clone()], &json!(at)));
    let entries = audited(&server, &id).await;
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["assembly.approved", "assembly.withdrawn"]);
    let again = approve(&server, &[build("Core", "a")]).await;
    assert_ne!(again[0], id, "another approval");
    let unknown = server.admin_delete("/assembly-whitelist/asm_01h455vb4pex5vsknk084sn02q").await;
    unknown.expect_problem(404, "NOT_FOUND");
}

async fn pipelines_that_approve_the_same_at_once_make_one_approval(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let builds: Vec<Value> = (0..40).map(|n| build(&format!("Part{n}"), "a")).collect();
    let backwards: Vec<Value> = builds.iter().rev().cloned().collect();
    let servers = [&server, &other];
    let replies = join_all((0..16).map(|n| {
        let builds = if n % 4 < 2 { &builds } else { &backwards };
        try_approve(servers[n % 2], json!({"assemblies": builds}))
    }))
    .await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    assert_eq!(
        replies.iter().filter(|reply| reply.status == 200).count(),
        15,
        "{:?}",
        replies.iter().map(|reply| &reply.text).find(|text| text.contains("code"))
    );
    assert_eq!(list(&server, "").await["total"], 40);
    let told = event::Entity::find().filter(event::Column::Kind.eq("assembly.approved"));
    assert_eq!(told.count(&server.context.db).await.unwrap(), 40);
}
