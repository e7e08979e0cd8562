//! Ranges of IP addresses (CIDR notation, RFC 4632 §3.1 and RFC 4291 §2.3).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IpRangeInvalid {
    /// Of another form.
    #[error("must be an address or a range such as 192.0.2.0/24 or 2001:db8::/32")]
    Form,
    /// Some bits after the prefix are set: it is not said whether the address or its network was meant.
    #[error("must have no bit set after its prefix: the network is {0}")]
    HostBits(IpRange),
}

/// A network, or a single address. An IPv4 address in IPv6 form (`::ffff:192.0.2.7`) is that IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IpRange {
    network: IpAddr,
    prefix: u32,
}

impl IpRange {
    /// Whether the address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.network.is_ipv4() && network(address, self.prefix) == self.network
    }
}

const fn bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with all bits after the prefix cleared.
fn network(address: IpAddr, prefix: u32) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or_default();
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - prefix.min(128)).unwrap_or_default();
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

/// Digits only, without a leading zero: `/08` and `/+8` are nobody's notation.
fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = plain && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

impl FromStr for IpRange {
    type Err = IpRangeInvalid;

    fn from_str(text: &str) -> Result<Self, IpRangeInvalid> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(number(prefix).ok_or(IpRangeInvalid::Form)?)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().map_err(|_| IpRangeInvalid::Form)?;
        let address = written.to_canonical();
        let shortened = bits(written) - bits(address);
        let prefix = prefix
            .unwrap_or_else(|| bits(written))
            .checked_sub(shortened)
            .filter(|prefix| *prefix <= bits(address))
            .ok_or(IpRangeInvalid::Form)?;
        let range = Self { network: network(address, prefix), prefix };
        if range.network == address { Ok(range) } else { Err(IpRangeInvalid::HostBits(range)) }
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

impl TryFrom<String> for IpRange {
    type Error = IpRangeInvalid;

    fn try_from(text: String) -> Result<Self, IpRangeInvalid> {
        text.parse()
    }
}

impl From<IpRange> for String {
    fn from(range: IpRange) -> Self {
        range.to_string()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for IpRange {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("An address, or a range in CIDR notation."))
            .examples(["192.0.2.0/24"])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for IpRange {}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> IpRange {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_holds_its_addresses_and_no_others() {
        for (text, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.7/32", "::ffff:192.0.2.7", "::192.0.2.7"),
            ("0.0.0.0/0", "255.255.255.255", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::/0", "2001:db8::1", "192.0.2.7"),
            ("::ffff:192.0.2.0/120", "192.0.2.9", "192.0.3.9"),
        ] {
            assert!(range(text).contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!range(text).contains(outside.parse().unwrap()), "{text} {outside}");
        }
    }

    #[test]
    fn a_range_has_one_form() {
        for (text, form) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("2001:DB8:0::/32", "2001:db8::/32"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ] {
            assert_eq!(range(text).to_string(), form);
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0/8",
            "10.0.0.0/8/8",
            "::/129",
            "host",
            " 10.0.0.0/8",
            "::ffff:0:0/95",
        ] {
            assert_eq!(text.parse::<IpRange>(), Err(IpRangeInvalid::Form), "{text}");
        }
        let refused = "192.0.2.7/24".parse::<IpRange>().unwrap_err();
        assert!(refused.to_string().ends_with("the network is 192.0.2.0/24"), "{refused}");
    }
}
