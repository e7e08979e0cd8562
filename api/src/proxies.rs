//! Who a request comes from: the connection's peer, or whom a trusted proxy names.
//!
//! `Forwarded` (RFC 7239) and `X-Forwarded-For` are read from the right, where the nearest proxy wrote: the first
//! address that is no trusted proxy is the client. What is no address ends the walk; the client then is the last
//! proxy that was reached. Where both headers are there and disagree, one was made up, and neither is believed.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{HttpRequest, web};
use licentia_types::ip_ranges::IpRange;
use serde::{Deserialize, Serialize};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Networks whose word is taken for whom they forward.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustedProxies(Vec<IpRange>);

/// Why a text is no list of networks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is a list of addresses and networks, such as \"127.0.0.1, 10.0.0.0/8, fd00::/8\"; this is neither: `{0}`"
)]
pub struct NotANetwork(String);

impl TryFrom<String> for TrustedProxies {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        let network = |text: &str| text.trim().parse().map_err(|_| NotANetwork(text.trim().to_owned()));
        text.split(',').map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl From<TrustedProxies> for String {
    fn from(proxies: TrustedProxies) -> Self {
        proxies.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl TrustedProxies {
    fn trusts(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(ip))
    }

    /// The client of a request that this peer sent.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let named = headers.contains_key(header::FORWARDED).then(|| {
            self.walk(
                peer,
                elements(headers, &header::FORWARDED).map(|element| element.and_then(forwarded_for)),
            )
        });
        let listed = headers.contains_key(X_FORWARDED_FOR).then(|| {
            self.walk(peer, elements(headers, &X_FORWARDED_FOR).map(|element| element.and_then(address)))
        });
        match (named, listed) {
            (Some(one), Some(other)) if one != other => peer,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => peer,
        }
    }

    /// From hop to hop, away from us.
    fn walk(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> IpAddr {
        let mut reached = peer;
        for hop in hops {
            let Some(hop) = hop else { break };
            reached = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        reached
    }
}

/// From whom a request comes; none where there is no network.
pub(crate) fn client(request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let proxies = request.app_data::<web::Data<TrustedProxies>>();
    Some(proxies.map_or(peer, |proxies| proxies.client(peer, request.headers())))
}

/// The elements of a list header, from the right. They are cut at every comma, quoted or not, so that a quote that a
/// client left open swallows nothing of what a proxy wrote behind it; no address has a comma.
fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Option<&'a str>> {
    let lines: Vec<_> = headers.get_all(name).collect();
    lines.into_iter().rev().flat_map(|line| {
        let text = line.to_str().ok();
        let elements = text.map(|text| text.rsplit(',').map(Some));
        let unreadable = text.is_none().then_some(None);
        elements.into_iter().flatten().chain(unreadable)
    })
}

/// The address of one element of `Forwarded`: `for=192.0.2.60;proto=http`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut nodes = element.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
    });
    let node = nodes.next().filter(|_| nodes.next().is_none())?;
    let unquoted = node.strip_prefix('"').map(|rest| rest.strip_suffix('"'));
    address(unquoted.unwrap_or(Some(node))?)
}

/// An address with or without its port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || text.parse().ok();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    bare().or_else(bracketed).or_else(with_port).map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let trusted = TrustedProxies::try_from("127.0.0.1, 10.0.0.0/8,fd00::/8".to_owned()).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    fn listed(value: &str) -> String {
        client("127.0.0.1", &[("x-forwarded-for", value)])
    }

    fn forwarded(value: &str) -> String {
        client("127.0.0.1", &[("forwarded", value)])
    }

    #[test]
    fn strangers_name_nobody() {
        for name in ["x-forwarded-for", "forwarded"] {
            assert_eq!(client("192.0.2.9", &[(name, "for=192.0.2.1")]), "192.0.2.9");
        }
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn the_first_from_the_right_that_is_no_proxy_is_the_client() {
        for (value, ip) in [
            ("192.0.2.1", "192.0.2.1"),
            ("203.0.113.7, 192.0.2.1", "192.0.2.1"),
            ("203.0.113.7, 192.0.2.1, 10.1.2.3", "192.0.2.1"),
            ("10.9.9.9, 10.1.2.3", "10.9.9.9"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(listed(value), ip, "{value}");
        }
        let lines = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "192.0.2.1, 10.0.0.1")];
        assert_eq!(client("::ffff:127.0.0.1", &lines), "192.0.2.1");
    }

    #[test]
    fn garbage_ends_the_walk() {
        for value in ["", "nonsense", "192.0.2.1, unknown", "192.0.2.1,", "192.0.2.1 203.0.113.7", "1.2.3"] {
            assert_eq!(listed(value), "127.0.0.1", "{value}");
        }
        assert_eq!(listed("192.0.2.1, garbage, 10.1.2.3"), "10.1.2.3");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        for (value, ip) in [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=203.0.113.7, proto=https; for=\"192.0.2.43:47011\"", "192.0.2.43"),
            ("for=203.0.113.7, for=_hidden", "127.0.0.1"),
            ("for=203.0.113.7, for=unknown, for=10.0.0.1", "10.0.0.1"),
            ("for=203.0.113.7, proto=https", "127.0.0.1"),
            ("for=203.0.113.7;for=192.0.2.1", "127.0.0.1"),
            // Its author wants the rest to be his.
            ("for=\"203.0.113.7, for=192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(forwarded(value), ip, "{value}");
        }
    }

    #[test]
    fn headers_that_disagree_are_not_believed() {
        let lines = [("forwarded", "for=203.0.113.7"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(client("127.0.0.1", &lines), "127.0.0.1");
        let lines = [("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(client("127.0.0.1", &lines), "192.0.2.1");
    }

    #[test]
    fn lists_are_read_and_written() {
        let read = |text: &str| TrustedProxies::try_from(text.to_owned()).map(String::from);
        assert_eq!(read("127.0.0.1,10.0.0.0/8 , fd00::/8").unwrap(), "127.0.0.1/32, 10.0.0.0/8, fd00::/8");
        for wrong in ["localhost", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.1,,10.0.0.2"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
