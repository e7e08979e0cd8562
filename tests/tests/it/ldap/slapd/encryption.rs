//! The way to the directory: encrypted, to the one that is meant, or not at all.

use licentia_tests::{Backend, TestServer, on_both};

use super::{ADA, Certificate, Slapd, login, sign_in};

/// The extended operation that asks for it (RFC 4511 §4.14).
const START_TLS: &str = "EXT oid=1.3.6.1.4.1.1466.20037";

on_both![
    passwords_go_by_starttls_as_well,
    a_directory_without_starttls_is_told_nothing,
    another_certificate_is_refused,
    an_authority_that_is_not_named_is_not_believed,
];

/// It is not asked, and nothing was said to it but, where `wants_tls`, that the way be encrypted.
async fn told_nothing(server: &TestServer, slapd: &Slapd, wants_tls: bool) {
    let port = if wants_tls { slapd.plain } else { slapd.tls };
    let before = (slapd.connections(port), slapd.log().matches(START_TLS).count());
    let refused = login(server, ADA).await;
    assert_eq!(refused.header("retry-after"), "5");
    refused.expect_problem(503, "DIRECTORY_UNAVAILABLE");
    let log = slapd.log();
    let service = "BIND dn=\"cn=licentia";
    assert!(slapd.binds() == 0 && slapd.searches() == 0 && !log.contains(service), "{log}");
    // It was reached.
    assert!(slapd.connections(port) > before.0, "{log}");
    assert_eq!(slapd.log().matches(START_TLS).count() > before.1, wants_tls, "{log}");
}

async fn passwords_go_by_starttls_as_well(backend: Backend) {
    let slapd = Slapd::start();
    let url = format!("ldap://localhost:{}", slapd.plain);
    let server = slapd.server_with(backend, &[("LDAP__URL", &url), ("LDAP__START_TLS", "true")]).await;
    sign_in(&server, ADA).await;
    let log = slapd.log();
    let (before, after) = log.split_once("TLS established").expect("the way is encrypted");
    let service = "BIND dn=\"cn=licentia";
    assert!(!before.contains(service) && after.contains(service), "{log}");
    assert_eq!(slapd.binds(), 1);
}

async fn a_directory_without_starttls_is_told_nothing(backend: Backend) {
    let slapd = Slapd::start_with(Certificate::None);
    let url = format!("ldap://localhost:{}", slapd.plain);
    let server = slapd.server_with(backend, &[("LDAP__URL", &url), ("LDAP__START_TLS", "true")]).await;
    told_nothing(&server, &slapd, true).await;
}

async fn another_certificate_is_refused(backend: Backend) {
    let slapd = Slapd::start_with(Certificate::For("ldap.elsewhere.example"));
    told_nothing(&slapd.server(backend).await, &slapd, false).await;
    let url = format!("ldap://localhost:{}", slapd.plain);
    let start_tls = [("LDAP__URL", url.as_str()), ("LDAP__START_TLS", "true")];
    told_nothing(&slapd.server_with(backend, &start_tls).await, &slapd, true).await;
}

async fn an_authority_that_is_not_named_is_not_believed(backend: Backend) {
    let (slapd, other) = (Slapd::start(), Slapd::start());
    let authority = other.authority();
    let settings = [("LDAP__CA_FILE", authority.to_str().unwrap())];
    told_nothing(&slapd.server_with(backend, &settings).await, &slapd, false).await;
    assert_eq!(other.searches(), 0);
}
