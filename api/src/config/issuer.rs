//! The issuer: a URL that is compared letter by letter by everyone who verifies a token (RFC 8414 §2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use url::Url;

/// An http(s) URL in its canonical spelling, without user, query, fragment, or a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The text, as it was configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

/// Why a text cannot be the issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicUrlError {
    /// No URL at all.
    #[error("is not a URL such as https://licenses.example.com")]
    NotAUrl,
    /// Neither https nor http.
    #[error("must begin with https:// (or http://, in development)")]
    Scheme,
    /// A user name or password, which every token would spread.
    #[error("must not carry a user name or password")]
    UserInfo,
    /// RFC 8414 §2 allows neither.
    #[error("must not have a query or a fragment")]
    Query,
    /// Another spelling of the URL that it holds.
    #[error("is compared letter by letter by clients; write it as `{0}`")]
    NotCanonical(String),
}

impl TryFrom<String> for PublicUrl {
    type Error = PublicUrlError;

    fn try_from(text: String) -> Result<Self, PublicUrlError> {
        let url = Url::parse(&text).map_err(|_| PublicUrlError::NotAUrl)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(PublicUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PublicUrlError::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(PublicUrlError::Query);
        }
        let canonical = url.as_str().trim_end_matches('/');
        if canonical == text {
            Ok(Self(text))
        } else {
            Err(PublicUrlError::NotCanonical(canonical.to_owned()))
        }
    }
}

impl From<PublicUrl> for String {
    fn from(url: PublicUrl) -> Self {
        url.0
    }
}

/// The issuer of a server without a public URL. Listening everywhere, it names itself by its loopback address.
pub(super) fn of_listener(bound: SocketAddr, has_tls: bool) -> String {
    let scheme = if has_tls { "https" } else { "http" };
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("{scheme}://{}", SocketAddr::new(ip, bound.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PublicUrl, PublicUrlError> {
        text.to_owned().try_into()
    }

    #[test]
    fn canonical_urls_keep_their_text() {
        for text in ["https://licenses.example.com", "http://127.0.0.1:8080", "https://example.com/licensing"]
        {
            assert_eq!(parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn other_spellings_are_refused_with_the_right_one() {
        for text in [
            "https://licenses.example.com/",
            "https://Licenses.Example.com",
            "https://licenses.example.com:443",
            " https://licenses.example.com",
            "https://licenses.example.com//",
            "HTTPS://licenses.example.com",
        ] {
            let right = "https://licenses.example.com".to_owned();
            assert_eq!(parse(text).unwrap_err(), PublicUrlError::NotCanonical(right), "{text}");
        }
    }

    #[test]
    fn what_is_no_issuer_is_refused_without_repeating_it() {
        for (text, error) in [
            ("12345", PublicUrlError::NotAUrl),
            ("licenses.example.com", PublicUrlError::NotAUrl),
            ("ftp://example.com", PublicUrlError::Scheme),
            ("https://user:canary@example.com", PublicUrlError::UserInfo),
            ("https://example.com?key=canary", PublicUrlError::Query),
            ("https://example.com#canary", PublicUrlError::Query),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(!refused.to_string().contains("canary"));
            assert_eq!(refused, error, "{text}");
        }
    }

    #[test]
    fn a_listener_without_public_url_names_itself() {
        for (bound, issuer) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:41234", "http://127.0.0.1:41234"),
            ("[::]:8080", "http://[::1]:8080"),
            ("[2001:db8::1]:80", "http://[2001:db8::1]:80"),
        ] {
            assert_eq!(of_listener(bound.parse().unwrap(), false), issuer);
        }
        assert_eq!(of_listener("127.0.0.1:8443".parse().unwrap(), true), "https://127.0.0.1:8443");
    }
}
