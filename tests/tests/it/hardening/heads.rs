//! How large the head of a request may be.

use licentia_tests::{Backend, Reply, TestServer, on_both};
use reqwest::Method;

on_both![
    headers_have_a_largest_size,
    there_are_not_too_many_headers,
    an_address_is_not_too_long,
    what_was_refused_harms_nobody_else,
];

fn head(lines: &str) -> Vec<u8> {
    format!("GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n").into_bytes()
}

async fn headers_have_a_largest_size(backend: Backend) {
    let server = TestServer::start(backend).await;
    let with = |bytes: usize| head(&format!("X-Long: {}\r\n", "x".repeat(bytes)));
    server.say(&with(32_000)).await.unwrap().expect(200);
    for bytes in [32_768, 100_000] {
        server.say(&with(bytes)).await.unwrap().expect_problem(431, "HEADERS_TOO_LARGE");
    }
    let many: Vec<_> = (0..90).map(|n| format!("X-{n}: {}\r\n", "x".repeat(1_100))).collect();
    server.say(&head(&many.concat())).await.unwrap().expect_problem(431, "HEADERS_TOO_LARGE");
    // What is larger than the server ever holds has no request, and so no problem document.
    let reply = server.say(&with(300_000)).await;
    assert!(reply.is_none_or(|reply| (reply.status, reply.text.as_str()) == (431, "")));
}

async fn there_are_not_too_many_headers(backend: Backend) {
    let server = TestServer::start(backend).await;
    let with = |count: usize| head(&(0..count).map(|n| format!("X-{n}: x\r\n")).collect::<Vec<_>>().concat());
    server.say(&with(90)).await.unwrap().expect(200);
    for count in [100, 1_000, 10_000] {
        let reply = server.say(&with(count)).await;
        assert!(reply.is_none_or(|reply| (reply.status, reply.text.as_str()) == (431, "")), "{count}");
    }
}

async fn an_address_is_not_too_long(backend: Backend) {
    let server = TestServer::start(backend).await;
    let long = |bytes: usize| format!("/health/live?q={}", "x".repeat(bytes));
    server.get(&long(8_000)).await.expect(200);
    for bytes in [8_200, 60_000] {
        let problem = server.get(&long(bytes)).await.expect_problem(414, "URI_TOO_LONG");
        assert_eq!(problem["instance"], "/health/live");
        let path = format!("/api/v1/customers/{}", "x".repeat(bytes));
        let problem = Reply::of(server.request(Method::GET, &path)).await.expect_problem(414, "URI_TOO_LONG");
        assert_eq!(problem["instance"], "/", "it is not sent back");
    }
    let line = format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", long(70_000));
    assert_eq!(server.say(line.as_bytes()).await.unwrap().status, 400);
}

async fn what_was_refused_harms_nobody_else(backend: Backend) {
    let server = TestServer::start(backend).await;
    let flood = head(&format!("X-Long: {}\r\n", "x".repeat(100_000)));
    let refused = futures_util::future::join_all((0..50).map(|_| server.say(&flood))).await;
    assert!(refused.into_iter().all(|reply| reply.unwrap().status == 431));
    server.get("/health").await.expect(200);
}
