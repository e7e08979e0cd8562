//! Which methods a path has: an undeclared one answers 405 with `Allow`
//! (RFC 9110 §15.5.6), before anybody asks who is calling.

use std::collections::{BTreeMap, HashMap};

use actix_web::dev::ServiceRequest;
use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse};
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;
use utoipa::openapi::HttpMethod;

use crate::cors;
use crate::discovery;
use crate::headers::Kind;
use crate::origins::Origins;
use crate::problem::ApiError;
use crate::router::Operation;

/// What machines ask for lies below.
const MACHINES: &str = "/api/v1/license-";

/// Every declared path with its methods.
#[derive(Debug, Default)]
pub(crate) struct Methods {
    /// Paths without parameters, which go before the others.
    literal: HashMap<String, Place>,
    /// Those with the fewest parameters first.
    templates: Vec<Place>,
}

/// One declared path.
#[derive(Debug)]
pub(crate) struct Place {
    /// Parameters stand in braces.
    path: String,
    methods: Vec<Method>,
    kind: Kind,
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
    /// The table of these operations.
    pub(crate) fn of<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> Self {
        let mut by_path: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
        for operation in operations {
            by_path.entry(&operation.path).or_default().push(operation);
        }
        let mut table = Self::default();
        for place in by_path.into_iter().map(|(path, operations)| Place::of(path, &operations)) {
            if place.parameters() > 0 {
                table.templates.push(place);
            } else {
                table.literal.insert(place.path.clone(), place);
            }
        }
        table.templates.sort_by_key(Place::parameters);
        table
    }

    /// What fits a path best: itself, or the template with the fewest parameters.
    pub(crate) fn at(&self, path: &str) -> Option<&Place> {
        let fitting = || self.templates.iter().find(|place| place.fits(path));
        self.literal.get(path).or_else(fitting)
    }
}

impl Place {
    fn of(path: &str, operations: &[&Operation]) -> Self {
        let mut methods: Vec<_> = operations.iter().flat_map(|one| &one.methods).flat_map(names).collect();
        let kind = if discovery::is_for_browsers(path) {
            methods.push(Method::OPTIONS);
            Kind::Document
        } else if operations.iter().all(|one| one.is_public)
            && methods == [Method::POST]
            && path.starts_with(MACHINES)
        {
            // What else is public and posted comes from people, who have browsers.
            Kind::Machine
        } else {
            Kind::Api
        };
        Self { path: path.to_owned(), methods, kind }
    }

    /// What is answered here.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// As it is declared: parameters stand in braces.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whether what is here is for everybody, scripts of any origin and caches included.
    pub(crate) fn is_public(&self) -> bool {
        self.kind == Kind::Document
    }

    /// The answer to what no route takes: undeclared methods, and OPTIONS.
    pub(crate) fn answer(&self, request: &ServiceRequest, origins: &Origins) -> Option<HttpResponse> {
        let method = request.method();
        if !self.is_public() && method == Method::OPTIONS && origins.is_preflight(request.headers()) {
            return Some(self.invitation());
        }
        if !self.methods.contains(method) {
            return Some(HttpResponse::from_error(self.refusal()));
        }
        (method == Method::OPTIONS).then(|| self.options(is_preflight(request)))
    }

    fn refusal(&self) -> ApiError {
        let allow = self.allow();
        ApiError::from(RouteError::Method(allow.clone())).with_header(header::ALLOW, &allow)
    }

    fn options(&self, is_preflight: bool) -> HttpResponse {
        let mut answer = HttpResponse::NoContent().insert_header((header::ALLOW, self.allow())).finish();
        if is_preflight {
            discovery::invite(answer.headers_mut());
        }
        answer
    }

    /// To scripts of an origin that an operator listed.
    fn invitation(&self) -> HttpResponse {
        let allow = self.allow();
        let mut answer = HttpResponse::NoContent().finish();
        cors::invite(answer.headers_mut(), &allow);
        answer
    }

    /// The value of `Allow`.
    fn allow(&self) -> String {
        self.methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
    }

    fn fits(&self, path: &str) -> bool {
        let mut given = path.split('/');
        let all = self.path.split('/').all(|segment| match given.next() {
            Some(given) if segment.starts_with('{') => !given.is_empty(),
            given => given == Some(segment),
        });
        all && given.next().is_none()
    }

    fn parameters(&self) -> usize {
        self.path.matches('{').count()
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

/// A browser asks before it sends the request proper.
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

    fn methods(path: &str) -> Vec<Method> {
        table().at(path).unwrap().methods.clone()
    }

    #[test]
    fn an_undeclared_method_is_refused_and_the_others_are_named() {
        let refused = table().at("/api/v1/products").unwrap().refusal();
        let status = actix_web::ResponseError::status_code(&refused);
        assert_eq!(status, actix_web::http::StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.to_string(), "this path has other methods: GET, HEAD, POST");
    }

    #[test]
    fn a_literal_segment_goes_before_a_parameter() {
        assert_eq!(methods("/api/v1/pricing-tiers/order"), [Method::PUT]);
        assert_eq!(methods("/api/v1/license-keys/validate"), [Method::POST]);
        assert_eq!(methods("/api/v1/products/catalog"), [Method::GET, Method::HEAD]);
        assert_eq!(table().at("/api/v1/products/x").unwrap().path(), "/api/v1/products/{id}");
    }

    #[test]
    fn unknown_paths_are_no_places() {
        for path in ["/", "/api/v1", "/api/v1/products/", "/api/v1/products/a/b", "/docs/"] {
            assert!(table().at(path).is_none(), "{path}");
        }
    }

    #[test]
    fn browsers_may_ask_first_on_discovery_only() {
        assert!(methods("/.well-known/jwks.json").contains(&Method::OPTIONS));
        assert!(!methods("/api/v1/products").contains(&Method::OPTIONS));
    }
}
