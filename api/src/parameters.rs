//! Parameters of paths and queries. Those of a query are all known, and each stands there once.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use licentia_domain::misread;
use licentia_domain::pages::PageQuery;
use licentia_domain::products::ProductName;
use licentia_domain::refusal::Refusal;
use licentia_types::ids::{LicenseFileId, LicenseId, ProductId};
use licentia_types::problems::ProblemCode;
use licentia_types::signing_keys::Kid;
use licentia_types::text::RoleName;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::IntoParams;

use crate::problem::ApiError;

/// The id in a path. What is no id names nothing: 404.
#[derive(Debug)]
pub(crate) struct Id<T>(pub(crate) T);

/// The ids of a licence and of one of its files in a path. What is no id names nothing: 404.
#[derive(Debug)]
pub(crate) struct FileOf {
    /// The licence.
    pub(crate) license: LicenseId,
    /// The file.
    pub(crate) file: LicenseFileId,
}

/// The id of a signing key in a path. What is no thumbprint names nothing: 404.
#[derive(Debug)]
pub(crate) struct NamedKey(pub(crate) Kid);

/// The name of a role in a path. What is none names nothing: 404.
#[derive(Debug)]
pub(crate) struct NamedRole(pub(crate) RoleName);

/// The id or slug of a product in a path.
#[derive(Debug)]
pub(crate) struct Named(pub(crate) ProductName);

/// Which page of a list, and which entries.
#[derive(Debug)]
pub(crate) struct Listing<F = NoFilter> {
    /// Which page.
    pub(crate) page: PageQuery,
    /// Which entries.
    pub(crate) filter: F,
}

/// The parameters of an operation that is no list.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

/// All entries.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoFilter {}

/// Those of one product.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OfProduct {
    /// Of this product.
    pub(crate) product_id: Option<ProductId>,
}

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageParameters {
    /// Entries on a page: 1 to 200, 50 when absent.
    #[serde(default, deserialize_with = "number")]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// `createdAt` or `-createdAt` (the default): oldest or newest first.
    sort: Option<String>,
    /// Text to search for.
    q: Option<String>,
}

const PAGE: [&str; 4] = ["limit", "cursor", "sort", "q"];

/// Whether an edit is only tried: nothing is written, and the answer tells what it would touch.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DryRun {
    /// `true`: nothing is written, and the answer (200) tells what the edit would touch.
    #[serde(default, deserialize_with = "switch")]
    #[param(value_type = bool, required = false)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, thiserror::Error)]
enum ParameterError {
    #[error("there is no such thing")]
    NoId,
    #[error("the query cannot be read")]
    Query,
    #[error("a parameter stands there twice")]
    Twice,
    #[error("there is no such parameter")]
    Unknown,
    #[error("{parameter}: {detail}")]
    Invalid { parameter: String, detail: String },
}

impl Refusal for ParameterError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NoId => ProblemCode::NotFound,
            Self::Query | Self::Twice | Self::Unknown | Self::Invalid { .. } => ProblemCode::ParameterInvalid,
        }
    }
}

impl<T: FromStr + 'static> FromRequest for Id<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            segment(request)
                .and_then(|text| text.parse().ok())
                .map(Self)
                .ok_or_else(|| ParameterError::NoId.into()),
        )
    }
}

impl FromRequest for FileOf {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let license = segment(request).and_then(|text| text.parse().ok());
        let file = request.match_info().get("fileId").and_then(|text| text.parse().ok());
        let both = license.zip(file).map(|(license, file)| Self { license, file });
        ready(both.ok_or_else(|| ParameterError::NoId.into()))
    }
}

impl FromRequest for NamedKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let kid = request.match_info().get("kid").and_then(|text| text.parse().ok());
        ready(kid.map(Self).ok_or_else(|| ParameterError::NoId.into()))
    }
}

impl FromRequest for NamedRole {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let name = request.match_info().get("name").and_then(|text| text.parse().ok());
        ready(name.map(Self).ok_or_else(|| ParameterError::NoId.into()))
    }
}

impl FromRequest for Named {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(segment(request).and_then(product_name).map(Self).ok_or_else(|| ParameterError::NoId.into()))
    }
}

fn segment(request: &HttpRequest) -> Option<&str> {
    request.match_info().get("id")
}

/// An id holds an underscore, which no slug does.
fn product_name(text: &str) -> Option<ProductName> {
    text.parse().map(ProductName::Id).ok().or_else(|| text.parse().map(ProductName::Slug).ok())
}

impl<F: DeserializeOwned + 'static> FromRequest for Listing<F> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(listing(own_query(request)).map_err(ApiError::from))
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Parameters<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parameters(own_query(request)).map(Self).map_err(ApiError::from))
    }
}

impl FromRequest for DryRun {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parameters(own_query(request)).map_err(ApiError::from))
    }
}

/// Left on a request whose query was read, and with it refused whatever is not known there.
struct QueryRead;

fn own_query(request: &HttpRequest) -> &str {
    request.extensions_mut().insert(QueryRead);
    request.query_string()
}

/// Refuses parameters where the operation reads none: to be asked once its input was extracted.
pub(crate) fn expect_read(request: &HttpRequest) -> Result<(), ApiError> {
    if request.query_string().is_empty() || request.extensions().contains::<QueryRead>() {
        Ok(())
    } else {
        Err(ParameterError::Unknown.into())
    }
}

fn parameters<T: DeserializeOwned>(query: &str) -> Result<T, ParameterError> {
    read(pairs(query)?)
}

fn listing<F: DeserializeOwned>(query: &str) -> Result<Listing<F>, ParameterError> {
    let (page, filter) = split(query)?;
    let PageParameters { limit, cursor, sort, q } = read(page)?;
    Ok(Listing { page: PageQuery { limit, cursor, sort, q }, filter: read(filter)? })
}

/// Parameters by name.
type ByName = Map<String, Value>;

/// The parameters of the page, and the others.
fn split(query: &str) -> Result<(ByName, ByName), ParameterError> {
    Ok(pairs(query)?.into_iter().partition(|(name, _)| PAGE.contains(&name.as_str())))
}

fn pairs(query: &str) -> Result<ByName, ParameterError> {
    let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|_| ParameterError::Query)?;
    let mut parameters = Map::new();
    for (name, value) in pairs.into_inner() {
        if parameters.insert(name, Value::String(value)).is_some() {
            return Err(ParameterError::Twice);
        }
    }
    Ok(parameters)
}

fn read<T: DeserializeOwned>(parameters: ByName) -> Result<T, ParameterError> {
    serde_path_to_error::deserialize(Value::Object(parameters)).map_err(|error| {
        let field = misread::field(&error);
        match field.code.as_str() {
            "UNKNOWN_FIELD" => ParameterError::Unknown,
            _ => ParameterError::Invalid {
                parameter: field.pointer.trim_start_matches('/').to_owned(),
                detail: field.detail,
            },
        }
    })
}

/// A whole number.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(|_| serde::de::Error::custom("must be a whole number"))).transpose()
}

fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(|_| serde::de::Error::custom("must be true or false"))
}

/// The same, where nothing has to be said.
pub(crate) fn optional_switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    switch(deserializer).map(Some)
}

#[cfg(test)]
mod tests;
