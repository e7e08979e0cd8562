//! Every operation of the OpenAPI document, at both addresses.

use std::collections::BTreeSet;

use licentia_tests::{Backend, Reply, on_both};
use reqwest::Method;
use serde_json::Value;

use super::Pair;
use crate::openapi::{CUSTOMERS, PUBLIC, operations};

on_both![
    what_needs_a_permission_does_not_exist_for_the_public,
    what_is_public_is_answered_alike_at_both_addresses,
    everything_is_there_for_whoever_administers,
];

/// What needs no permission, and is of use to principals only.
const OF_THE_ADMINISTRATION: [&str; 7] = [
    "GET /api/v1/openapi.json",
    "GET /api/v1/permissions",
    "GET /api/v1/roles",
    "POST /api/v1/auth/totp",
    "POST /api/v1/auth/totp/confirm",
    "POST /api/v1/auth/totp/enroll",
    "POST /api/v1/setup",
];

struct Operation {
    name: String,
    method: Method,
    /// As it stands in the document.
    template: String,
    /// With an id that names nothing.
    path: String,
    is_public: bool,
}

fn all() -> Vec<Operation> {
    let operations = operations().into_iter().map(|(name, _)| {
        let (method, template) = name.split_once(' ').unwrap();
        let named = name.as_str();
        let is_public = PUBLIC.contains(&named) && !OF_THE_ADMINISTRATION.contains(&named);
        let is_public = is_public || CUSTOMERS.contains(&named);
        let parts = template.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest));
        Operation {
            method: method.parse().unwrap(),
            template: template.to_owned(),
            path: parts.collect::<Vec<_>>().join("nothing"),
            is_public,
            name: name.clone(),
        }
    });
    operations.collect()
}

/// An answer without what differs from one to the next: the path that was asked for, the id, the time.
fn essence(reply: &Reply) -> (u16, BTreeSet<(String, String)>, Value) {
    let headers = reply
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id" | "content-length"));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let mut body = reply.body.clone();
    if let Some(body) = body.as_object_mut() {
        body.remove("instance");
        body.remove("requestId");
    }
    (reply.status, headers.collect(), body)
}

/// An operation that is not public is answered as a path that does not exist or, where the path is public with another
/// method, as a method that no path has.
async fn what_needs_a_permission_does_not_exist_for_the_public(backend: Backend) {
    let pair = Pair::start(backend).await;
    let server = &pair.server;
    let operations = all();
    let public: BTreeSet<_> =
        operations.iter().filter(|one| one.is_public).map(|one| one.template.clone()).collect();
    assert!(operations.iter().filter(|one| !one.is_public).count() > 70);
    for operation in operations.iter().filter(|one| !one.is_public) {
        let nowhere = "/api/v1/there-is-nothing-here";
        let has_other_methods = public.contains(&operation.template);
        let ask = |method: Method| server.request(method, &operation.path);
        let of_nothing = || {
            if has_other_methods {
                ask(Method::PATCH)
            } else {
                server.request(operation.method.clone(), nowhere)
            }
        };
        for probe in [
            |request: reqwest::RequestBuilder, _: &str| request,
            |request: reqwest::RequestBuilder, key: &str| request.bearer_auth(key),
            |request: reqwest::RequestBuilder, key: &str| request.header("x-api-key", key),
            |request: reqwest::RequestBuilder, _: &str| request.json(&serde_json::json!({})),
        ] {
            let asked = Reply::of(probe(ask(operation.method.clone()), &server.admin_key)).await;
            let nothing = Reply::of(probe(of_nothing(), &server.admin_key)).await;
            assert_eq!(essence(&asked), essence(&nothing), "{}", operation.name);
            let expected = if has_other_methods { 405 } else { 404 };
            assert_eq!(asked.status, expected, "{}: {}", operation.name, asked.text);
        }
        if has_other_methods {
            continue;
        }
        for method in [Method::OPTIONS, Method::PATCH, Method::HEAD, Method::POST] {
            let asked = ask(method.clone()).header("access-control-request-method", "POST");
            let nothing = server.request(method, nowhere).header("access-control-request-method", "POST");
            let (asked, nothing) = (Reply::of(asked).await, Reply::of(nothing).await);
            assert_eq!(essence(&asked), essence(&nothing), "{}", operation.name);
            assert!(asked.headers.get("allow").is_none(), "{}", operation.name);
        }
    }
}

async fn what_is_public_is_answered_alike_at_both_addresses(backend: Backend) {
    let pair = Pair::start(backend).await;
    for operation in all().iter().filter(|one| one.is_public) {
        let send = |request: reqwest::RequestBuilder| {
            let is_post = operation.method == Method::POST;
            Reply::of(if is_post { request.json(&serde_json::json!({})) } else { request })
        };
        let public = send(pair.server.request(operation.method.clone(), &operation.path)).await;
        let admin = send(pair.ask(operation.method.clone(), &operation.path)).await;
        let code = |reply: &Reply| (reply.status, reply.body["code"].clone());
        assert_eq!(code(&public), code(&admin), "{}", operation.name);
        // Of these somebody without session or cookie learns just that they are there.
        let of_session =
            CUSTOMERS.contains(&operation.name.as_str()) || operation.name.ends_with("/auth/refresh");
        let expected = if of_session { public.status == 401 } else { public.status != 401 };
        assert!(expected, "{}: {}", operation.name, public.text);
        assert!(!matches!(public.status, 403 | 405 | 500..), "{}: {}", operation.name, public.text);
        assert_ne!(public.body["detail"], "there is nothing at this path", "{}", operation.name);
    }
}

async fn everything_is_there_for_whoever_administers(backend: Backend) {
    let pair = Pair::start(backend).await;
    for operation in all() {
        let key = &pair.server.admin_key;
        let reads = operation.template.starts_with("/api/v1/") && operation.method != Method::GET;
        let reply = Reply::of(pair.ask(operation.method.clone(), &operation.path).bearer_auth(key)).await;
        let is_refused = matches!(reply.status, 401 | 403 | 405) || reply.status >= 500;
        // A key signs nobody in; that such an operation is there, it finds out.
        let is_of_people = ["/api/v1/auth/", "/api/v1/user"].iter().any(|of| operation.path.starts_with(of));
        assert!(!is_refused || is_of_people, "{}: {}", operation.name, reply.text);
        assert!(reply.status < 500, "{}: {}", operation.name, reply.text);
        assert_ne!(reply.body["detail"], "there is nothing at this path", "{}", operation.name);
        if reads && !PUBLIC.contains(&operation.name.as_str()) {
            let stranger = Reply::of(pair.ask(operation.method.clone(), &operation.path)).await;
            stranger.expect_problem(401, "UNAUTHENTICATED");
        }
    }
}
