//! The key that a machine's tokens are encrypted to, as it is sent.

use serde::{Deserialize, Serialize};

/// A consumer's public key as sent: PEM text, or a JWK as object or text.
#[derive(Clone, Deserialize)]
#[serde(from = "serde_json::Value")]
pub struct ConsumerKeyText(String);

/// People paste private keys here by mistake.
impl std::fmt::Debug for ConsumerKeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConsumerKeyText(…)")
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ConsumerKeyText {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::Type;
        use utoipa::openapi::{ObjectBuilder, OneOfBuilder};

        let jwk = ObjectBuilder::new().schema_type(Type::Object).description(Some("A JWK."));
        let text = ObjectBuilder::new().schema_type(Type::String).description(Some("PEM, or a JWK as text."));
        OneOfBuilder::new().item(jwk).item(text).into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ConsumerKeyText {}

impl From<serde_json::Value> for ConsumerKeyText {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(text) => Self(text),
            other => Self(other.to_string()),
        }
    }
}

impl ConsumerKeyText {
    /// PEM, or a JWK as JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Key management of a JWE (RFC 7518 §4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "orm", derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum))]
#[cfg_attr(feature = "orm", sea_orm(rs_type = "String", db_type = "Text"))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ConsumerKeyAlg {
    /// OAEP with SHA-1: what every library takes.
    #[default]
    #[serde(rename = "RSA-OAEP")]
    #[cfg_attr(feature = "orm", sea_orm(string_value = "RSA-OAEP"))]
    RsaOaep,
    /// OAEP with SHA-256.
    #[serde(rename = "RSA-OAEP-256")]
    #[cfg_attr(feature = "orm", sea_orm(string_value = "RSA-OAEP-256"))]
    RsaOaep256,
}
