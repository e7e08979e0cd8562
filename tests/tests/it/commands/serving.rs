//! `licentia serve`, `migrate` and `healthcheck`.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::installation::Installation;

#[tokio::test]
async fn a_first_start_needs_nothing_and_prints_its_key_once() {
    let place = Installation::new();
    let serving = place.serve(&[]);
    let key = serving.admin_key().expect("the first start prints an admin key");
    assert!(serving.greeting().contains("shown this once"));
    assert_eq!(serving.status_with(&key).await, 200);
    assert!(place.file("licentia.db").exists());
    let kek = place.file("licentia.kek").metadata().unwrap();
    assert_eq!(kek.permissions().mode() & 0o777, 0o600);
    serving.stop();

    let serving = place.serve(&[]);
    assert_eq!(serving.admin_key(), None);
    assert_eq!(serving.status_with(&key).await, 200);
    serving.stop();
}

#[test]
fn the_first_key_is_printed_and_never_logged() {
    for filter in ["off", "trace"] {
        let place = Installation::new().with("LOG__FILTER", filter);
        let serving = place.serve(&[]);
        let key = serving.admin_key().unwrap();
        let log = serving.log();
        assert_eq!(log.is_empty(), filter == "off");
        assert!(log.iter().all(|line| !line.to_string().contains(&key)));
        serving.stop();
    }
}

#[test]
fn a_start_logs_what_concerns_the_operator_and_no_more() {
    let place = Installation::new();
    let serving = place.serve(&[]);
    let log = serving.log();
    let listening = log.iter().find(|line| line["message"] == "listening").unwrap();
    assert_eq!(listening["issuer"], place.url());
    for line in &log {
        assert!(line["target"].as_str().unwrap().starts_with("licentia"), "{line}");
    }
    serving.stop();
}

#[tokio::test]
async fn a_disk_that_is_full_below_the_log_stops_nobody() {
    let place = Installation::new().with("LOG__FILTER", "trace");
    let serving = place.serve(&[]);
    let key = serving.admin_key().unwrap();
    serving.stop();
    // With an admin a start has no secret to show.
    let password = place.write("secrets/password", "plum violin gravel sunday\n");
    let create = ["admin", "create", "--email", "ada@example.com", "--password-file"];
    place.prints(&[&create[..], &[password.to_str().unwrap()]].concat());

    let full = Path::new("/dev/full");
    let mut serving = place.serve_into(full, full, &[]);
    for _ in 0..20 {
        assert_eq!(serving.status_with(&key).await, 200);
    }
    serving.terminate();
    assert_eq!(serving.exit_code(), Some(0));
}

#[test]
fn the_log_says_what_signs_and_lanes_that_are_required_have_to_be_there() {
    let missing = |choice| {
        let place = Installation::new().with("SIGNING__MULTI_BUFFER", choice);
        place.with("SIGNING__MULTI_BUFFER_LIBRARY", "/nowhere/libcrypto_mb.so.11")
    };
    for choice in ["auto", "off"] {
        let place = missing(choice);
        let serving = place.serve(&[]);
        let log = serving.log();
        let signer = log.iter().find(|line| line["message"] == "tokens are signed one by one").unwrap();
        assert_eq!(signer["signer"], "aws_lc");
        assert_eq!(signer["reason"].is_string(), choice == "auto", "{signer}");
        serving.stop();
    }
    let refusal = missing("require").refuses(&["serve"], 1);
    assert!(refusal.contains("signing.multi_buffer is \"require\", but "), "{refusal}");
    let refusal = missing("perhaps").refuses(&["serve"], 2);
    assert!(refusal.contains("is \"auto\", \"off\" or \"require\""), "{refusal}");
}

#[test]
fn sigterm_lets_a_slow_request_end() {
    let place = Installation::new();
    let mut serving = place.serve(&[]);
    let body = r#"{"token":"nonsense"}"#;
    let (first, rest) = body.split_at(8);
    let mut slow = serving.connect();
    write!(
        slow,
        "POST /api/v1/license-keys/validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    )
    .unwrap();
    // The server asks for the body: the request is being served.
    let mut answer = BufReader::new(slow.try_clone().unwrap());
    let mut line = String::new();
    answer.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 100"), "{line}");
    slow.write_all(first.as_bytes()).unwrap();

    serving.terminate();
    while !serving.log().iter().any(|line| line["message"] == "stopping") {
        std::thread::yield_now();
    }
    slow.write_all(rest.as_bytes()).unwrap();
    let mut text = String::new();
    answer.read_to_string(&mut text).unwrap();
    assert!(text.contains("HTTP/1.1 422") && text.contains("TOKEN_INVALID"), "{text}");
    assert_eq!(serving.exit_code(), Some(0));
}

#[test]
fn without_migrations_an_empty_database_is_refused() {
    let place = Installation::new();
    let complaint = place.refuses(&["serve", "--no-migrate"], 1);
    assert!(complaint.contains("run `licentia migrate` first"), "{complaint}");

    assert_eq!(place.prints(&["migrate"]), "The database is up to date.\n");
    assert_eq!(place.prints(&["migrate"]), "The database is up to date.\n");
    place.serve(&["--no-migrate"]).stop();
}

#[test]
fn healthcheck_tells_by_its_exit_code() {
    let place = Installation::new();
    let complaint = place.refuses(&["healthcheck"], 1);
    assert!(complaint.contains("the server is not ready"), "{complaint}");
    let serving = place.serve(&[]);
    assert_eq!(place.prints(&["healthcheck"]), "");
    serving.stop();
    place.refuses(&["healthcheck"], 1);
}

#[test]
fn a_taken_port_is_told() {
    let place = Installation::new();
    let serving = place.serve(&[]);
    let complaint = place.refuses(&["serve"], 1);
    assert!(complaint.contains("cannot listen on 127.0.0.1:"), "{complaint}");
    serving.stop();
}
