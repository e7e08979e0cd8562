//! What is refused: a body as a whole before anything is imported, or a row by itself.

use licentia_tests::{Backend, Reply, Shop, TestServer, on_both};
use licentia_types::permissions::Permission;
use reqwest::Method;
use serde_json::{Value, json};

use super::{import, keyed, of_shop, results, send, send_as};
use crate::access::key_with;

on_both![
    a_body_that_holds_no_rows_is_refused_as_a_whole,
    rows_are_refused_each_by_itself,
    a_body_has_a_configured_size_and_a_row_64_kb,
    imports_need_their_permission,
    lists_of_results_are_read_in_their_order,
];

async fn a_body_that_holds_no_rows_is_refused_as_a_whole(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let query = of_shop(&shop);
    let good = "{\"license\":{}}\n";
    let (lines, csv) = ("application/x-ndjson", "text/csv");
    let send = |query: String, media: &'static str, body: &str| {
        let body = body.to_owned();
        let server = &server;
        async move { send_as(server, &query, media, body).await }
    };
    for media in ["application/json", "text/plain", "multipart/form-data"] {
        send(query.clone(), media, good).await.expect_problem(415, "MEDIA_TYPE_UNSUPPORTED");
    }
    for (preset, media) in [("native", csv), ("keygen", csv), ("gumroad", lines)] {
        let reply = send(format!("{query}&preset={preset}"), media, good).await;
        reply.expect_problem(415, "MEDIA_TYPE_UNSUPPORTED");
    }
    for body in ["", "\n \r\n"] {
        send(query.clone(), lines, body).await.expect_problem(422, "VALIDATION_FAILED");
    }
    let gumroad = format!("{query}&preset=gumroad");
    for body in ["", "License Key\n", "a,a\n1,2\n", "a\n1,2\n", "a\n\"1"] {
        send(gumroad.clone(), csv, body).await.expect_problem(422, "VALIDATION_FAILED");
    }
    for wrong in [
        "product=nothing-here",
        "preset=other",
        "tiers=x",
        "tiers=%7B%22a%22%3A%22%20%22%7D",
        "dryRun=1",
        "file=x",
    ] {
        send(wrong.to_owned(), lines, good).await.expect_problem(400, "PARAMETER_INVALID");
    }
    let begun = server.admin_get("/imports").await.expect(200);
    let open =
        begun["items"].as_array().unwrap().iter().filter(|import| import["status"] != "failed").count();
    assert_eq!(open, 0, "{begun}");
}

async fn rows_are_refused_each_by_itself(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    shop.issue(&server, json!({"key": "a key that is there, 0815", "source": "old", "sourceOrderId": "1"}))
        .await;
    let machine = json!({"fingerprint": "fp-1"});
    let with_machines = |license: Value, machines: Value| json!({"license": license, "machines": machines});
    let wrong: Vec<(Value, &str, &str)> = vec![
        (json!({}), "VALIDATION_FAILED", "/license"),
        (json!([]), "BODY_INVALID", ""),
        (json!({"licence": {}}), "VALIDATION_FAILED", "/licence"),
        (json!({"license": {"seats": 1}}), "VALIDATION_FAILED", "/license/seats"),
        (json!({"license": {"product": "other"}}), "VALIDATION_FAILED", "/license/product"),
        (json!({"license": {"tier": "other"}}), "VALIDATION_FAILED", "/license/tier"),
        (keyed("short", json!({})), "LICENSE_KEY_MALFORMED", "/license/key"),
        (keyed("ACME-AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", json!({})), "LICENSE_KEY_MALFORMED", "/license/key"),
        (keyed("12345678", json!({})), "LICENSE_KEY_WEAK", "/license/key"),
        (keyed("a key that is there, 0815", json!({})), "ALREADY_EXISTS", "/license/key"),
        (
            keyed("another old key, 4711", json!({"source": "old", "sourceOrderId": "1"})),
            "ALREADY_EXISTS",
            "/license/sourceOrderId",
        ),
        (
            keyed("another old key, 4711", json!({"keySha256": "00"})),
            "VALIDATION_FAILED",
            "/license/keySha256",
        ),
        (json!({"license": {"keySha256": "00"}}), "VALIDATION_FAILED", "/license/keySha256"),
        (json!({"license": {"issuedAt": "2999-01-01T00:00:00Z"}}), "VALIDATION_FAILED", "/license/issuedAt"),
        (
            json!({"license": {"expiresAt": "2001-01-01T00:00:00Z"}}),
            "VALIDATION_FAILED",
            "/license/expiresAt",
        ),
        (
            json!({"license": {"features": {"add": ["nothing"]}}}),
            "VALIDATION_FAILED",
            "/license/features/add",
        ),
        (json!({"customer": {"notes": "nameless"}}), "VALIDATION_FAILED", "/customer/name"),
        (json!({"machines": [machine]}), "VALIDATION_FAILED", "/license"),
        (with_machines(json!({}), json!([machine, machine])), "VALIDATION_FAILED", "/machines/1/fingerprint"),
        (
            with_machines(json!({}), json!([{"fingerprint": "a", "instance": "b"}])),
            "VALIDATION_FAILED",
            "/machines/0/instance",
        ),
        (
            with_machines(json!({"maxActivations": 1}), json!([machine, {"fingerprint": "fp-2"}])),
            "SEAT_LIMIT_REACHED",
            "/machines/1",
        ),
        (
            with_machines(json!({"maxUsers": 1}), json!([machine, {"fingerprint": "fp-2"}])),
            "SEAT_LIMIT_REACHED",
            "/machines/1",
        ),
    ];
    let mut rows: Vec<Value> = wrong.iter().map(|(row, _, _)| row.clone()).collect();
    rows.push(keyed("the one that is good, 4711", json!({})));
    let done = import(&server, &of_shop(&shop), &rows).await;
    let results = results(&server, &done, "").await;
    for ((row, code, pointer), result) in wrong.iter().zip(&results) {
        assert_eq!(
            (&result["outcome"], &result["code"]),
            (&json!("refused"), &json!(code)),
            "{row}: {result}"
        );
        let pointed = result["errors"][0]["pointer"].as_str().unwrap_or_default();
        assert_eq!(pointed, *pointer, "{row}: {result}");
    }
    assert_eq!(results.last().unwrap()["outcome"], "created");
    assert_eq!(
        server.admin_get("/customers").await.expect(200)["total"],
        0,
        "what is refused leaves nothing"
    );
    let weak =
        import(&server, &format!("{}&allowWeakKeys=true", of_shop(&shop)), &[keyed("12345678", json!({}))])
            .await;
    assert_eq!(weak["rowsCreated"], 1);
}

