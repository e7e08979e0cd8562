//! Distinguished names (RFC 4514), as they are compared: whatever capitals, spaces and escapes they are written with.

use std::str::FromStr;

/// The name of an entry, in one spelling. At least one part, each of at least one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName(Vec<Vec<(String, String)>>);

/// The text is no distinguished name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no distinguished name such as cn=admins,ou=groups,dc=example,dc=com")]
pub struct NameInvalid;

impl FromStr for DistinguishedName {
    type Err = NameInvalid;

    fn from_str(text: &str) -> Result<Self, NameInvalid> {
        let parts = divided(text, ',').into_iter().map(|part| {
            let mut attributes = divided(part, '+').into_iter().map(attribute).collect::<Option<Vec<_>>>()?;
            attributes.sort();
            Some(attributes)
        });
        parts.collect::<Option<Vec<_>>>().map(Self).ok_or(NameInvalid)
    }
}

/// What stands between separators that are not escaped.
fn divided(text: &str, separator: char) -> Vec<&str> {
    let mut is_escaped = false;
    let divides = |c: char| {
        let divides = c == separator && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        divides
    };
    text.split(divides).collect()
}

/// `cn=Some One`, as it is compared.
fn attribute(text: &str) -> Option<(String, String)> {
    let (kind, value) = text.split_once('=')?;
    let kind = kind.trim().to_ascii_lowercase();
    let is_kind = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if kind.is_empty() || !kind.chars().all(is_kind) {
        return None;
    }
    let value = unescaped(value.trim_start())?;
    let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| (kind, words.join(" ").to_lowercase()))
}

/// A value without its escapes: `\,` or `\2c` (§2.4).
fn unescaped(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            // They would have been escaped; a quote begins a value in the older way (RFC 2253 §4).
            if matches!(byte, b'"' | b';' | b'<' | b'>' | 0) {
                return None;
            }
            bytes.push(byte);
            continue;
        }
        let first = rest.next()?;
        let Some(high) = char::from(first).to_digit(16) else {
            bytes.push(first);
            continue;
        };
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Option<DistinguishedName> {
        text.parse().ok()
    }

    #[test]
    fn spellings_of_one_name_are_the_same() {
        for (one, other) in [
            ("cn=admins,dc=example,dc=com", "CN=Admins, DC=example , DC=COM"),
            (r"cn=a\,b,dc=com", r"cn=a\2Cb,dc=com"),
            (r"cn=Lu\c4\8di\c4\87", "cn=Lučić"),
            ("cn=one two", " cn = one   two "),
            ("ou=a+cn=b", "cn=B + ou=A"),
        ] {
            assert!(name(one).is_some(), "{one}");
            assert_eq!(name(one), name(other), "{one} {other}");
        }
    }

    #[test]
    fn other_names_are_others() {
        for (one, other) in [
            ("cn=admins,dc=example", "cn=admins,dc=example,dc=com"),
            (r"cn=admins\,dc=example", "cn=admins,dc=example"),
            (r"cn=a\+ou=b", "cn=a+ou=b"),
            ("cn=admins,ou=groups", "ou=groups,cn=admins"),
            ("cn=admins", "ou=admins"),
        ] {
            assert!(name(one).is_some() && name(other).is_some(), "{one} {other}");
            assert_ne!(name(one), name(other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in
            ["", "admins", "cn=", "cn=a,", ",cn=a", "=a", "cn=\"a\"", r"cn=a\", r"cn=a\2", r"cn=\ff", "c n=a"]
        {
            assert_eq!(name(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_value_that_is_escaped_is_itself_and_no_more_parts(value in "[ -~]{0,12}[a-z]") {
            let escaped: Vec<String> = value.bytes().map(|byte| format!("\\{byte:02x}")).collect();
            let escaped = escaped.concat();
            let parsed = name(&format!("cn={escaped},dc=com")).unwrap();
            prop_assert_eq!(parsed.0.len(), 2);
            let words: Vec<_> = value.split(' ').filter(|word| !word.is_empty()).collect();
            prop_assert_eq!(&parsed.0[0][0].1, &words.join(" ").to_lowercase());
        }
    }
}
