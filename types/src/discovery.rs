//! What anybody may know of this server: its keys and where everything is.

use serde::{Deserialize, Serialize};

/// A public signing key (RFC 7517 §4, RFC 7518 §6.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Jwk {
    /// `RSA`
    pub kty: String,
    /// `sig`
    #[serde(rename = "use")]
    pub usage: String,
    /// `RS256`
    pub alg: String,
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// Modulus, base64url.
    pub n: String,
    /// Exponent, base64url.
    pub e: String,
}

/// A JWK Set (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JwkSet {
    /// Pending, active and retiring keys of purposes token and document.
    pub keys: Vec<Jwk>,
}

/// `/.well-known/license-configuration`: all that a consumer needs, from the issuer URL alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LicenseConfiguration {
    /// `iss` of every token.
    pub issuer: String,
    /// Where the keys are.
    pub jwks_uri: String,
    /// `POST` here to activate.
    pub activation_endpoint: String,
    /// `POST` here to give a seat back; `{id}` is the activation.
    pub deactivation_endpoint: String,
    /// `POST` here to ask for the standing.
    pub status_endpoint: String,
    /// `POST` here to renew.
    pub heartbeat_endpoint: String,
    /// `POST` here to validate.
    pub validation_endpoint: String,
    /// The public price list.
    pub catalog_endpoint: String,
    /// Where the status lists are, by their number: whether a token was taken back (Token Status List).
    pub status_list_uri_template: String,
    /// Everything that was taken back, in one signed document.
    pub revocation_list_uri: String,
    /// Description of the API (OpenAPI 3.1); absent where it is not for the public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openapi_uri: Option<String>,
    /// Signature algorithms.
    pub signing_alg_values_supported: Vec<String>,
    /// Key management for encrypted tokens.
    pub encryption_alg_values_supported: Vec<String>,
    /// Content encryption for encrypted tokens.
    pub encryption_enc_values_supported: Vec<String>,
    /// `typ` of the tokens.
    pub token_types_supported: Vec<String>,
    /// Seconds between two heartbeats where a tier says nothing else.
    pub default_heartbeat_interval: i64,
    /// Seconds of a token's life where a tier says nothing else.
    pub default_token_ttl: i64,
    /// Seconds for which a fetched key set may be kept.
    pub jwks_max_age: u32,
}

/// `/.well-known/openid-configuration`: the members that stock clients insist on (`OpenID` Connect
/// Discovery 1.0 §3), so that JWT middleware works with nothing but our URL. No sign-in is offered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenidConfiguration {
    /// `iss` of every token.
    pub issuer: String,
    /// Where the keys are.
    pub jwks_uri: String,
    /// Demanded by clients; answers 404.
    pub authorization_endpoint: String,
    /// Where tokens come from: the activation endpoint.
    pub token_endpoint: String,
    /// Signature algorithms.
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// `none`: no sign-in is offered.
    pub response_types_supported: Vec<String>,
    /// `public`
    pub subject_types_supported: Vec<String>,
    /// None.
    pub grant_types_supported: Vec<String>,
}
