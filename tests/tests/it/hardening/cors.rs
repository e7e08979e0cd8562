//! Scripts of other origins: only those that are listed may use the API; documents for everybody are open to any.

use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;

on_both![
    listed_origins_may_use_the_api,
    nobody_else_may,
    a_browser_asks_first_and_is_told_what_there_is,
    documents_for_everybody_are_open_to_any_origin,
];

const LISTED: &str = "https://portal.example.com";
const OTHERS: [&str; 6] = [
    "https://evil.example",
    "https://portal.example.com.evil.example",
    "https://evilportal.example.com",
    "http://portal.example.com",
    "https://portal.example.com:8443",
    "null",
];
const PATHS: [&str; 5] =
    ["/api/v1/products", "/api/v1/customers", "/api/v1/nothing", "/health", "/api/v1/license-keys/validate"];

async fn with_origins(backend: Backend) -> TestServer {
    let origins = "https://portal.example.com, http://localhost:5173";
    TestServer::start_with(backend, &[("SERVER__CORS_ORIGINS", origins)]).await
}

async fn from(server: &TestServer, method: Method, path: &str, origin: &str) -> Reply {
    Reply::of(server.request(method, path).header("origin", origin)).await
}

async fn preflight(server: &TestServer, path: &str, origin: &str) -> Reply {
    let request = server.request(Method::OPTIONS, path).header("origin", origin);
    let asks = request.header("access-control-request-method", "POST");
    Reply::of(asks.header("access-control-request-headers", "authorization, content-type")).await
}

#[track_caller]
fn has_no_cors(reply: &Reply) {
    let found = reply.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
    assert_eq!(found, None, "{}", reply.text);
}

async fn listed_origins_may_use_the_api(backend: Backend) {
    let server = with_origins(backend).await;
    for path in PATHS {
        for origin in [LISTED, "http://localhost:5173"] {
            let reply = from(&server, Method::GET, path, origin).await;
            assert_eq!(reply.header("access-control-allow-origin"), origin, "{path}");
            assert!(reply.header("access-control-expose-headers").contains("X-Request-Id"), "{path}");
            assert!(reply.headers.get("access-control-allow-credentials").is_none(), "{path}");
            assert_eq!(reply.header("vary"), "Origin", "{path}");
        }
    }
}

async fn nobody_else_may(backend: Backend) {
    let server = with_origins(backend).await;
    let closed = TestServer::start(backend).await;
    for path in PATHS {
        for origin in OTHERS {
            let reply = from(&server, Method::GET, path, origin).await;
            has_no_cors(&reply);
            // Caches keep it apart from what a listed origin is answered.
            assert_eq!(reply.header("vary"), "Origin", "{path}");
            has_no_cors(&preflight(&server, path, origin).await);
        }
        let reply = server.get(path).await;
        has_no_cors(&reply);
        assert_eq!(reply.header("vary"), "Origin", "{path}");
        for origin in OTHERS.into_iter().chain([LISTED]) {
            has_no_cors(&from(&closed, Method::GET, path, origin).await);
            let asked = preflight(&closed, path, origin).await;
            has_no_cors(&asked);
            assert!(matches!(asked.status, 404 | 405), "{path}");
        }
    }
}

async fn a_browser_asks_first_and_is_told_what_there_is(backend: Backend) {
    let server = with_origins(backend).await;
    for (path, methods) in [
        ("/api/v1/products", "GET, HEAD, POST"),
        ("/api/v1/license-keys/validate", "POST"),
        ("/api/v1/customers/nothing", "GET, HEAD, PUT"),
    ] {
        let told = preflight(&server, path, LISTED).await;
        assert_eq!((told.status, told.header("access-control-allow-methods")), (204, methods), "{path}");
        assert_eq!(told.header("access-control-allow-origin"), LISTED);
        for name in ["authorization", "x-api-key", "content-type", "if-match"] {
            assert!(told.header("access-control-allow-headers").contains(name), "{name}");
        }
        assert_eq!(told.header("access-control-max-age"), "3600");
        assert_eq!(told.header("vary"), "Origin");
        assert!(told.headers.get("access-control-allow-credentials").is_none());
    }
    preflight(&server, "/api/v1/nothing", LISTED).await.expect_problem(404, "NOT_FOUND");
    // Without a question it is a method like any other.
    from(&server, Method::OPTIONS, "/api/v1/products", LISTED)
        .await
        .expect_problem(405, "METHOD_NOT_ALLOWED");
}

async fn documents_for_everybody_are_open_to_any_origin(backend: Backend) {
    for server in [with_origins(backend).await, TestServer::start(backend).await] {
        for path in
            ["/.well-known/jwks.json", "/.well-known/license-configuration", "/api/v1/revocation/list"]
        {
            for origin in OTHERS.into_iter().chain([LISTED]) {
                let reply = from(&server, Method::GET, path, origin).await;
                assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, "*"), "{path}");
                assert!(reply.headers.get("access-control-allow-credentials").is_none(), "{path}");
                let told = preflight(&server, path, origin).await;
                assert_eq!((told.status, told.header("access-control-allow-origin")), (204, "*"), "{path}");
                assert_eq!(told.header("access-control-allow-methods"), "GET, HEAD", "{path}");
            }
        }
    }
}
