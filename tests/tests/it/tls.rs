//! TLS in the server itself, as a client sees it that verifies.

use std::io::{Read, Write};
use std::net::TcpStream;

use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, request_id};
use serde_json::json;

mod exchange;
pub(crate) mod session;

use session::{Authority, Session};

on_both![
    a_machine_lives_over_tls,
    the_issuer_of_a_development_server_is_https,
    plain_http_to_a_tls_port_harms_nobody,
    older_versions_are_refused,
    silent_connections_are_closed,
    both_listeners_have_tls,
];

/// A server with a certificate, on the database of another that has none.
async fn with_tls(plain: &TestServer, authority: &Authority, more: &[(&str, &str)]) -> TestServer {
    let (certificate, key) = authority.settings();
    let tls =
        [("SERVER__TLS_CERTIFICATE_FILE", certificate.as_str()), ("SERVER__TLS_KEY_FILE", key.as_str())];
    plain.another_with(&[&tls, more].concat()).await
}

async fn a_machine_lives_over_tls(backend: Backend) {
    let plain = TestServer::start(backend).await;
    let authority = Authority::new();
    let server = with_tls(&plain, &authority, &[]).await;
    let issued = Shop::open(&plain).await.issue(&plain, json!({})).await;
    let mut session = Session::open(&server, &authority);
    assert_eq!(session.version(), "TLSv1_3");
    let body = json!({"licenseKey": issued["licenseKey"], "fingerprint": "fp-1"});
    let activated = session.post("/license-activations/activate", &body).expect(201);
    let key = issued["licenseKey"].as_str().unwrap();
    let mut machine = Machine::of(key, "fp-1", &activated);
    // On the same connection, and on another one with the older version.
    for mut session in [session, Session::open_with(&server, &authority, &rustls::version::TLS12)] {
        let beat =
            session.post("/license-keys/heartbeat", &machine.beat_body(Some(&request_id()))).expect(200);
        assert_eq!(beat["status"], "active");
        beat["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
        assert_eq!(session.get("/health").status, 200);
    }
}

async fn the_issuer_of_a_development_server_is_https(backend: Backend) {
    let authority = Authority::new();
    let (certificate, key) = authority.settings();
    let tls =
        [("SERVER__TLS_CERTIFICATE_FILE", certificate.as_str()), ("SERVER__TLS_KEY_FILE", key.as_str())];
    let server = TestServer::start_reachable_with(backend, &tls).await;
    assert_eq!(server.issuer, format!("https://{}", server.address));
    let reply = Session::open(&server, &authority).get("/.well-known/license-configuration");
    assert_eq!(reply.body["issuer"], server.issuer);
    assert!(reply.header("strict-transport-security").contains("max-age="));
}

async fn plain_http_to_a_tls_port_harms_nobody(backend: Backend) {
    let plain = TestServer::start(backend).await;
    let authority = Authority::new();
    let server = with_tls(&plain, &authority, &[]).await;
    let mut open = Session::open(&server, &authority);
    for _ in 0..20 {
        let answer =
            server.say(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        assert!(answer.is_none(), "{answer:?}");
    }
    assert_eq!(open.get("/health").status, 200);
    assert_eq!(Session::open(&server, &authority).get("/health").status, 200);
}

/// The first message of a client that knows nothing newer (RFC 4346 §7.4.1.2).
fn hello_of(version: [u8; 2]) -> Vec<u8> {
    let suites = [0xc0, 0x13, 0xc0, 0x14, 0x00, 0x2f, 0x00, 0x35];
    let mut hello = vec![version[0], version[1]];
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend([0, 8]);
    hello.extend(suites);
    hello.extend([1, 0]);
    let length = u8::try_from(hello.len()).unwrap();
    let mut message = vec![0x16, 3, 1, 0, length + 4, 1, 0, 0, length];
    message.extend(hello);
    message
}

async fn older_versions_are_refused(backend: Backend) {
    let plain = TestServer::start(backend).await;
    let authority = Authority::new();
    let server = with_tls(&plain, &authority, &[]).await;
    for version in [[3, 0], [3, 1], [3, 2]] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(&hello_of(version)).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        // Nothing but a fatal alert: handshake_failure or protocol_version (RFC 5246 §7.2.2).
        assert!(matches!(answer.as_slice(), [0x15, 3, _, 0, 2, 2, 40 | 70]), "{version:?}: {answer:?}");
    }
    assert_eq!(Session::open(&server, &authority).get("/health").status, 200);
}

async fn silent_connections_are_closed(backend: Backend) {
    let plain = TestServer::start(backend).await;
    let authority = Authority::new();
    let server = with_tls(&plain, &authority, &[("SERVER__HEADER_TIMEOUT_SECONDS", "1")]).await;
    let silent = (0..100).map(|_| server.say(b""));
    let replies = futures_util::future::join_all(silent).await;
    assert!(replies.iter().all(Option::is_none));
    assert_eq!(Session::open(&server, &authority).get("/health").status, 200);
}

async fn both_listeners_have_tls(backend: Backend) {
    let plain = TestServer::start(backend).await;
    let authority = Authority::new();
    let server = with_tls(&plain, &authority, &[("SERVER__ADMIN_BIND", "127.0.0.1:0")]).await;
    let at = |address| Session::at(address, &authority, &rustls::version::TLS13);
    assert_eq!(at(server.address).get("/api/v1/customers").status, 404);
    assert_eq!(at(server.admin_address.unwrap()).get("/api/v1/customers").status, 401);
}
