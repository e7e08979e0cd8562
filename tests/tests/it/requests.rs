//! What a request must look like, whatever it asks for.

use licentia_tests::{Backend, Reply, Shop, TestServer, on_both, try_activate};
use reqwest::Method;
use serde_json::{Value, json};

mod not_landed;

on_both![
    null_is_refused_where_there_is_always_a_value,
    unknown_members_are_refused_by_name,
    bodies_are_json_of_a_known_size_and_depth,
    members_stand_there_once,
    control_characters_are_refused_in_every_text,
    parameters_that_an_operation_does_not_read_are_refused,
    fingerprints_may_have_512_bytes,
    undeclared_methods_are_refused_with_those_that_there_are,
    the_api_has_an_alias,
    a_request_keeps_its_id_or_gets_one,
    what_is_no_id_names_nothing,
    unknown_and_repeated_parameters_are_refused,
];

pub(crate) fn first_error(problem: &Value) -> (&str, &str) {
    let error = &problem["errors"][0];
    (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())
}

async fn unknown_members_are_refused_by_name(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issue = |more: Value| shop.try_issue(&server, more);
    for (reply, pointer) in [
        (server.admin_post("/customers", json!({"name": "Ada", "admin": true})).await, "/admin"),
        (server.admin_put(&format!("/products/{}", shop.product), json!({"slug": "other"})).await, "/slug"),
        (server.admin_put(&format!("/pricing-tiers/{}", shop.pro), json!({"key": "other"})).await, "/key"),
        (issue(json!({"a/b~c": 1})).await, "/a~1b~0c"),
        (issue(json!({"status": "active"})).await, "/status"),
        (issue(json!({"features": {"all": true}})).await, "/features/all"),
        (issue(json!({"customer": {"id": "x"}})).await, "/customer/id"),
        (try_activate(&server, "some-key-of-ours", "fp-1", json!({"seat": 1})).await, "/seat"),
        (server.post("/license-keys/validate", json!({"tokens": "x"})).await, "/tokens"),
    ] {
        let problem = reply.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(first_error(&problem), (pointer, "UNKNOWN_FIELD"));
    }
}

async fn send(server: &TestServer, media_type: Option<&str>, body: String) -> Reply {
    let mut request = server.admin(Method::POST, "/customers").body(body);
    if let Some(media_type) = media_type {
        request = request.header("content-type", media_type);
    }
    Reply::of(request).await
}

