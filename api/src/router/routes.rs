//! One list of routes, read twice: by each worker, which serves them, and by whoever asks what there is. Workers
//! describe nothing: the descriptions of all operations together take megabytes.

use actix_web::dev::HttpServiceFactory;
use actix_web::web;
use utoipa::openapi::HttpMethod;
use utoipa_actix_web::OpenApiFactory;

/// Takes routes in their order.
pub(crate) enum Routes<'a> {
    /// To serve them.
    Serving(&'a mut web::ServiceConfig),
    /// To list them.
    Listing {
        /// Of the scope.
        prefix: String,
        /// What was listed before.
        operations: &'a mut Vec<Operation>,
    },
}

/// One operation that is served.
pub(crate) struct Operation {
    /// From the root; parameters stand in braces.
    pub(crate) path: String,
    /// Mostly one.
    pub(crate) methods: Vec<HttpMethod>,
    /// Below the prefix of its scope.
    pub(crate) description: Box<dyn OpenApiFactory>,
}

impl<'a> Routes<'a> {
    /// Serves what it takes.
    pub(super) fn serving(config: &'a mut web::ServiceConfig) -> Self {
        Self::Serving(config)
    }

    /// Lists what it takes.
    pub(super) fn listing(operations: &'a mut Vec<Operation>) -> Self {
        Self::Listing { prefix: String::new(), operations }
    }

    /// Takes one operation.
    pub(super) fn operation<O>(&mut self, operation: O) -> &mut Self
    where
        O: HttpServiceFactory + OpenApiFactory + utoipa::Path + 'static,
    {
        match self {
            Self::Serving(config) => {
                config.service(operation);
            }
            Self::Listing { prefix, operations } => operations.push(Operation {
                path: format!("{prefix}{}", O::path()),
                methods: O::methods(),
                description: Box::new(operation),
            }),
        }
        self
    }

    /// Takes what lies below a prefix.
    pub(super) fn scope(&mut self, prefix: &str, content: fn(&mut Routes<'_>)) -> &mut Self {
        match self {
            Self::Serving(config) => {
                config.service(web::scope(prefix).configure(|config| content(&mut Routes::Serving(config))));
            }
            Self::Listing { prefix: outer, operations } => {
                content(&mut Routes::Listing { prefix: format!("{outer}{prefix}"), operations });
            }
        }
        self
    }
}
