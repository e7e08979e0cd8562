//! The password in a PostgreSQL address: masked where it is shown, judged where it guards production.

use std::{borrow::Cow, net::IpAddr};

use url::Url;

/// Passwords from examples and images.
const DEFAULTS: [&str; 6] = ["postgres", "password", "changeme", "licentia", "secret", "test"];

/// What is wrong with the credentials of a PostgreSQL address, if anything.
pub(in crate::config) fn weakness(address: &str) -> Option<&'static str> {
    let url = Url::parse(address).ok()?;
    let user = parameter(&url, "user").unwrap_or_else(|| url.username().into());
    let password = parameter(&url, "password").unwrap_or_else(|| url.password().unwrap_or_default().into());
    if password.is_empty() {
        let guarded = is_local(&url) || parameter(&url, "sslcert").is_some();
        return (!guarded).then_some("there is no password, and the server is not on this machine");
    }
    if password == user {
        return Some("the password is the user's name");
    }
    let lower = password.to_lowercase();
    DEFAULTS.contains(&lower.as_str()).then_some("the password is one that stands in every example")
}

/// The address with `***` for the password, and for the parameters that could hold one.
pub(super) fn mask(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else {
        return "***".to_owned();
    };
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "***".to_owned();
    }
    let parameters: Vec<String> =
        url.query_pairs().map(|(name, value)| masked_parameter(&name, &value)).collect();
    if !parameters.is_empty() {
        url.set_query(Some(&parameters.join("&")));
    }
    url.into()
}

fn masked_parameter(name: &str, value: &str) -> String {
    let shown =
        if matches!(name, "sslmode" | "ssl-mode" | "host" | "port" | "dbname") { value } else { "***" };
    format!("{name}={shown}")
}

fn parameter<'url>(url: &'url Url, name: &str) -> Option<Cow<'url, str>> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// A socket, or the loopback. A parameter `host` or `hostaddr` goes before the host of the address.
fn is_local(url: &Url) -> bool {
    let host = parameter(url, "hostaddr")
        .or_else(|| parameter(url, "host"))
        .unwrap_or_else(|| url.host_str().unwrap_or_default().into());
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_socket = host.is_empty() || host.starts_with('/') || host.to_uppercase().starts_with("%2F");
    is_socket || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_and_missing_passwords_are_weak() {
        for address in [
            "postgres://app:app@localhost/l",
            "postgres://app:postgres@localhost/l",
            "postgres://app:Password@localhost/l",
            "postgres://app:changeme@localhost/l",
            "postgres://app:licentia@localhost/l",
            "postgres://app:secret@localhost/l",
            "postgres://app:test@localhost/l",
            "postgres://localhost/l?user=app&password=app",
            "postgres://app@db.example.com/l",
            "postgres://app:@db.example.com/l",
            "postgres://app@localhost/l?host=db.example.com",
        ] {
            assert!(weakness(address).is_some(), "{address}");
        }
    }

    #[test]
    fn good_passwords_sockets_and_certificates_are_not() {
        for address in [
            "postgres://app:h4Vq9zLw@db.example.com/l",
            "postgres://app@localhost/l",
            "postgres://app@127.0.0.1/l",
            "postgres://app@[::1]/l",
            "postgres:///l?host=/run/postgresql",
            "postgres://app@%2Frun%2Fpostgresql/l",
            "postgres://app@db.example.com/l?sslcert=/etc/l.crt&sslkey=/etc/l.key",
        ] {
            assert_eq!(weakness(address), None, "{address}");
        }
    }

    #[test]
    fn masks_hide_every_place_of_a_password() {
        for (address, shown) in [
            (
                "postgres://app:canary@db:5432/l?sslmode=require",
                "postgres://app:***@db:5432/l?sslmode=require",
            ),
            ("postgres://db/l?user=app&password=canary", "postgres://db/l?user=***&password=***"),
            ("postgres://app@db/l", "postgres://app@db/l"),
            ("postgres:///l?host=/run/postgresql", "postgres:///l?host=/run/postgresql"),
        ] {
            assert_eq!(mask(address), shown);
        }
    }
}
