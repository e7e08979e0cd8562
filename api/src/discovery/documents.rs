//! The two documents that follow from the configuration, made once.

use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::web;
use licentia_domain::context::Settings;
use licentia_types::activations::ConsumerKeyAlg;
use licentia_types::discovery::{LicenseConfiguration, OpenidConfiguration};
use licentia_types::tokens::TokenTyp;
use serde::Serialize;

use super::Prepared;
use crate::config::Config;

/// What browsers and caches are told, and the documents themselves.
#[derive(Debug)]
pub(crate) struct Documents {
    license: Document,
    openid: Document,
    caching: String,
}

/// A document as bytes.
#[derive(Debug)]
pub(crate) struct Document {
    bytes: web::Bytes,
    etag: String,
}

impl Documents {
    /// The documents of a server with these settings.
    pub(crate) fn of(settings: &Settings, config: &Config) -> Result<Self, serde_json::Error> {
        let max_age_seconds = config.discovery.max_age_seconds;
        Ok(Self {
            license: Document::of(&license_configuration(settings, config))?,
            openid: Document::of(&openid_configuration(&settings.issuer))?,
            caching: format!("public, max-age={max_age_seconds}"),
        })
    }

    pub(super) fn license(&self) -> &Document {
        &self.license
    }

    pub(super) fn openid(&self) -> &Document {
        &self.openid
    }

    pub(super) fn caching(&self) -> &str {
        &self.caching
    }
}

impl Document {
    fn of(content: &impl Serialize) -> Result<Self, serde_json::Error> {
        let bytes = serde_json::to_vec(content)?;
        // The same in every process: without random keys.
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Ok(Self { bytes: bytes.into(), etag: format!("\"{:016x}\"", hasher.finish()) })
    }

    pub(super) fn prepared(&self) -> Prepared<'_> {
        Prepared { bytes: self.bytes.clone(), media_type: "application/json", etag: &self.etag }
    }
}

fn license_configuration(settings: &Settings, config: &Config) -> LicenseConfiguration {
    let issuer = &settings.issuer;
    let at = |path: &str| format!("{issuer}/api/v1/{path}");
    LicenseConfiguration {
        issuer: issuer.clone(),
        jwks_uri: jwks_uri(issuer),
        activation_endpoint: activation_endpoint(issuer),
        deactivation_endpoint: at("license-activations/{id}/deactivate"),
        status_endpoint: at("license-activations/status"),
        heartbeat_endpoint: at("license-keys/heartbeat"),
        validation_endpoint: at("license-keys/validate"),
        catalog_endpoint: at("products/catalog"),
        status_list_uri_template: format!("{issuer}/status-lists/{{list}}"),
        revocation_list_uri: at("revocation/list"),
        // Where the administration has an address of its own, this is not below the issuer.
        openapi_uri: config.server.admin_bind.is_none().then(|| at("openapi.json")),
        signing_alg_values_supported: vec!["RS256".to_owned()],
        encryption_alg_values_supported: names(&[ConsumerKeyAlg::RsaOaep, ConsumerKeyAlg::RsaOaep256]),
        encryption_enc_values_supported: vec!["A256CBC-HS512".to_owned()],
        token_types_supported: TokenTyp::ALL.iter().map(|typ| typ.as_str().to_owned()).collect(),
        default_heartbeat_interval: settings.times.heartbeat_interval.get(),
        default_token_ttl: settings.times.token_ttl.get(),
        jwks_max_age: config.discovery.max_age_seconds,
    }
}

fn openid_configuration(issuer: &str) -> OpenidConfiguration {
    OpenidConfiguration {
        issuer: issuer.to_owned(),
        jwks_uri: jwks_uri(issuer),
        authorization_endpoint: format!("{issuer}/authorize"),
        token_endpoint: activation_endpoint(issuer),
        id_token_signing_alg_values_supported: vec!["RS256".to_owned()],
        response_types_supported: vec!["none".to_owned()],
        subject_types_supported: vec!["public".to_owned()],
        grant_types_supported: Vec::new(),
    }
}

fn jwks_uri(issuer: &str) -> String {
    format!("{issuer}/.well-known/jwks.json")
}

fn activation_endpoint(issuer: &str) -> String {
    format!("{issuer}/api/v1/license-activations/activate")
}

/// How values stand on the wire.
fn names(values: &[impl Serialize]) -> Vec<String> {
    let texts = values.iter().filter_map(|value| serde_json::to_value(value).ok());
    texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
