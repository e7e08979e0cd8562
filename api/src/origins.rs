//! Origins of web pages (RFC 6454 §7), as browsers name them.

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use url::{Origin, Url};

/// Origins, letter for letter as browsers send them. Each is exact: there are no patterns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origins(Vec<String>);

/// Why a text is no list of origins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is a list of origins, such as \"https://portal.example.com, http://localhost:5173\"; this is none: `{0}`"
)]
pub struct NotAnOrigin(String);

impl TryFrom<String> for Origins {
    type Error = NotAnOrigin;

    fn try_from(text: String) -> Result<Self, NotAnOrigin> {
        text.split(',').map(|one| origin(one.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Origins> for String {
    fn from(origins: Origins) -> Self {
        origins.0.join(", ")
    }
}

/// A browser compares no spelling: only the canonical one would ever match.
fn origin(text: &str) -> Result<String, NotAnOrigin> {
    let refused = || NotAnOrigin(text.to_owned());
    let url = Url::parse(text).map_err(|_| refused())?;
    // An asterisk is a letter of a host to the parser, and a pattern to whoever wrote it.
    let is_web = matches!(url.scheme(), "https" | "http") && !text.contains('*');
    match url.origin() {
        Origin::Tuple(..) if is_web && url.origin().ascii_serialization() == text => Ok(text.to_owned()),
        _ => Err(refused()),
    }
}

impl Origins {
    /// The origins of these URLs, those of `more` besides.
    pub(crate) fn of<'a>(urls: impl IntoIterator<Item = &'a str>, more: Option<&Self>) -> Self {
        let of_url = |url: &str| Some(Url::parse(url).ok()?.origin().ascii_serialization());
        let named = more.into_iter().flat_map(|more| more.0.iter().cloned());
        Self(urls.into_iter().filter_map(of_url).chain(named).collect())
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The origin of a request, when there is one, and it is listed.
    pub(crate) fn listed<'a>(&self, request: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let mut given = request.get_all(header::ORIGIN);
        let origin = given.next().filter(|_| given.next().is_none())?;
        self.0.iter().any(|listed| listed.as_bytes() == origin.as_bytes()).then_some(origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, NotAnOrigin> {
        Origins::try_from(text.to_owned()).map(String::from)
    }

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        for text in ["https://portal.example.com", "http://localhost:5173", "https://[2001:db8::1]:8443"] {
            assert_eq!(read(text).as_deref(), Ok(text));
        }
        assert_eq!(
            read("https://a.example,https://b.example").unwrap(),
            "https://a.example, https://b.example"
        );
    }

    #[test]
    fn what_no_browser_sends_is_refused() {
        for text in [
            "*",
            "null",
            "",
            "https://*.example.com",
            "https://a.example/",
            "https://a.example/path",
            "https://A.example",
            "https://a.example:443",
            "a.example",
            "file:///etc",
            "https://a.example,",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_url_has_an_origin() {
        let more = Origins::try_from("https://b.example".to_owned()).unwrap();
        let origins = Origins::of(["https://a.example:443/base", "http://127.0.0.1:8080"], Some(&more));
        assert_eq!(String::from(origins), "https://a.example, http://127.0.0.1:8080, https://b.example");
    }
}
