//! Secrets in requests.

use serde::Deserialize;

use crate::text::TextInvalid;

/// A secret in a request: read, never shown. None was sent: it is empty.
#[derive(Clone, Default, Deserialize)]
pub struct SecretText(String);

impl SecretText {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// A code of an authenticator app: six digits, nothing around them.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct TotpCode(String);

impl TotpCode {
    /// The code itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TotpCode {
    type Error = TextInvalid;

    fn try_from(text: String) -> Result<Self, TextInvalid> {
        let good = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        good.then_some(Self(text)).ok_or(TextInvalid::Form("six digits"))
    }
}

impl std::fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpCode(…)")
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for TotpCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[0-9]{6}$"))
            .examples(["287082"])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for TotpCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_six_digits_and_nothing_else() {
        assert!(TotpCode::try_from("012345".to_owned()).is_ok());
        for text in ["12345", "1234567", " 12345", "123456 ", "12 345", "12345a", "١٢٣٤٥٦"] {
            assert!(TotpCode::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let code = TotpCode::try_from("012345".to_owned()).unwrap();
        assert_eq!(format!("{code:?} {:?}", SecretText("abc".to_owned())), "TotpCode(…) SecretText(…)");
    }
}