async fn a_body_has_a_configured_size_and_a_row_64_kb(backend: Backend) {
    let server = TestServer::start_with(backend, &[("IMPORTS__MAX_UPLOAD_MB", "1")]).await;
    let shop = Shop::open(&server).await;
    let (query, lines) = (of_shop(&shop), "application/x-ndjson");
    let row = format!("{{\"license\":{{\"notes\":\"{}\"}}}}\n", "x".repeat(3_000));
    let large = row.repeat(1_048_576 / row.len());
    assert!(large.len() > 1_000_000 && large.len() <= 1_048_576);
    send_as(&server, &query, lines, large.clone()).await.expect(201);
    let problem = send_as(&server, &query, lines, format!("{large}{row}")).await;
    problem.expect_problem(413, "BODY_TOO_LARGE");
    let endless = send_as(&server, &query, lines, "x".repeat(70_000)).await;
    assert_eq!(endless.expect_problem(422, "VALIDATION_FAILED")["errors"][0]["pointer"], "/1");
    let latin = server.admin(Method::POST, &format!("/imports?{query}")).header("content-type", lines);
    let latin = Reply::of(latin.body(b"{\"license\":{\"notes\":\"\xe9\"}}".to_vec())).await;
    latin.expect_problem(422, "VALIDATION_FAILED");
}

async fn imports_need_their_permission(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let others: Vec<Permission> =
        Permission::ALL.iter().copied().filter(|one| *one != Permission::LicensesImport).collect();
    let key = key_with(&server, &others).await;
    for (method, path) in [(Method::POST, "/imports"), (Method::GET, "/imports")] {
        let request = server.request(method, &format!("/api/v1{path}")).bearer_auth(&key);
        let request = request.header("content-type", "application/x-ndjson").body("{\"license\":{}}\n");
        Reply::of(request).await.expect_problem(403, "PERMISSION_DENIED");
    }
    let key = key_with(&server, &[Permission::LicensesImport]).await;
    let request =
        server.request(Method::POST, &format!("/api/v1/imports?{}", of_shop(&shop))).bearer_auth(&key);
    Reply::of(request.header("content-type", "application/jsonl").body("{\"license\":{}}")).await.expect(201);
}

async fn lists_of_results_are_read_in_their_order(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let done = import(&server, &of_shop(&shop), &[json!({"license": {}})]).await;
    let path = format!("/imports/{}", done["id"].as_str().unwrap());
    for query in ["sort=createdAt", "q=x", "outcome=other", "cursor=x", "limit=0"] {
        let reply = server.admin_get(&format!("{path}/rows?{query}")).await;
        reply.expect_problem(400, "PARAMETER_INVALID");
    }
    let unknown = "/imports/imp_01h455vb4pex5vsknk084sn02q";
    server.admin_get(unknown).await.expect_problem(404, "NOT_FOUND");
    server.admin_get(&format!("{unknown}/rows")).await.expect_problem(404, "NOT_FOUND");
    send(&server, &of_shop(&shop), &[]).await.expect_problem(422, "VALIDATION_FAILED");
}
