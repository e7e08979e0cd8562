//! What a pasted text can be: told by its form alone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use licentia_crypto::license_keys::LicenseKey;
use licentia_types::ids::{ActivationId, AuditEventId, CustomerId, FeatureId, LicenseId, ProductId, TierId};

/// Longest text that is looked at.
pub(super) const MOST_BYTES: usize = 16 * 1024;
/// Longest text that is anything but a token.
const MOST_NAME_BYTES: usize = 512;

/// What a text can be.
pub(super) enum Pasted<'a> {
    /// It begins as a token does.
    Token(&'a str),
    /// An id of ours.
    Id(AnyId),
    /// A key, a name, somebody else's id.
    Text(&'a str),
    /// Too long, or with control characters: nothing that was ever stored.
    Nothing,
}

/// An id of something that can be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnyId {
    License(LicenseId),
    Activation(ActivationId),
    Customer(CustomerId),
    Product(ProductId),
    Tier(TierId),
    Feature(FeatureId),
    AuditEvent(AuditEventId),
}

impl AnyId {
    fn of(text: &str) -> Option<Self> {
        text.parse()
            .map(Self::License)
            .or_else(|_| text.parse().map(Self::Activation))
            .or_else(|_| text.parse().map(Self::Customer))
            .or_else(|_| text.parse().map(Self::Product))
            .or_else(|_| text.parse().map(Self::Tier))
            .or_else(|_| text.parse().map(Self::Feature))
            .or_else(|_| text.parse().map(Self::AuditEvent))
            .ok()
    }
}

impl<'a> Pasted<'a> {
    /// None: no text, or too much of it. White space around it was pasted by accident.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let text = text.trim();
        if is_token(text) {
            return Some(Self::Token(text));
        }
        if text.is_empty() || text.len() > MOST_BYTES {
            return None;
        }
        if text.len() > MOST_NAME_BYTES || text.contains(char::is_control) {
            return Some(Self::Nothing);
        }
        Some(AnyId::of(text).map_or(Self::Text(text), Self::Id))
    }

    /// Whether it has the form of a key of ours, with a typing error in it.
    pub(super) fn is_mistyped_key(&self) -> bool {
        // Any other text that is as long as a key is taken for a chosen one.
        matches!(self, Self::Text(text) if text.len() >= 8 && LicenseKey::parse(text).is_err())
    }
}

/// Whether it begins as tokens do: with JSON as base64, of whatever kind, before a dot; or
/// whether it is one as JSON. Well formed or not, nothing else that can be looked up does.
fn is_token(text: &str) -> bool {
    let Some((header, _)) = text.split_once('.') else {
        return text.starts_with('{');
    };
    let header = header.trim_end_matches('=').replace('+', "-").replace('/', "_");
    text.starts_with('{')
        || URL_SAFE_NO_PAD.decode(header).is_ok_and(|bytes| matches!(bytes.first(), Some(b'{' | b'[')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> &'static str {
        match Pasted::of(text) {
            None => "none",
            Some(Pasted::Token(_)) => "token",
            Some(Pasted::Id(_)) => "id",
            Some(Pasted::Text(_)) => "text",
            Some(Pasted::Nothing) => "nothing",
        }
    }

    #[test]
    fn texts_are_told_apart_by_their_form() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        for (text, expected) in [
            (String::new(), "none"),
            (" \n ".to_owned(), "none"),
            ("x".repeat(MOST_BYTES + 1), "none"),
            (format!("{header}.e30."), "token"),
            (format!(" {header}.e30.c2ln\n"), "token"),
            (format!("{header}.a.b.c.d"), "token"),
            (format!("{header}.a.b.c"), "token"),
            (format!("{header}.a b.c"), "token"),
            (r#"{"payload":"e30"}"#.to_owned(), "token"),
            (header.clone(), "text"),
            ("build-7.example.com".to_owned(), "text"),
            ("W10.e30.c2ln".to_owned(), "token"),
            ("lic_01h455vb4pex5vsknk084sn02q".to_owned(), "id"),
            ("tier_01h455vb4pex5vsknk084sn02q ".to_owned(), "id"),
            ("lic_short".to_owned(), "text"),
            ("two\nlines".to_owned(), "nothing"),
            ("x".repeat(513), "nothing"),
        ] {
            assert_eq!(form(&text), expected, "{text}");
        }
    }

    #[test]
    fn only_a_key_of_ours_can_be_mistyped() {
        let mistyped = |text| Pasted::of(text).is_some_and(|pasted| pasted.is_mistyped_key());
        assert!(mistyped("ACME-00000-00000-00000-00000-00001"));
        assert!(!mistyped("ACME-00000-00000-00000-00000-00000"));
        assert!(!mistyped("a-chosen-key") && !mistyped("short") && !mistyped("a\nb\nc\nd\ne"));
    }
}
