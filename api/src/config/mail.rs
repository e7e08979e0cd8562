//! `[mail]` and `[mail.smtp]`: how letters are sent.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use lettre::message::Mailbox;
use licentia_domain::mail::Links;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Finding, secrets};

pub(super) const SMTP_PASSWORD: &str = "mail.smtp.password";

/// `[mail]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// Who sends letters.
    pub sender: MailSender,
    /// From whom they are.
    pub from: Option<MailFrom>,
    /// Where the vendor's own templates lie.
    pub templates_dir: Option<PathBuf>,
    /// Where a customer shows that an address is his; `{token}` stands for the token.
    pub confirmation_link: Option<String>,
    /// Where a customer sets another password.
    pub customer_password_link: Option<String>,
    /// Where an admin sets his password.
    pub admin_password_link: Option<String>,
    /// The mail server.
    pub smtp: SmtpConfig,
}

/// `[mail.smtp]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    /// The server's name or address.
    pub host: Option<String>,
    /// Its port; none: 587, 465 with `implicit`, 25 with `none`.
    pub port: Option<NonZeroU16>,
    /// How the way is encrypted.
    pub tls: SmtpTls,
    /// As whom to sign in there; none: nobody does.
    pub username: Option<String>,
    /// With which password, also when it came from `password_file`.
    #[serde(default, deserialize_with = "secrets::deserialize", serialize_with = "secrets::mask")]
    pub password: Option<SecretString>,
    /// The file that holds the password.
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) that are believed beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// Whether letters may go over a network in clear.
    pub allow_unencrypted: bool,
}

/// Who sends letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum MailSender {
    /// Nobody.
    None,
    /// Nobody; they are printed, for whoever develops.
    Print,
    /// A mail server.
    Smtp,
}

/// How the way to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum SmtpTls {
    /// After STARTTLS (RFC 3207), which the server has to offer.
    StartTls,
    /// From the first byte on (RFC 8314 §3.3).
    Implicit,
    /// Not at all.
    None,
}

/// From whom letters are: `licences@example.com`, or `Example <licences@example.com>`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailFrom(Mailbox);

impl MailFrom {
    /// As headers have it.
    pub(crate) const fn mailbox(&self) -> &Mailbox {
        &self.0
    }
}

impl TryFrom<String> for MailFrom {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = "is an address, or a name with an address: Example <licences@example.com>";
        if text.contains(char::is_control) {
            return Err(wrong);
        }
        text.parse().map(Self).map_err(|_| wrong)
    }
}

impl From<MailFrom> for String {
    fn from(from: MailFrom) -> Self {
        from.0.to_string()
    }
}

impl TryFrom<String> for MailSender {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "none" => Ok(Self::None),
            "print" => Ok(Self::Print),
            "smtp" => Ok(Self::Smtp),
            _ => Err("is \"none\", \"print\" or \"smtp\""),
        }
    }
}

impl TryFrom<String> for SmtpTls {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "starttls" => Ok(Self::StartTls),
            "implicit" => Ok(Self::Implicit),
            "none" => Ok(Self::None),
            _ => Err("is \"starttls\", \"implicit\" or \"none\""),
        }
    }
}

impl MailConfig {
    /// Where what letters ask for is done.
    pub(crate) fn links(&self) -> Links {
        Links {
            confirmation: self.confirmation_link.clone(),
            customer_password: self.customer_password_link.clone(),
            admin_password: self.admin_password_link.clone(),
        }
    }
}

impl SmtpConfig {
    /// The port, where none is named that of the kind of encryption.
    pub(crate) fn port(&self) -> u16 {
        let usual = match self.tls {
            SmtpTls::StartTls => 587,
            SmtpTls::Implicit => 465,
            SmtpTls::None => 25,
        };
        self.port.map_or(usual, NonZeroU16::get)
    }
}

/// What cannot be, in every environment.
pub(super) fn findings(config: &MailConfig) -> Vec<Finding> {
    let mut findings = links(config);
    if config.sender == MailSender::Smtp {
        findings.extend(smtp(config));
    }
    findings
}

/// Production has no use for letters that nobody gets.
pub(super) fn refused_in_production(config: &MailConfig) -> Option<Finding> {
    (config.sender == MailSender::Print).then(|| {
        Finding::new(
            "mail.sender",
            "letters would be printed, with the secrets in them, and reach nobody",
            "set `smtp`, or `none`",
        )
    })
}

fn links(config: &MailConfig) -> Vec<Finding> {
    let is_page = |link: &str| {
        Links::has_place(link)
            && Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    };
    [
        ("mail.confirmation_link", &config.confirmation_link),
        ("mail.customer_password_link", &config.customer_password_link),
        ("mail.admin_password_link", &config.admin_password_link),
    ]
    .into_iter()
    .filter(|(_, link)| link.as_deref().is_some_and(|link| !is_page(link)))
    .map(|(key, _)| {
        Finding::new(
            key,
            "it is no address of a page that could learn the token",
            "set one such as https://account.example.com/password#token={token}, or leave it out",
        )
    })
    .collect()
}

fn smtp(config: &MailConfig) -> Vec<Finding> {
    let smtp = &config.smtp;
    let missing = [
        ("mail.from", config.from.is_none(), "name the address that letters come from"),
        ("mail.smtp.host", smtp.host.is_none(), "name the mail server"),
        (
            "mail.smtp.password",
            smtp.username.is_some() && smtp.password.is_none(),
            "set it, or better mail.smtp.password_file; or leave mail.smtp.username out",
        ),
        (
            "mail.smtp.username",
            smtp.username.is_none() && smtp.password.is_some(),
            "set it, or leave the password out",
        ),
    ];
    let missing = missing
        .into_iter()
        .filter(|(_, is_missing, _)| *is_missing)
        .map(|(key, _, mend)| Finding::new(key, "mail.sender is `smtp`, which needs it", mend));
    let in_clear = smtp.tls == SmtpTls::None
        && !smtp.allow_unencrypted
        && smtp.host.as_deref().is_some_and(|host| !is_this_machine(host));
    let in_clear = in_clear.then(|| {
        Finding::new(
            "mail.smtp.tls",
            "letters, with the secrets in them, would go over a network in clear",
            "set `starttls` or `implicit`; or, for a network of your own, mail.smtp.allow_unencrypted",
        )
    });
    missing.chain(in_clear).collect()
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
