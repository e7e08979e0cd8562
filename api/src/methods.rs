//! Which methods a path has, from the OpenAPI document: an undeclared one answers 405 with `Allow`
//! (RFC 9110 §15.5.6), before anybody asks who is calling.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use licentia_domain::refusal::Refusal;
use licentia_types::problems::ProblemCode;
use utoipa::openapi::{OpenApi, PathItem};

use crate::discovery;
use crate::problem::ApiError;

/// Every declared path with its methods.
#[derive(Debug)]
pub(crate) struct Methods(Vec<Template>);

#[derive(Debug)]
struct Template {
    /// `None` stands for a parameter.
    segments: Vec<Option<String>>,
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
    /// The table of a document.
    pub(crate) fn of(document: &OpenApi) -> Self {
        Self(document.paths.paths.iter().map(|(path, item)| Template::of(path, item)).collect())
    }

    /// The methods of the template that fits best: the one with the fewest parameters.
    fn at(&self, path: &str) -> Option<&[Method]> {
        let fitting = self.0.iter().filter(|template| template.fits(path));
        fitting.min_by_key(|template| template.parameters()).map(|template| template.methods.as_slice())
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
    fn of(path: &str, item: &PathItem) -> Self {
        let is_parameter = |segment: &str| segment.starts_with('{');
        let declared = [
            (&item.get, &[Method::GET, Method::HEAD][..]),
            (&item.post, &[Method::POST]),
            (&item.put, &[Method::PUT]),
            (&item.delete, &[Method::DELETE]),
        ];
        let mut methods: Vec<Method> = declared
            .into_iter()
            .filter(|(operation, _)| operation.is_some())
            .flat_map(|(_, these)| these.to_vec())
            .collect();
        if discovery::is_for_browsers(path) {
            methods.push(Method::OPTIONS);
        }
        let segments = path.split('/').map(|segment| (!is_parameter(segment)).then(|| segment.to_owned()));
        Self { segments: segments.collect(), methods }
    }

    fn fits(&self, path: &str) -> bool {
        let mut given = path.split('/');
        let all = self.segments.iter().all(|segment| match (segment, given.next()) {
            (_, None) => false,
            (Some(literal), Some(given)) => literal == given,
            (None, Some(given)) => !given.is_empty(),
        });
        all && given.next().is_none()
    }

    fn parameters(&self) -> usize {
        self.segments.iter().filter(|segment| segment.is_none()).count()
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
        Methods::of(&crate::openapi::document())
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
