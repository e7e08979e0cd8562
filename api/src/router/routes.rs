//! One list of routes, read twice: by each worker, which serves them, and by whoever asks what there is. Workers
//! describe nothing: the descriptions of all operations together take megabytes.

use actix_web::dev::HttpServiceFactory;
use actix_web::web;
use utoipa::openapi::HttpMethod;
use utoipa_actix_web::OpenApiFactory;

use crate::listeners::Listener;

/// Takes routes in their order.
pub(crate) enum Routes<'a> {
    /// To serve them.
    Serving {
        /// Of the worker.
        config: &'a mut web::ServiceConfig,
        /// Where they are served.
        listener: Listener,
    },
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
    /// Whether it is for machines and the public, and not for principals alone.
    pub(crate) is_public: bool,
    /// Below the prefix of its scope.
    pub(crate) description: Box<dyn OpenApiFactory>,
}

impl<'a> Routes<'a> {
    /// Serves what it takes.
    pub(super) fn serving(config: &'a mut web::ServiceConfig, listener: Listener) -> Self {
        Self::Serving { config, listener }
    }

    /// Lists what it takes.
    pub(super) fn listing(operations: &'a mut Vec<Operation>) -> Self {
        Self::Listing { prefix: String::new(), operations }
    }

    /// Takes one operation for principals: whoever administers.
    pub(super) fn operation<O>(&mut self, operation: O) -> &mut Self
    where
        O: HttpServiceFactory + OpenApiFactory + utoipa::Path + 'static,
    {
        self.take(operation, false)
    }

    /// Takes one operation for machines and the public.
    pub(super) fn public<O>(&mut self, operation: O) -> &mut Self
    where
        O: HttpServiceFactory + OpenApiFactory + utoipa::Path + 'static,
    {
        self.take(operation, true)
    }

    fn take<O>(&mut self, operation: O, is_public: bool) -> &mut Self
    where
        O: HttpServiceFactory + OpenApiFactory + utoipa::Path + 'static,
    {
        match self {
            Self::Serving { config, listener } => {
                if is_public || listener.serves_principals() {
                    config.service(operation);
                }
            }
            Self::Listing { prefix, operations } => operations.push(Operation {
                path: format!("{prefix}{}", O::path()),
                methods: O::methods(),
                is_public,
                description: Box::new(operation),
            }),
        }
        self
    }

    /// Takes what lies below a prefix.
    pub(super) fn scope(&mut self, prefix: &str, content: fn(&mut Routes<'_>)) -> &mut Self {
        match self {
            Self::Serving { config, listener } => {
                let listener = *listener;
                let scope = web::scope(prefix);
                config.service(scope.configure(|config| content(&mut Routes::serving(config, listener))));
            }
            Self::Listing { prefix: outer, operations } => {
                content(&mut Routes::Listing { prefix: format!("{outer}{prefix}"), operations });
            }
        }
        self
    }
}
