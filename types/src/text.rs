//! Short texts that have been checked: length in bytes, no control characters, the form of a key.

/// Why a text was refused. Never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextInvalid {
    /// Too short or too long.
    #[error("must be {min} to {max} bytes long")]
    Length {
        /// Fewest bytes.
        min: usize,
        /// Most bytes.
        max: usize,
    },
    /// Holds a control character (line ends are allowed in notes only).
    #[error("must not contain control characters")]
    Control,
    /// Starts or ends with white space, which nobody would see.
    #[error("must not begin or end with white space")]
    Padding,
    /// Not of the wanted form.
    #[error("must be {0}")]
    Form(&'static str),
}

fn check(text: &str, min: usize, max: usize, line_ends: bool) -> Result<(), TextInvalid> {
    if text.len() < min || text.len() > max {
        return Err(TextInvalid::Length { min, max });
    }
    let control = |c: char| c.is_control() && !(line_ends && matches!(c, '\n' | '\r' | '\t'));
    if text.contains(control) {
        return Err(TextInvalid::Control);
    }
    if !line_ends && text.trim() != text {
        return Err(TextInvalid::Padding);
    }
    Ok(())
}

fn matches_form(text: &str, first: fn(char) -> bool, rest: fn(char) -> bool) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(first) && chars.all(rest)
}

fn slug_form(text: &str) -> Result<(), TextInvalid> {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    matches_form(text, first, rest)
        .then_some(())
        .ok_or(TextInvalid::Form("lower-case letters, digits and hyphens, and begin with a letter or digit"))
}

fn key_form(text: &str) -> Result<(), TextInvalid> {
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    matches_form(text, |c| c.is_ascii_alphanumeric(), rest)
        .then_some(())
        .ok_or(TextInvalid::Form("letters, digits and - _ . : and begin with a letter or digit"))
}

fn role_form(text: &str) -> Result<(), TextInvalid> {
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    matches_form(text, |c| c.is_ascii_lowercase(), rest)
        .then_some(())
        .ok_or(TextInvalid::Form("lower-case letters, digits, - and _, and begin with a letter"))
}

fn prefix_form(text: &str) -> Result<(), TextInvalid> {
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    matches_form(text, upper, upper).then_some(()).ok_or(TextInvalid::Form("upper-case letters and digits"))
}

fn currency_form(text: &str) -> Result<(), TextInvalid> {
    matches_form(text, |c| c.is_ascii_uppercase(), |c| c.is_ascii_uppercase())
        .then_some(())
        .ok_or(TextInvalid::Form("an ISO 4217 code such as EUR"))
}

fn email_form(text: &str) -> Result<(), TextInvalid> {
    let good = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.contains('@')
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !text.contains(char::is_whitespace)
    });
    good.then_some(()).ok_or(TextInvalid::Form("an e-mail address"))
}

macro_rules! text {
    (@lines) => { false };
    (@lines $lines:literal) => { $lines };
    ($(#[$doc:meta])* $name:ident, $min:literal..=$max:literal $(, form = $form:path)? $(, lines = $lines:literal)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "orm", derive(sea_orm::DeriveValueType))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextInvalid;

            fn try_from(text: String) -> Result<Self, TextInvalid> {
                check(&text, $min, $max, text!(@lines $($lines)?))?;
                $($form(&text)?;)?
                Ok(Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = TextInvalid;

            fn from_str(text: &str) -> Result<Self, TextInvalid> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        #[cfg(feature = "orm")]
        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .min_length(Some($min))
                    .max_length(Some($max))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text!(
    /// A product's slug, the audience of its tokens: `[a-z0-9][a-z0-9-]{1,62}`.
    Slug, 2..=63, form = slug_form
);
text!(
    /// The key of a feature or a tier: `[A-Za-z0-9][A-Za-z0-9._:-]{0,62}`. Never changes.
    Key, 1..=63, form = key_form
);
text!(
    /// What stands before the first hyphen of a native licence key: `[A-Z0-9]{2,16}`.
    KeyPrefixText, 2..=16, form = prefix_form
);
text!(
    /// A name that people read.
    Name, 1..=200
);
text!(
    /// Free text of several lines.
    Note, 0..=4000, lines = true
);
text!(
    /// An e-mail address, as written.
    Email, 3..=254, form = email_form
);
text!(
    /// Somebody else's id: a user, a tenant, an order, a customer in another system.
    Reference, 1..=255
);
text!(
    /// Any stable string that names one machine; compared exactly.
    Fingerprint, 1..=512
);
text!(
    /// Tells machines apart that share a fingerprint, such as replicas of one image.
    Instance, 1..=128
);
text!(
    /// A machine's host name, for people.
    Hostname, 1..=255
);
text!(
    /// Where a machine runs (`production`, `ci`).
    Environment, 1..=64
);
text!(
    /// The version of the consuming program.
    ProductVersion, 1..=64
);
text!(
    /// What one part of a program is called.
    AssemblyName, 1..=255
);
text!(
    /// The version of one part of a program.
    AssemblyVersion, 1..=64
);
text!(
    /// What a machine reports to have used: the key of a feature, or any other word.
    UsageName, 1..=63
);
text!(
    /// What a client stores before it sends a heartbeat: 128 random bits in any printable form.
    RequestId, 16..=128
);
text!(
    /// ISO 4217 code.
    Currency, 3..=3, form = currency_form
);
text!(
    /// The name of a role: `[a-z][a-z0-9_-]{1,62}`. Never changes.
    RoleName, 2..=63, form = role_form
);

impl KeyPrefixText {
    /// The first sixteen letters and digits of a slug, in upper case.
    #[must_use]
    pub fn of(slug: &Slug) -> Self {
        let mut prefix: String = slug.as_str().chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        prefix.make_ascii_uppercase();
        if prefix.len() < 2 {
            prefix.push('X');
        }
        Self(prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_invisible_padding_are_refused() {
        assert_eq!("a\0b".parse::<Name>(), Err(TextInvalid::Control));
        assert_eq!(" a".parse::<Name>(), Err(TextInvalid::Padding));
        assert!("a\nb".parse::<Note>().is_ok());
    }

    #[test]
    fn forms_are_checked() {
        assert!("acme-desk".parse::<Slug>().is_ok());
        assert!("-acme".parse::<Slug>().is_err());
        assert!("Acme".parse::<Slug>().is_err());
        assert!("export.pdf".parse::<Key>().is_ok());
        assert!("*".parse::<Key>().is_err());
        assert!("night_shift-2".parse::<RoleName>().is_ok());
        assert!("Admin".parse::<RoleName>().is_err());
        assert!("2nd".parse::<RoleName>().is_err());
        assert!("a@b.example".parse::<Email>().is_ok());
        assert!("a@b".parse::<Email>().is_err());
        assert!("x".repeat(513).parse::<Fingerprint>().is_err());
    }
}
