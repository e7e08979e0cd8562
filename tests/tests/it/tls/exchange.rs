//! A certificate that is exchanged while the server runs.

use std::fs;

use licentia_tests::{Backend, TestServer, on_both};
use rustls::version::TLS13;

use super::session::{Authority, Pair, Session};
use super::with_tls;

on_both![a_certificate_is_exchanged_when_its_files_change, a_pair_that_is_no_good_changes_nothing,];

/// The client trusts the certificate of the files, and no former one: it gets in when the server shows that one.
async fn a_certificate_is_exchanged_when_its_files_change(backend: Backend) {
    let plain = TestServer::start(backend).await;
    let mut authority = Authority::new();
    let server = with_tls(&plain, &authority, &[]).await;
    let mut former = Session::open(&server, &authority);
    authority.replace(&Pair::make());
    let mut present = loop {
        match Session::try_at(server.address, &authority, &TLS13) {
            Ok(session) => break session,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(present.get("/health").status, 200);
    assert_eq!(former.get("/health").status, 200, "what was open goes on");
}

async fn a_pair_that_is_no_good_changes_nothing(backend: Backend) {
    let plain = TestServer::start(backend).await;
    let mut authority = Authority::new();
    let server = with_tls(&plain, &authority, &[]).await;
    let tls = server.tls.clone().unwrap();
    let good = fs::read_to_string(authority.certificate_file()).unwrap();
    let other = Pair::make();
    let wrong: [(&str, &str); 5] = [
        // Half of a renewal: the certificate is there already, its key is not.
        (&other.certificate, ""),
        ("", ""),
        ("no certificate", &other.key),
        (&good, &other.key),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &other.key),
    ];
    for (certificate, key) in wrong {
        fs::write(authority.certificate_file(), certificate).unwrap();
        fs::write(authority.key_file(), key).unwrap();
        tls.reload();
        assert_eq!(Session::open(&server, &authority).get("/health").status, 200, "{certificate}");
    }
    fs::remove_file(authority.key_file()).unwrap();
    tls.reload();
    assert_eq!(Session::open(&server, &authority).get("/health").status, 200);
    authority.replace(&other);
    tls.reload();
    assert_eq!(Session::open(&server, &authority).get("/health").status, 200);
}
