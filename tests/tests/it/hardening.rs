//! What the server tells browsers, what it takes off the wire, and how long it waits for it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;
use serde_json::json;

use crate::openapi::operations;

mod cors;
mod heads;
mod slow;

on_both![
    every_answer_has_its_headers,
    pages_for_people_load_their_own_scripts_only,
    https_only_is_told_where_the_issuer_is_https,
    what_no_handler_sees_says_nothing,
];

const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// What an answer must have, by what is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Document,
    Machine,
    Api,
}

impl Kind {
    /// Of an operation, as `METHOD /path`.
    fn of(name: &str) -> Self {
        let (method, path) = name.split_once(' ').unwrap();
        let documents = ["/.well-known/", "/status-lists/", "/api/v1/revocation/list"];
        let machines = [
            "/api/v1/license-keys/heartbeat",
            "/api/v1/license-keys/validate",
            "/api/v1/license-activations/activate",
            "/api/v1/license-activations/status",
            "/api/v1/license-activations/receipts",
            "/api/v1/license-activations/{id}/deactivate",
        ];
        if documents.iter().any(|document| path.starts_with(document)) {
            Self::Document
        } else if method == "POST" && machines.contains(&path) {
            Self::Machine
        } else {
            Self::Api
        }
    }

    #[track_caller]
    fn check(self, reply: &Reply, what: &str) {
        let header = |name: &str| reply.header(name).to_owned();
        assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
        assert!(!header("x-request-id").is_empty(), "{what}");
        assert!(reply.headers.get("strict-transport-security").is_none(), "{what}: the issuer is http");
        assert!(reply.headers.get("server").is_none() && reply.headers.get("x-powered-by").is_none());
        if self == Self::Document {
            assert_eq!(header("access-control-allow-origin"), "*", "{what}");
            assert_eq!(header("cross-origin-resource-policy"), "cross-origin", "{what}");
            assert!(reply.headers.get("access-control-allow-credentials").is_none(), "{what}");
            return;
        }
        assert!(reply.headers.get("access-control-allow-origin").is_none(), "{what}");
        let caching = header("cache-control");
        assert!(!caching.is_empty() && !caching.contains("public"), "{what}: {caching}");
        assert!(reply.status < 400 || caching == "no-store", "{what}: {caching}");
        if self == Self::Api {
            assert_eq!(header("content-security-policy"), NOTHING, "{what}");
            assert_eq!(header("referrer-policy"), "no-referrer", "{what}");
            assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{what}");
        }
    }
}

async fn every_answer_has_its_headers(backend: Backend) {
    let server = TestServer::start(backend).await;
    let mut statuses = std::collections::BTreeSet::new();
    for (name, _) in operations() {
        let kind = Kind::of(&name);
        let (method, template) = name.split_once(' ').unwrap();
        // Parameters, wherever they end, name nothing.
        let parts = template.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest));
        let path = parts.collect::<Vec<_>>().join("nothing");
        let ask = |method: Method| server.request(method, &path).bearer_auth(&server.admin_key);
        let method: Method = method.parse().unwrap();
        for request in [
            ask(method.clone()),
            ask(method.clone()).json(&json!({})),
            server
                .request(method.clone(), &format!("{path}?nobody=reads-this"))
                .bearer_auth(&server.admin_key),
            server.request(method.clone(), &path),
            server.request(method.clone(), &path).bearer_auth("lsk_nobody"),
            ask(Method::PATCH),
            ask(Method::OPTIONS),
            ask(Method::HEAD),
            ask(method.clone()).header("x-long", "x".repeat(40_000)),
        ] {
            let reply = Reply::of(request).await;
            kind.check(&reply, &format!("{name}: {} {}", reply.status, reply.text));
            statuses.insert(reply.status);
        }
    }
    for status in [200, 400, 401, 404, 405, 422, 431] {
        assert!(statuses.contains(&status), "{status} was never met: {statuses:?}");
    }
    for path in
        ["/", "/nothing", "/api/v1/nothing", "/api/v1", "/docs/nothing.html", "/%ff", "//", "/.well-known/x"]
    {
        let reply = server.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
        Kind::Api.check(&reply, path);
    }
}

async fn pages_for_people_load_their_own_scripts_only(backend: Backend) {
    let server = TestServer::start(backend).await;
    let paths =
        ["/docs/", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/swagger-initializer.js"];
    for path in paths {
        let page = server.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe-") && !policy.contains("http"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
    }
    // What the policy forbids is not there: scripts in the page, and whatever is loaded from elsewhere.
    let page = server.get("/docs/").await.text;
    assert!(page.contains("<script src=\"./swagger-ui-bundle.js\""), "{page}");
    assert!(!page.contains("<script>") && !page.contains("<style") && !page.contains("//"), "{page}");
    // The one style that is within a page is that of the logo.
    let style = ".logo_small_svg__cls-2{fill:#fff}.logo_small_svg__cls-3{fill:#85ea2d}";
    assert!(server.get("/docs/swagger-ui-standalone-preset.js").await.text.contains(style));
    let digest = STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.as_bytes()));
    let policy = server.get("/docs/").await.header("content-security-policy").to_owned();
    assert!(policy.contains(&format!("style-src 'self' 'sha256-{digest}';")), "{digest}: {policy}");
    let initializer = server.get("/docs/swagger-initializer.js").await.text;
    assert!(initializer.contains("\"validatorUrl\": \"none\""), "{initializer}");
    assert!(!initializer.contains("://"), "{initializer}");
}

async fn https_only_is_told_where_the_issuer_is_https(backend: Backend) {
    let issuer = ("SERVER__PUBLIC_URL", "https://licentia.test");
    let server = TestServer::start_reachable_with(backend, &[issuer]).await;
    let paths = ["/.well-known/jwks.json", "/health", "/docs/", "/api/v1/customers", "/nothing"];
    for path in paths {
        let told = server.get(path).await;
        let expected = "max-age=63072000; includeSubDomains; preload";
        assert_eq!(told.header("strict-transport-security"), expected, "{path}");
    }
    let heartbeat = server.post("/license-keys/heartbeat", json!({})).await;
    assert!(heartbeat.header("strict-transport-security").contains("max-age"));
    let silent = server.another_with(&[("SERVER__HSTS", "false")]).await;
    for path in paths {
        assert!(silent.get(path).await.headers.get("strict-transport-security").is_none(), "{path}");
    }
}

/// What is no HTTP is refused before there is a request, by an answer that holds nothing.
async fn what_no_handler_sees_says_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let smuggled = "POST /api/v1/license-keys/validate HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\
                    Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    for bytes in [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n",
        smuggled,
    ] {
        let reply = server.say(bytes.as_bytes()).await.expect("it is told");
        assert_eq!((reply.status, reply.text.as_str()), (400, ""), "{bytes}");
        let names: Vec<_> = reply.headers.keys().map(ToString::to_string).collect();
        assert!(
            names.iter().all(|name| ["connection", "content-length", "date"].contains(&name.as_str())),
            "{names:?}"
        );
    }
}
