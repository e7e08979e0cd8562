//! Addresses, names and passwords that would be more than that.

use licentia_tests::{Backend, on_both};

use super::{ADA, BASE, Slapd, audit, me, refused, sign_in};

on_both![
    an_address_is_a_value_and_never_a_filter,
    a_name_with_a_filter_in_it_finds_its_own_groups_only,
    an_empty_password_is_never_shown,
];

async fn an_address_is_a_value_and_never_a_filter(backend: Backend) {
    let slapd = Slapd::start();
    // There is one person alone below it: a filter that matches anybody finds her.
    let base = format!("uid=ada,ou=people,{BASE}");
    let server = slapd.server_with(backend, &[("LDAP__USER_BASE", &base)]).await;
    for (address, searched) in [
        ("*@example.com", r"\2A@example.com"),
        ("ada*@example.com", r"ada\2A@example.com"),
        ("ada@example.com)(uid=*", r"ada@example.com\29\28uid=\2A"),
        ("x@example.com)(|(uid=*)", r"x@example.com\29\28|\28uid=\2A\29"),
        (r"\2a@example.com", r"\5C2a@example.com"),
    ] {
        refused(&server, (address, ADA.1)).await;
        let filter = format!("filter=\"(&(objectClass=person)(mail={searched}))\"");
        let log = slapd.log();
        let last = log.lines().rfind(|line| line.contains("filter=")).unwrap();
        assert!(last.to_lowercase().contains(&filter.to_lowercase()), "{last}");
    }
    assert_eq!(slapd.binds(), 0);
    sign_in(&server, ADA).await;
    assert_eq!(slapd.binds(), 1);
}

async fn a_name_with_a_filter_in_it_finds_its_own_groups_only(backend: Backend) {
    let mallory = ("mallory@example.com", "brackets everywhere");
    let base = format!("ou=groups,{BASE}");
    for more in [&[][..], &[("LDAP__GROUP_BASE", base.as_str())], &[("LDAP__GROUP_BASE", BASE)]] {
        let slapd = Slapd::start();
        let server = slapd.server_with(backend, more).await;
        let session = sign_in(&server, mallory).await;
        // Not `super_admin`: her own group is called `roots,ou=groups,dc=example,dc=com`, and is elsewhere.
        assert_eq!(me(&server, &session).await["role"], "viewer", "{more:?}");
        if !more.is_empty() {
            let log = slapd.log();
            let last = log.lines().rfind(|line| line.contains("filter=")).unwrap();
            assert!(last.contains(r"(member=uid=m\29\28cn"), "{last}");
        }
    }
}

async fn an_empty_password_is_never_shown(backend: Backend) {
    let slapd = Slapd::start();
    // This directory would let her in, as nobody.
    let name = format!("uid=ada,ou=people,{BASE}");
    assert!(slapd.lets_bind(&name, "") && !slapd.lets_bind(&name, "wrong"));
    let before = slapd.binds();
    let server = slapd.server(backend).await;
    refused(&server, (ADA.0, "")).await;
    sign_in(&server, ADA).await;
    assert_eq!(slapd.binds(), before + 1);
    refused(&server, (ADA.0, "")).await;
    assert_eq!(slapd.binds(), before + 1);
    assert_eq!(audit(&server, "session.begun").await.len(), 1);
}
