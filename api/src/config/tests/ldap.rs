//! The directory: what is refused before it is asked anything.

use super::{ConfigError, load, refused};
use crate::config::Config;

const GOOD: [&str; 5] = [
    "LICENTIA__LDAP__URL=ldaps://ldap.example.com",
    "LICENTIA__LDAP__BIND_DN=cn=licentia,dc=example,dc=com",
    "LICENTIA__LDAP__BIND_PASSWORD=plum violin",
    "LICENTIA__LDAP__USER_BASE=dc=example,dc=com",
    "LICENTIA__LDAP__ROLES=admin: cn=admins,dc=example,dc=com",
];

fn with(more: &[&str]) -> Result<Config, ConfigError> {
    load(&[&GOOD[..], more].concat())
}

#[test]
fn nobody_is_asked_by_default() {
    assert!(load(&[]).unwrap().ldap.url.is_none());
    assert!(refused(with(&[])).is_empty());
}

#[test]
fn no_password_goes_in_clear() {
    let plain = "LICENTIA__LDAP__URL=ldap://ldap.example.com";
    let start_tls = "LICENTIA__LDAP__START_TLS=true";
    assert_eq!(refused(with(&[plain])), ["ldap.url"]);
    assert_eq!(refused(with(&["LICENTIA__LDAP__URL=ldap://localhost:389"])), ["ldap.url"]);
    assert!(refused(with(&[plain, start_tls])).is_empty());
    assert_eq!(refused(with(&[start_tls])), ["ldap.start_tls"]);
}

#[test]
fn addresses_name_a_server_and_nothing_else() {
    for url in [
        "ldap.example.com",
        "http://ldap.example.com",
        "ldapi://%2fvar%2frun%2fldapi",
        "ldaps://",
        "ldaps://[::1]",
        "ldaps://cn=admin:secret@ldap.example.com",
        "ldaps://ldap.example.com/dc=example,dc=com",
        "ldaps://ldap.example.com/?cn",
    ] {
        let refused = with(&[&format!("LICENTIA__LDAP__URL={url}")]).unwrap_err().to_string();
        assert!(refused.contains("is no address of a directory such as ldaps://"), "{url}: {refused}");
    }
    for url in ["ldaps://ldap.example.com:1636", "ldaps://127.0.0.1/"] {
        assert!(refused(with(&[&format!("LICENTIA__LDAP__URL={url}")])).is_empty(), "{url}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let all = ["ldap.bind_dn", "ldap.bind_password", "ldap.user_base", "ldap.roles"];
    assert_eq!(refused(load(&GOOD[..1])), all);
    assert_eq!(refused(load(&GOOD[1..])), ["ldap.url"]);
    assert_eq!(refused(load(&["LICENTIA__LDAP__START_TLS=true"])), ["ldap.url"]);
}

#[test]
fn filters_are_filters_and_have_their_place_in_a_value() {
    for filter in [
        "(mail=*)",
        "(&(objectClass=person)(mail={email})",
        "({email}=a)",
        "(mail{email})",
        "(|(mail={email})))",
    ] {
        let variable = format!("LICENTIA__LDAP__USER_FILTER={filter}");
        assert_eq!(refused(with(&[&variable])), ["ldap.user_filter"], "{filter}");
    }
    for filter in ["(mail={email})", "(|(mail={email})(proxyAddresses=smtp:{email}))"] {
        assert!(refused(with(&[&format!("LICENTIA__LDAP__USER_FILTER={filter}")])).is_empty(), "{filter}");
    }
    let nested = "LICENTIA__LDAP__GROUP_FILTER=(member:1.2.840.113556.1.4.1941:={dn})";
    assert!(refused(with(&[nested])).is_empty());
    assert_eq!(refused(with(&["LICENTIA__LDAP__GROUP_FILTER=(member=a)"])), ["ldap.group_filter"]);
}

#[test]
fn roles_and_times_are_held_against_their_form() {
    let refusal = with(&["LICENTIA__LDAP__ROLES=admins"]).unwrap_err().to_string();
    assert!(refusal.contains("`admins` is no role with a group"), "{refusal}");
    let refusal = with(&["LICENTIA__LDAP__ROLES=admin: admins"]).unwrap_err().to_string();
    assert!(refusal.contains("`admins` is no distinguished name"), "{refusal}");
    assert_eq!(refused(with(&["LICENTIA__LDAP__TIMEOUT_SECONDS=61"])), ["ldap.timeout_seconds"]);
    let short = "LICENTIA__LDAP__SESSION_LIFETIME_SECONDS=299";
    assert_eq!(refused(with(&[short])), ["ldap.session_lifetime_seconds"]);
}

#[test]
fn the_password_shows_nowhere() {
    let config = with(&[]).unwrap();
    assert!(!format!("{config:?}").contains("plum violin"));
    assert!(config.render_checked().unwrap().contains("bind_password = \"***\""));
}
