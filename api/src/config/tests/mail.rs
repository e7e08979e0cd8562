//! Letters: what cannot be sent, and what must not be.

use super::{ConfigError, load, refused};
use crate::config::{Config, MailSender};

const SMTP: [&str; 3] = [
    "LICENTIA__MAIL__SENDER=smtp",
    "LICENTIA__MAIL__FROM=Example <licences@example.com>",
    "LICENTIA__MAIL__SMTP__HOST=smtp.example.com",
];

fn with(more: &[&str]) -> Result<Config, ConfigError> {
    load(&[&SMTP[..], more].concat())
}

#[test]
fn nobody_is_written_to_by_default() {
    assert_eq!(load(&[]).unwrap().mail.sender, MailSender::None);
}

#[test]
fn the_port_follows_from_the_encryption_unless_it_is_named() {
    for (more, port) in [
        (&[][..], 587),
        (&["LICENTIA__MAIL__SMTP__TLS=implicit"][..], 465),
        (&["LICENTIA__MAIL__SMTP__TLS=implicit", "LICENTIA__MAIL__SMTP__PORT=2465"][..], 2465),
    ] {
        assert_eq!(with(more).unwrap().mail.smtp.port(), port);
    }
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(refused(load(&SMTP[..1])), ["mail.from", "mail.smtp.host"]);
    assert_eq!(refused(with(&["LICENTIA__MAIL__SMTP__USERNAME=a"])), ["mail.smtp.password"]);
    assert_eq!(refused(with(&["LICENTIA__MAIL__SMTP__PASSWORD=a"])), ["mail.smtp.username"]);
}

#[test]
fn letters_go_in_clear_to_this_machine_or_where_somebody_says_so() {
    let plain = |host: &str, more: &[&str]| {
        let host = format!("LICENTIA__MAIL__SMTP__HOST={host}");
        let mut all = vec![SMTP[0], SMTP[1], &host, "LICENTIA__MAIL__SMTP__TLS=none"];
        all.extend(more);
        refused(load(&all))
    };
    for here in ["localhost", "127.0.0.1", "::1", "127.8.8.8"] {
        assert!(plain(here, &[]).is_empty(), "{here}");
    }
    for elsewhere in ["smtp.example.com", "10.0.0.5", "localhost.example.com"] {
        assert_eq!(plain(elsewhere, &[]), ["mail.smtp.tls"], "{elsewhere}");
    }
    assert!(plain("10.0.0.5", &["LICENTIA__MAIL__SMTP__ALLOW_UNENCRYPTED=true"]).is_empty());
}

#[test]
fn a_link_has_a_place_for_the_token() {
    let link = |link: &str| refused(load(&[&format!("LICENTIA__MAIL__ADMIN_PASSWORD_LINK={link}")]));
    assert!(link("https://example.com/password#token={token}").is_empty());
    for wrong in ["https://example.com/password", "javascript:alert({token})", "/password?token={token}"] {
        assert_eq!(link(wrong), ["mail.admin_password_link"], "{wrong}");
    }
}

#[test]
fn senders_and_addresses_are_what_they_are_called() {
    for (variable, told) in [
        ("LICENTIA__MAIL__SENDER=log", "is \"none\", \"print\" or \"smtp\""),
        ("LICENTIA__MAIL__SMTP__TLS=true", "\"starttls\", \"implicit\" or \"none\""),
        ("LICENTIA__MAIL__FROM=licences", "is an address, or a name with an address"),
        ("LICENTIA__MAIL__FROM=A <a@example.com>\r\nBcc: b@example.com", "is an address"),
        ("LICENTIA__MAIL__SMTP=smtp", "this is a section"),
    ] {
        let refused = load(&[variable]).unwrap_err().to_string();
        assert!(refused.contains(told), "{variable}: {refused}");
    }
}

#[test]
fn production_prints_no_letters() {
    let production = ["LICENTIA__ENVIRONMENT=production", "LICENTIA__MAIL__SENDER=print"];
    let findings = load(&production).unwrap().check();
    assert!(findings.iter().any(|finding| finding.key == "mail.sender"));
    assert!(load(&production[1..]).unwrap().check().is_empty());
}

#[test]
fn the_password_shows_nowhere() {
    let config =
        with(&["LICENTIA__MAIL__SMTP__USERNAME=a", "LICENTIA__MAIL__SMTP__PASSWORD=canary-smtp"]).unwrap();
    let text = config.render_checked().unwrap();
    assert!(text.contains("\n[mail.smtp]\n") && text.contains("\npassword = \"***\"\n"), "{text}");
    assert!(!text.contains("canary") && !format!("{config:?}").contains("canary"));
}
