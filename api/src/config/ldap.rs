//! `[ldap]`: the directory that knows admins beside this server.

use std::num::NonZeroU32;
use std::path::PathBuf;

use ldap3::parse_filter;
use licentia_domain::directory::GroupRoles;
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Finding, secrets};
use crate::directory::{EMAIL, NAME};

pub(super) const BIND_PASSWORD: &str = "ldap.bind_password";
const LONGEST_TIMEOUT: u32 = 60;
const SESSIONS: std::ops::RangeInclusive<u32> = 300..=2_592_000;

/// `[ldap]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LdapConfig {
    /// Where it is; none: nobody is asked.
    pub url: Option<LdapUrl>,
    /// Whether the way is encrypted by `StartTLS` (RFC 4511 §4.14): with `ldap://`, and only there.
    pub start_tls: bool,
    /// Certificates (PEM) that are believed in the place of the public ones.
    pub ca_file: Option<PathBuf>,
    /// As whom this server searches.
    pub bind_dn: Option<String>,
    /// With which password, also when it came from `bind_password_file`.
    #[serde(default, deserialize_with = "secrets::deserialize", serialize_with = "secrets::mask")]
    pub bind_password: Option<SecretString>,
    /// The file that holds the password.
    pub bind_password_file: Option<PathBuf>,
    /// Below which entry admins are searched.
    pub user_base: Option<String>,
    /// Which entry is theirs; `{email}` stands for the address.
    pub user_filter: String,
    /// Which attribute holds their addresses.
    pub email_attribute: String,
    /// Which attribute holds what they are called.
    pub name_attribute: String,
    /// Which attribute of theirs names their groups, where `group_base` is none.
    pub group_attribute: String,
    /// Below which entry their groups are searched; none: they are not.
    pub group_base: Option<String>,
    /// Which groups are theirs; `{dn}` stands for the name of their entry.
    pub group_filter: String,
    /// Which group gives which role.
    pub roles: Option<LdapRoles>,
    /// How long the directory may take to answer, in seconds: 1 to 60.
    pub timeout_seconds: NonZeroU32,
    /// How long its admins are signed in at most, in seconds: 300 to 2,592,000.
    pub session_lifetime_seconds: u32,
}

/// `ldaps://` or `ldap://` with a name, and maybe a port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct LdapUrl(Url);

impl LdapUrl {
    /// The address.
    pub(crate) const fn url(&self) -> &Url {
        &self.0
    }
}

impl TryFrom<String> for LdapUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = "is no address of a directory such as ldaps://ldap.example.com: a name, and maybe a port";
        let url = Url::parse(&text).map_err(|_| wrong)?;
        let is_scheme = matches!(url.scheme(), "ldap" | "ldaps");
        // Its certificate is held against it.
        let has_name = url.host_str().is_some_and(|host| ServerName::try_from(host).is_ok());
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        if is_scheme && has_name && is_bare { Ok(Self(url)) } else { Err(wrong) }
    }
}

impl From<LdapUrl> for String {
    fn from(url: LdapUrl) -> Self {
        url.0.into()
    }
}

/// `role: group`, one a line or divided by semicolons.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct LdapRoles {
    text: String,
    roles: GroupRoles,
}

impl LdapRoles {
    /// What they say.
    pub(crate) const fn roles(&self) -> &GroupRoles {
        &self.roles
    }
}

impl TryFrom<String> for LdapRoles {
    type Error = licentia_domain::directory::GroupRolesInvalid;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Ok(Self { roles: text.parse()?, text })
    }
}

impl From<LdapRoles> for String {
    fn from(roles: LdapRoles) -> Self {
        roles.text
    }
}