async fn bodies_are_json_of_a_known_size_and_depth(backend: Backend) {
    let server = TestServer::start(backend).await;
    let json = Some("application/json");
    let good = r#"{"name": "Ada"}"#;
    for media_type in [json, Some("application/json; charset=utf-8"), Some("Application/JSON")] {
        send(&server, media_type, good.to_owned()).await.expect(201);
    }
    for media_type in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp")]
    {
        send(&server, media_type, good.to_owned()).await.expect_problem(415, "MEDIA_TYPE_UNSUPPORTED");
    }
    for body in ["", "{", "{}{}", "nonsense", "\u{feff}{}", r#"{"name": "\ud800"}"#, r#"{"metadata": 1e999}"#]
    {
        let problem = send(&server, json, body.to_owned()).await;
        assert!(matches!(problem.status, 400 | 422), "{body}: {}", problem.text);
    }
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(4000), close.repeat(4000));
    for body in [deep(r#"{"metadata":"#, "}"), format!(r#"{{"metadata":{{"a":{}}}}}"#, deep("[", "]"))] {
        send(&server, json, body).await.expect_problem(400, "BODY_INVALID");
    }
    send(&server, json, deep("[", "]")).await.expect_problem(422, "VALIDATION_FAILED");
    for body in ["[]", "1", "null", r#""text""#] {
        send(&server, json, body.to_owned()).await.expect_problem(422, "VALIDATION_FAILED");
    }
    let fits = format!("{good}{}", " ".repeat(65_536 - good.len()));
    send(&server, json, fits.clone()).await.expect(201);
    for body in [format!("{fits} "), "x".repeat(10_000_000)] {
        send(&server, json, body).await.expect_problem(413, "BODY_TOO_LARGE");
    }
}

async fn members_stand_there_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    for (body, pointer) in
        [(r#"{"name": "Ada", "name": "Eve"}"#, "/name"), (r#"{"name": "Ada", "\u006eame": "Eve"}"#, "/name")]
    {
        let problem = send(&server, Some("application/json"), body.to_owned())
            .await
            .expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(first_error(&problem), (pointer, "INVALID"));
    }
}

async fn control_characters_are_refused_in_every_text(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let key = shop.issue(&server, json!({})).await["licenseKey"].clone();
    for character in ['\0', '\u{7}', '\u{1b}', '\u{7f}', '\u{9b}'] {
        let text = format!("a{character}b");
        let long = format!("sixteen-symbols-{character}-and-more");
        let product = json!({"productId": shop.product, "key": "k", "name": "n", "kind": "entitlement"});
        let license = json!({"productId": shop.product, "tierId": shop.pro});
        let machine = json!({"licenseKey": key, "fingerprint": "fp-1"});
        let mut refused: Vec<(&str, Value)> = Vec::new();
        let mut add = |path: &'static str, mut body: Value, member: &str, value: Value| {
            body[member] = value;
            refused.push((path, body));
        };
        for member in ["externalId", "name", "organization", "email", "notes"] {
            add("/customers", json!({}), member, json!(text));
        }
        add("/customers", json!({"name": "n"}), "metadata", json!({"k": text}));
        add("/customers", json!({"name": "n"}), "metadata", json!({text.as_str(): 1}));
        for member in ["key", "name", "description"] {
            add("/product-features", product.clone(), member, json!(text));
        }
        for member in ["source", "notes"] {
            add("/license-keys", license.clone(), member, json!(text));
        }
        add("/license-keys", license.clone(), "key", json!(long));
        for member in ["fingerprint", "hostname", "environment", "productVersion", "userRef", "tenantRef"] {
            add("/license-activations/activate", machine.clone(), member, json!(text));
        }
        add("/license-activations/activate", machine.clone(), "licenseKey", json!(long));
        add("/license-keys/validate", json!({}), "licenseKey", json!(long));
        for (path, body) in refused {
            let reply = server.admin_post(path, body.clone()).await;
            assert_eq!(reply.status, 422, "{path} {body}: {}", reply.text);
        }
        let token = server.post("/license-keys/validate", json!({"token": long})).await;
        token.expect_problem(422, "TOKEN_INVALID");
    }
    for path in ["/customers", "/license-keys", "/products", "/pricing-tiers", "/product-features"] {
        let reply = server.admin_get(&format!("{path}?q=a%00b")).await;
        reply.expect_problem(400, "PARAMETER_INVALID");
    }
}

async fn parameters_that_an_operation_does_not_read_are_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"validDays": 30})).await;
    let path = format!("/license-keys/{}", issued["id"].as_str().unwrap());
    for action in ["revoke", "suspend", "renew", "rotate-key", "reveal"] {
        let reply = server.admin_post(&format!("{path}/{action}?dryRun=true"), json!({})).await;
        reply.expect_problem(400, "PARAMETER_INVALID");
    }
    let archive = server.admin(Method::DELETE, &format!("/products/{}?dryRun=true", shop.product));
    Reply::of(archive).await.expect_problem(400, "PARAMETER_INVALID");
    let tried = json!({"licenseKey": issued["licenseKey"], "fingerprint": "fp-1"});
    let reply = server.post("/license-activations/activate?dryRun=true", tried).await;
    reply.expect_problem(400, "PARAMETER_INVALID");
    let now = server.admin_get(&path).await.expect(200);
    assert_eq!(
        (&now["status"], &now["version"], &now["seats"]["used"]),
        (&json!("active"), &json!(1), &json!(0))
    );
}

async fn fingerprints_may_have_512_bytes(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    for fits in ["f".repeat(512), "é".repeat(256)] {
        try_activate(&server, key, &fits, json!({})).await.expect(201);
    }
    for refused in [String::new(), "f".repeat(513), "é".repeat(257)] {
        let problem =
            try_activate(&server, key, &refused, json!({})).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(first_error(&problem), ("/fingerprint", "INVALID"));
    }
}

