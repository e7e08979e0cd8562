//! Which methods a path has: an undeclared one answers 405 with `Allow`
//! (RFC 9110 §15.5.6), before anybody asks who is calling.

use std::collections::{BTreeMap, HashMap};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;
use utoipa::openapi::HttpMethod;

use crate::discovery;
use crate::problem::ApiError;
use crate::router::Operation;

/// Every declared path with its methods.
#[derive(Debug, Default)]
pub(crate) struct Methods {
    /// Paths without parameters, which go before the others.
    literal: HashMap<String, Vec<Method>>,
    /// Those with the fewest parameters first.
    templates: Vec<Template>,
}

#[derive(Debug)]
struct Template {
    path: String,
    methods: Vec<Method>,
}

#[derive(Debug, thiserror::Error)]
enum RouteError {
    #[error("there is nothing at this path")]
    NotFound,
    #[error("this path has other methods: {0}")]
    Method(String),
}

impl Refusal for RouteError {
    fn code(&self) -> ProblemCode {
        match self {
            Self::NotFound => ProblemCode::NotFound,
            Self::Method(_) => ProblemCode::MethodNotAllowed,
        }
    }
}

impl Methods {
    /// The table of all operations.
    pub(crate) fn of(operations: &[Operation]) -> Self {
        let mut by_path: BTreeMap<&str, Vec<Method>> = BTreeMap::new();
        for Operation { path, methods, .. } in operations {
            by_path.entry(path).or_default().extend(methods.iter().flat_map(names));
        }
        let mut table = Self::default();
        for (path, mut methods) in by_path {
            if discovery::is_for_browsers(path) {
                methods.push(Method::OPTIONS);
            }
            if path.contains('{') {
                table.templates.push(Template { path: path.to_owned(), methods });
            } else {
                table.literal.insert(path.to_owned(), methods);
            }
        }
        table.templates.sort_by_key(|template| template.path.matches('{').count());
        table
    }

    /// The methods of what fits best: the path itself, or the template with the fewest parameters.
    fn at(&self, path: &str) -> Option<&[Method]> {
        let fitting = || Some(&self.templates.iter().find(|template| template.fits(path))?.methods);
        self.literal.get(path).or_else(fitting).map(Vec::as_slice)
    }

    /// The value of `Allow`; nothing where nothing is.
    fn allow(&self, path: &str) -> String {
        let methods: Vec<&str> = self.at(path).into_iter().flatten().map(Method::as_str).collect();
        methods.join(", ")
    }

    fn refuse(&self, path: &str, method: &Method) -> Option<ApiError> {
        if self.at(path)?.contains(method) {
            return None;
        }
        let allow = self.allow(path);
        let refusal = ApiError::from(RouteError::Method(allow.clone()));
        Some(refusal.with_header(header::ALLOW, &allow))
    }
}

impl Template {
    fn fits(&self, path: &str) -> bool {
        let mut given = path.split('/');
        let all = self.path.split('/').all(|segment| match given.next() {
            Some(given) if segment.starts_with('{') => !given.is_empty(),
            given => given == Some(segment),
        });
        all && given.next().is_none()
    }
}

/// HEAD is GET without the body.
fn names(method: &HttpMethod) -> Vec<Method> {
    match method {
        HttpMethod::Get => vec![Method::GET, Method::HEAD],
        HttpMethod::Post => vec![Method::POST],
        HttpMethod::Put => vec![Method::PUT],
        HttpMethod::Delete => vec![Method::DELETE],
        HttpMethod::Patch => vec![Method::PATCH],
        HttpMethod::Head => vec![Method::HEAD],
        HttpMethod::Options => vec![Method::OPTIONS],
        HttpMethod::Trace => vec![Method::TRACE],
    }
}

/// Refuses undeclared methods.
///
/// # Errors
/// As the rest of the chain.
pub(crate) async fn hold<B: MessageBody + 'static>(
    table: web::Data<Methods>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if let Some(refusal) = table.refuse(request.path(), request.method()) {
        return Ok(request.error_response(refusal).map_into_right_body());
    }
    if request.method() == Method::OPTIONS && !is_preflight(&request) {
        let answer =
            HttpResponse::NoContent().insert_header((header::ALLOW, table.allow(request.path()))).finish();
        return Ok(request.into_response(answer).map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}

/// A browser asks before it sends the request proper; that is answered where CORS is.
fn is_preflight(request: &ServiceRequest) -> bool {
    request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers where no route is.
pub(crate) async fn nothing_here(_: HttpRequest) -> Result<HttpResponse, ApiError> {
    Err(RouteError::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Methods {
        Methods::of(&crate::router::operations())
    }

    #[test]
    fn an_undeclared_method_is_refused_and_the_others_are_named() {
        let refused = table().refuse("/api/v1/products", &Method::DELETE).unwrap();
        let allow = actix_web::ResponseError::status_code(&refused);
        assert_eq!(allow, actix_web::http::StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(table().at("/api/v1/products").unwrap(), [Method::GET, Method::HEAD, Method::POST]);
    }

    #[test]
    fn a_literal_segment_goes_before_a_parameter() {
        assert_eq!(table().at("/api/v1/pricing-tiers/order").unwrap(), [Method::PUT]);
        assert_eq!(table().at("/api/v1/license-keys/validate").unwrap(), [Method::POST]);
        assert!(table().refuse("/api/v1/products/catalog", &Method::PUT).is_some());
    }

    #[test]
    fn unknown_paths_are_not_refused_here() {
        for path in ["/", "/api/v1", "/api/v1/products/", "/api/v1/products/a/b", "/docs/"] {
            assert!(table().refuse(path, &Method::PATCH).is_none(), "{path}");
        }
    }

    #[test]
    fn browsers_may_ask_first_on_discovery_only() {
        assert!(table().refuse("/.well-known/jwks.json", &Method::OPTIONS).is_none());
        assert!(table().refuse("/api/v1/products", &Method::OPTIONS).is_some());
    }
}