/// What cannot be, in every environment.
pub(super) fn findings(config: &LdapConfig) -> Vec<Finding> {
    let mut findings: Vec<Finding> = match &config.url {
        Some(url) => encryption(url, config).into_iter().chain(missing(config)).collect(),
        None => without_address(config),
    };
    findings.extend(filters(config));
    if config.timeout_seconds.get() > LONGEST_TIMEOUT {
        findings.push(Finding::new(
            "ldap.timeout_seconds",
            format!("{} s is longer than anybody waits to be signed in", config.timeout_seconds),
            format!("set 1 to {LONGEST_TIMEOUT}"),
        ));
    }
    if !SESSIONS.contains(&config.session_lifetime_seconds) {
        findings.push(Finding::new(
            "ldap.session_lifetime_seconds",
            format!("{} s is out of its range", config.session_lifetime_seconds),
            format!("set {} to {}", SESSIONS.start(), SESSIONS.end()),
        ));
    }
    findings
}

/// Passwords never go in clear, to this machine neither: who listens there is not known before his certificate is.
fn encryption(url: &LdapUrl, config: &LdapConfig) -> Option<Finding> {
    match (url.0.scheme(), config.start_tls) {
        ("ldap", false) => Some(Finding::new(
            "ldap.url",
            "passwords would go to the directory in clear",
            "set an address with ldaps://, or ldap.start_tls = true",
        )),
        ("ldaps", true) => Some(Finding::new(
            "ldap.start_tls",
            "ldaps:// is encrypted from the first byte on, and has no StartTLS",
            "leave it out, or set an address with ldap://",
        )),
        _ => None,
    }
}

fn missing(config: &LdapConfig) -> impl Iterator<Item = Finding> {
    let is_nothing = |text: &Option<String>| text.as_ref().is_none_or(|text| text.trim().is_empty());
    let password = config.bind_password.as_ref();
    [
        ("ldap.bind_dn", is_nothing(&config.bind_dn), "name the entry as which this server searches"),
        (
            BIND_PASSWORD,
            // With an empty one it would search as nobody (RFC 4513 §5.1.2).
            password.is_none_or(|password| password.expose_secret().is_empty()),
            "set it, or better ldap.bind_password_file",
        ),
        ("ldap.user_base", is_nothing(&config.user_base), "name the entry below which admins are searched"),
        (
            "ldap.roles",
            config.roles.is_none(),
            "say which group gives which role: `admin: cn=admins,ou=groups,dc=example,dc=com`",
        ),
    ]
    .into_iter()
    .filter(|(_, is_missing, _)| *is_missing)
    .map(|(key, _, mend)| Finding::new(key, "ldap.url is set, which needs it", mend))
}

fn without_address(config: &LdapConfig) -> Vec<Finding> {
    let is_any = config.start_tls
        || config.ca_file.is_some()
        || config.bind_dn.is_some()
        || config.bind_password.is_some()
        || config.user_base.is_some()
        || config.group_base.is_some()
        || config.roles.is_some();
    let finding = || {
        Finding::new(
            "ldap.url",
            "the directory is described, and it is not said where it is",
            "set an address such as ldaps://ldap.example.com, or leave the others out",
        )
    };
    if is_any { vec![finding()] } else { Vec::new() }
}

/// A filter is one, with the place in a value: anywhere else an address could be more than a value.
fn filters(config: &LdapConfig) -> Vec<Finding> {
    let is_filter = |filter: &str, place: &str| {
        // Escaped as any character may be, which only a value can.
        filter.contains(place) && parse_filter(filter.replace(place, r"\2a")).is_ok()
    };
    [
        ("ldap.user_filter", &config.user_filter, EMAIL, "(&(objectClass=person)(mail={email}))"),
        ("ldap.group_filter", &config.group_filter, NAME, "(member={dn})"),
    ]
    .into_iter()
    .filter(|(_, filter, place, _)| !is_filter(filter, place))
    .map(|(key, _, place, example)| {
        let problem = format!("it is no filter (RFC 4515) that compares something with {place}");
        Finding::new(key, problem, format!("set one such as {example}"))
    })
    .collect()
}