async fn undeclared_methods_are_refused_with_those_that_there_are(backend: Backend) {
    let server = TestServer::start(backend).await;
    let document = server.get("/api/v1/openapi.json").await.expect(200);
    for (template, item) in document["paths"].as_object().unwrap() {
        let path = template.replace("{id}", "nothing").replace("{kid}", "nothing");
        let declared: Vec<String> = item.as_object().unwrap().keys().map(|m| m.to_uppercase()).collect();
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
            if declared.iter().any(|one| one == method) {
                continue;
            }
            let reply = Reply::of(server.request(method.parse().unwrap(), &path)).await;
            let allow: Vec<String> = reply.header("allow").split(", ").map(str::to_owned).collect();
            reply.expect_problem(405, "METHOD_NOT_ALLOWED");
            assert!(declared.iter().all(|one| allow.contains(one)), "{path}: {allow:?}");
            assert!(!allow.iter().any(|one| one == method));
        }
    }
}

async fn the_api_has_an_alias(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let request = server.request(Method::GET, "/api/v1.0/customers?limit=1");
    Reply::of(request.bearer_auth(&server.admin_key)).await.expect(200);
    let slug = server.get(&format!("/api/v1.0/products/{}", shop.slug)).await;
    assert_eq!(slug.expect(200)["id"], shop.product);
    let problem = server.get("/api/v1.0/customers").await.expect_problem(401, "UNAUTHENTICATED");
    assert_eq!(problem["instance"], "/api/v1.0/customers");
    for path in ["/api/v1.1/products", "/api/v10/products", "/api/products"] {
        server.get(path).await.expect_problem(404, "NOT_FOUND");
    }
}

async fn a_request_keeps_its_id_or_gets_one(backend: Backend) {
    let server = TestServer::start(backend).await;
    let ask = |id: String| {
        let request = server.request(Method::GET, "/api/v1/customers");
        Reply::of(request.header("x-request-id", id))
    };
    let kept = ask("client-0123.id_4".to_owned()).await;
    assert_eq!(kept.header("x-request-id"), "client-0123.id_4");
    assert_eq!(kept.body["requestId"], "client-0123.id_4");
    for unfit in ["short", "with spaces in it", "quote\"in-it", &"x".repeat(65)] {
        let reply = ask(unfit.to_owned()).await;
        assert_ne!(reply.header("x-request-id"), unfit);
        assert_eq!(reply.header("x-request-id").len(), 32);
    }
    let (one, two) = (server.get("/health/live").await, server.get("/docs/").await);
    assert!(one.header("x-request-id").len() == 32 && two.header("x-request-id").len() == 32);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

async fn what_is_no_id_names_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let other_kind = shop.product.replace("prod_", "cus_");
    for id in [
        "nothing",
        "cus_",
        "cus_01h455vb4pex5vsknk084sn02q",
        "cus_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "CUS_01H455VB4PEX5VSKNK084SN02Q",
        "018f0c5e-0000-7000-8000-000000000000",
        "%00",
        "%ff",
        "..%2fproducts",
        "1%20or%201=1",
        &shop.product,
        &other_kind,
        &"x".repeat(4000),
    ] {
        server.admin_get(&format!("/customers/{id}")).await.expect_problem(404, "NOT_FOUND");
        server.admin_delete(&format!("/pricing-tiers/{id}")).await.expect_problem(404, "NOT_FOUND");
    }
}

async fn unknown_and_repeated_parameters_are_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    for query in [
        "offset=1",
        "limit=1&limit=2",
        "q=a&q=b",
        "limit=x",
        "limit=-1",
        "limit=1.5",
        "limit=99999999999999999999",
        "sort=name",
        "sort=",
        "cursor=what",
        "cursor=",
        "productId=prod_1",
        "status=active",
        "%ff=1",
    ] {
        let reply = server.admin_get(&format!("/customers?{query}")).await;
        reply.expect_problem(400, "PARAMETER_INVALID");
    }
    for query in ["status=good", "productId=nothing", "productId=", "tier=x"] {
        let reply = server.admin_get(&format!("/license-keys?{query}")).await;
        reply.expect_problem(400, "PARAMETER_INVALID");
    }
}

async fn null_is_refused_where_there_is_always_a_value(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let license = shop.issue(&server, json!({})).await["id"].as_str().unwrap().to_owned();
    for (path, member) in [
        (format!("/products/{}", shop.product), "name"),
        (format!("/pricing-tiers/{}", shop.pro), "features"),
        (format!("/license-keys/{license}"), "customerId"),
        (format!("/license-keys/{license}"), "features"),
        (format!("/license-keys/{license}"), "metadata"),
    ] {
        let problem =
            server.admin_put(&path, json!({member: null})).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{member}"));
    }
}
