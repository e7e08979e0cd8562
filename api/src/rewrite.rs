//! What is the same request under another name: `/api/v1.0` is `/api/v1`, and HEAD is GET without
//! the body, which the connection leaves out by itself (RFC 9110 §9.3.2).

use actix_web::dev::ServiceRequest;
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{Method, Uri};

const ALIAS: &str = "/api/v1.0/";
const NAME: &str = "/api/v1/";

/// Rewrites a request before it is routed.
pub(crate) fn normalize(request: &mut ServiceRequest) {
    if let Some(uri) = without_alias(request.uri()) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
}

fn without_alias(uri: &Uri) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(ALIAS)?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{NAME}{rest}")).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alias_keeps_path_and_query() {
        let uri = |text: &'static str| Uri::from_static(text);
        assert_eq!(without_alias(&uri("/api/v1.0/products?limit=1")), Some(uri("/api/v1/products?limit=1")));
        assert_eq!(without_alias(&uri("/api/v1/products")), None);
        assert_eq!(without_alias(&uri("/x/api/v1.0/products")), None);
    }
}
