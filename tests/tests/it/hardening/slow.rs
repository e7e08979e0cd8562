//! How long the server waits: connections that say nothing, heads and bodies that never end. A closed connection is what
//! each test waits for.

use std::time::Duration;

use licentia_tests::{Backend, TestServer, on_both};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

on_both![
    a_connection_that_says_nothing_is_closed,
    a_head_that_does_not_end_is_refused,
    a_body_that_does_not_end_is_refused,
    a_body_that_nobody_reads_holds_no_connection,
    an_import_goes_on_as_long_as_it_moves,
    an_import_that_stops_is_given_up,
];

async fn impatient(backend: Backend) -> TestServer {
    let settings = [("SERVER__HEADER_TIMEOUT_SECONDS", "1"), ("SERVER__BODY_TIMEOUT_SECONDS", "1")];
    TestServer::start_with(backend, &settings).await
}

async fn a_connection_that_says_nothing_is_closed(backend: Backend) {
    let server = impatient(backend).await;
    let silent = (0..200).map(|_| server.say(b""));
    for reply in futures_util::future::join_all(silent).await {
        assert!(reply.is_none_or(|reply| (reply.status, reply.text.as_str()) == (408, "")));
    }
    server.get("/health").await.expect(200);
}

async fn a_head_that_does_not_end_is_refused(backend: Backend) {
    let server = impatient(backend).await;
    for bytes in ["G", "GET /health HTTP/1.1\r\n", "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "] {
        let reply = server.say(bytes.as_bytes()).await.expect("it is told");
        assert_eq!((reply.status, reply.text.as_str()), (408, ""), "{bytes}");
    }
}

async fn a_body_that_does_not_end_is_refused(backend: Backend) {
    let server = impatient(backend).await;
    for path in ["license-keys/heartbeat", "license-keys/validate", "license-activations/activate"] {
        for body in [
            "Content-Length: 200\r\n\r\n",
            "Content-Length: 200\r\n\r\n{\"token\":",
            "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"to",
        ] {
            let half = format!(
                "POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{body}"
            );
            let reply = server.say(half.as_bytes()).await.expect("it is told");
            reply.expect_problem(408, "REQUEST_TIMEOUT");
        }
    }
    server.get("/health").await.expect(200);
}

/// Whether its length is known or not, and whoever it is that does not read it.
async fn a_body_that_nobody_reads_holds_no_connection(backend: Backend) {
    let server = TestServer::start(backend).await;
    for (line, status) in [
        ("POST /api/v1/customers", 401),
        ("POST /api/v1/nothing", 404),
        ("PATCH /api/v1/customers", 405),
        ("POST /api/v1/license-keys/validate", 415),
        ("OPTIONS /.well-known/jwks.json", 204),
    ] {
        for body in ["Content-Length: 200\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"to"] {
            let half = format!("{line} HTTP/1.1\r\nHost: localhost\r\n{body}");
            let reply = server.say(half.as_bytes()).await.expect("it is told");
            assert_eq!(reply.status, status, "{line}: {}", reply.text);
        }
    }
    // One that is read leaves the connection as it was.
    let whole = "POST /api/v1/license-keys/validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let last = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let both = server.say(format!("{whole}{last}").as_bytes()).await.expect("both are answered");
    assert_eq!(both.status, 422);
    assert!(both.text.contains("HTTP/1.1 200"), "{}", both.text);
}

/// The head of an import, whose rows follow in pieces.
async fn begin_import(server: &TestServer) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /api/v1/imports HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
         Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n",
        server.admin_key
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

fn piece(number: u32) -> Vec<u8> {
    let row = format!("{{\"customer\":{{\"externalId\":\"crm-{number}\",\"name\":\"Ada\"}}}}\n");
    format!("{:x}\r\n{row}\r\n", row.len()).into_bytes()
}

async fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// It takes twice as long as a body may, and each piece a good deal less.
async fn an_import_goes_on_as_long_as_it_moves(backend: Backend) {
    let patience = [("SERVER__BODY_TIMEOUT_SECONDS", "3")];
    let server = TestServer::start_with(backend, &patience).await;
    let mut stream = begin_import(&server).await;
    let mut timer = tokio::time::interval(Duration::from_millis(500));
    for number in 0..12 {
        timer.tick().await;
        stream.write_all(&piece(number)).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let text = answer(stream).await;
    assert!(text.starts_with("HTTP/1.1 201"), "{text}");
}

async fn an_import_that_stops_is_given_up(backend: Backend) {
    let server = impatient(backend).await;
    let mut stream = begin_import(&server).await;
    stream.write_all(&piece(0)).await.unwrap();
    let text = answer(stream).await;
    assert!(text.starts_with("HTTP/1.1 408") && text.contains("REQUEST_TIMEOUT"), "{text}");
    let imports = server.admin_get("/imports").await.expect(200);
    assert_eq!(imports["items"][0]["status"], "failed", "{imports}");
}
