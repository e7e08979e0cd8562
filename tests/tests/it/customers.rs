//! Customers: made, found, edited.

use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;
use serde_json::{Value, json};

on_both![
    a_customer_is_made_and_read,
    a_customer_has_some_name,
    an_external_id_belongs_to_one_customer,
    null_clears_and_absent_keeps,
    members_of_a_customer_have_bounds,
    a_stale_edit_of_a_customer_is_refused,
    customers_are_searched_by_every_name,
];

async fn create(server: &TestServer, body: Value) -> Value {
    server.admin_post("/customers", body).await.expect(201)
}

fn path(customer: &Value) -> String {
    format!("/customers/{}", customer["id"].as_str().unwrap())
}

async fn a_customer_is_made_and_read(backend: Backend) {
    let server = TestServer::start(backend).await;
    let body = json!({"externalId": "crm-1", "name": "Ada Lovelace", "organization": "Engines", "email": "Ada@Example.com",
                      "notes": "likes\nlines", "metadata": {"region": "uk", "seats": 3, "rate": 0.5, "vip": true}});
    let reply = server.admin_post("/customers", body.clone()).await;
    let (place, tag) = (reply.header("location").to_owned(), reply.header("etag").to_owned());
    let made = reply.expect(201);
    assert_eq!(place, format!("{}/api/v1{}", server.issuer, path(&made)));
    assert_eq!((tag.as_str(), &made["version"]), ("\"1\"", &json!(1)));
    for (member, value) in body.as_object().unwrap() {
        assert_eq!(made[member], *value);
    }
    assert!(made["id"].as_str().unwrap().starts_with("cus_"));
    assert_eq!(server.admin_get(&path(&made)).await.expect(200), made);
    let page = server.admin_get("/customers").await.expect(200);
    assert_eq!((&page["items"], &page["total"]), (&json!([made]), &json!(1)));
}

async fn a_customer_has_some_name(backend: Backend) {
    let server = TestServer::start(backend).await;
    for body in [json!({}), json!({"notes": "who?"}), json!({"name": null, "metadata": {"name": "x"}})] {
        let problem = server.admin_post("/customers", body).await;
        let problem = problem.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["code"], "REQUIRED");
    }
    for (member, value) in
        [("externalId", "1"), ("name", "Ada"), ("organization", "Engines"), ("email", "a@b.c")]
    {
        let made = create(&server, json!({member: value})).await;
        server.admin_put(&path(&made), json!({member: null})).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(server.admin_get(&path(&made)).await.expect(200), made);
    }
}

async fn an_external_id_belongs_to_one_customer(backend: Backend) {
    let server = TestServer::start(backend).await;
    create(&server, json!({"externalId": "crm-1"})).await;
    let other = create(&server, json!({"externalId": "CRM-1"})).await;
    let taken = json!({"externalId": "crm-1", "name": "Eve"});
    for reply in
        [server.admin_post("/customers", taken.clone()).await, server.admin_put(&path(&other), taken).await]
    {
        let problem = reply.expect_problem(409, "ALREADY_EXISTS");
        assert_eq!(problem["errors"][0]["pointer"], "/externalId");
    }
    assert_eq!(server.admin_get(&path(&other)).await.expect(200), other);
    // Its own is no obstacle, and any number may have none.
    server.admin_put(&path(&other), json!({"externalId": "CRM-1"})).await.expect(200);
    for _ in 0..2 {
        create(&server, json!({"name": "Ada", "email": "same@example.com"})).await;
    }
}

async fn null_clears_and_absent_keeps(backend: Backend) {
    let server = TestServer::start(backend).await;
    let body = json!({"externalId": "1", "name": "Ada", "organization": "Engines", "email": "a@b.c", "notes": "n",
                      "metadata": {"a": 1}});
    let made = create(&server, body).await;
    for (number, member) in ["externalId", "organization", "email", "notes"].into_iter().enumerate() {
        let edited = server.admin_put(&path(&made), json!({member: null})).await.expect(200);
        assert_eq!((&edited[member], &edited["name"]), (&Value::Null, &json!("Ada")));
        assert_eq!(edited["version"], number + 2);
        assert_eq!(edited["metadata"], json!({"a": 1}));
    }
    let edited = server.admin_put(&path(&made), json!({"metadata": {"b": "x"}})).await;
    assert_eq!(edited.expect(200)["metadata"], json!({"b": "x"}));
    let nothing = server.admin_put(&path(&made), json!({})).await.expect(200);
    assert_eq!((&nothing["name"], &nothing["notes"]), (&json!("Ada"), &Value::Null));
}

async fn members_of_a_customer_have_bounds(backend: Backend) {
    let server = TestServer::start(backend).await;
    let many: serde_json::Map<String, Value> = (0..51).map(|n| (format!("k{n}"), json!(n))).collect();
    for (member, value) in [
        ("name", json!("")),
        ("name", json!("n".repeat(201))),
        ("name", json!(" padded ")),
        ("externalId", json!("x".repeat(256))),
        ("email", json!("no address")),
        ("email", json!("two@at@example.com")),
        ("email", json!(format!("{}@example.com", "x".repeat(250)))),
        ("notes", json!("n".repeat(4001))),
        ("metadata", json!(many)),
        ("metadata", json!({"k".repeat(64): 1})),
        ("metadata", json!({"k": "v".repeat(501)})),
        ("metadata", json!({"k": null})),
        ("metadata", json!({"k": [1]})),
        ("metadata", json!(null)),
    ] {
        let mut body = json!({"organization": "Engines"});
        body[member] = value;
        let problem = server.admin_post("/customers", body).await;
        let problem = problem.expect_problem(422, "VALIDATION_FAILED");
        assert!(problem["errors"][0]["pointer"].as_str().unwrap().starts_with(&format!("/{member}")));
    }
    assert_eq!(server.admin_get("/customers").await.expect(200)["total"], 0);
}

async fn a_stale_edit_of_a_customer_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let made = create(&server, json!({"name": "Ada"})).await;
    let edit = |tag: &'static str| {
        let request = server.admin(Method::PUT, &path(&made)).header("if-match", tag);
        Reply::of(request.json(&json!({"name": "Eve"})))
    };
    edit("\"2\"").await.expect_problem(412, "VERSION_STALE");
    assert_eq!(edit("\"1\"").await.header("etag"), "\"2\"");
    edit("\"1\"").await.expect_problem(412, "VERSION_STALE");
    edit("*").await.expect(200);
}

async fn customers_are_searched_by_every_name(backend: Backend) {
    let server = TestServer::start(backend).await;
    let body = json!({"externalId": "crm-4711", "name": "Ada Lovelace", "organization": "Engines Ltd",
                      "email": "ada@example.com", "notes": "secret remark"});
    let ada = create(&server, body).await;
    create(&server, json!({"name": "Eve"})).await;
    for (q, found) in [
        ("4711", true),
        ("LOVE", true),
        ("engines%20l", true),
        ("@EXAMPLE", true),
        ("%20ada%20", true),
        ("remark", false),
        ("nobody", false),
    ] {
        let page = server.admin_get(&format!("/customers?q={q}")).await.expect(200);
        let expected = if found { json!([ada]) } else { json!([]) };
        assert_eq!((&page["items"], &page["total"]), (&expected, &json!(usize::from(found))), "{q}");
    }
    let all = server.admin_get("/customers?q=").await.expect(200);
    assert_eq!(all["total"], 2);
}
