//! A directory that does not answer keeps out whom it knows, and nobody else.

use licentia_tests::{Backend, on_both};

use super::{ADA, Slapd, login, refused, sign_in};
use crate::sessions::Person;

on_both![
    without_the_directory_our_own_admins_sign_in,
    a_silent_directory_is_given_up,
    whoever_it_does_not_let_search_is_told_in_the_log_only,
];

async fn without_the_directory_our_own_admins_sign_in(backend: Backend) {
    let mut slapd = Slapd::start();
    let server = slapd.server(backend).await;
    let person = Person::with_role(&server, "viewer").await;
    let ada = sign_in(&server, ADA).await;
    slapd.stop();
    person.sign_in(&server).await;
    // Who is in stays in.
    ada.renewed(&server).await.get(&server, "/auth/me").await.expect(200);
    // Everybody else is told the same: nobody learns from it who is an admin.
    let wrong = "wrong, whoever it is";
    let mut told = Vec::new();
    for who in [ADA, (person.email.as_str(), wrong), ("nobody@example.com", wrong)] {
        let mut problem = login(&server, who).await.expect_problem(503, "DIRECTORY_UNAVAILABLE");
        assert!(problem["detail"].as_str().unwrap().contains("the directory of admins does not answer"));
        problem["requestId"].take();
        told.push(problem);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    slapd.start_again();
    sign_in(&server, ADA).await;
    refused(&server, (person.email.as_str(), wrong)).await;
}

async fn a_silent_directory_is_given_up(backend: Backend) {
    let slapd = Slapd::start();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ldaps://localhost:{}", silent.local_addr().unwrap().port());
    let settings = [("LDAP__URL", url.as_str()), ("LDAP__TIMEOUT_SECONDS", "1")];
    let server = slapd.server_with(backend, &settings).await;
    let since = std::time::Instant::now();
    login(&server, ADA).await.expect_problem(503, "DIRECTORY_UNAVAILABLE");
    assert!(since.elapsed().as_secs() < 20);
}

async fn whoever_it_does_not_let_search_is_told_in_the_log_only(backend: Backend) {
    let slapd = Slapd::start();
    for settings in [("LDAP__BIND_PASSWORD", "another"), ("LDAP__USER_BASE", "ou=nowhere,dc=example,dc=com")]
    {
        let server = slapd.server_with(backend, &[settings]).await;
        let problem = login(&server, ADA).await.expect_problem(503, "DIRECTORY_UNAVAILABLE");
        let text = problem.to_string();
        assert!(!text.contains("dc=example") && !text.contains("bind"), "{text}");
    }
    assert_eq!(slapd.binds(), 0);
}
