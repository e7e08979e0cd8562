//! `admin.api_key_file`: the super key that a file declares, read at the start and again on SIGHUP.

use std::path::PathBuf;

use actix_web::web;
use licentia_domain::api_keys::{self, DeclareError};
use licentia_domain::context::Context;
use secrecy::{ExposeSecret, SecretString};

use crate::problem;

/// Why the file declares no key. Never repeats what stands in it.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyFileError {
    /// It is not there, or not for us.
    #[error("`admin.api_key_file` ({path}) cannot be read: {source}")]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// What stands there is no key.
    #[error("`admin.api_key_file` ({path}): {source}")]
    NoKey {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: DeclareError,
    },
    /// Without a file, no key is declared; that could not be written down.
    #[error("a formerly declared API key could not be ended")]
    NotEnded(#[source] DeclareError),
}

/// Where the key stands, for whoever reads it again.
#[derive(Clone)]
pub struct ApiKeyFile {
    path: Option<PathBuf>,
    ctx: web::Data<Context>,
}

impl std::fmt::Debug for ApiKeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKeyFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ApiKeyFile {
    pub(crate) const fn new(path: Option<PathBuf>, ctx: web::Data<Context>) -> Self {
        Self { path, ctx }
    }

    /// Declares what stands there. What stood there before has ended, whatever is there now.
    ///
    /// # Errors
    /// When it is no key.
    pub async fn declare(&self) -> Result<(), ApiKeyFileError> {
        let Some(path) = &self.path else {
            return api_keys::declare(&self.ctx, None).await.map_err(ApiKeyFileError::NotEnded);
        };
        match std::fs::read_to_string(path).map(SecretString::from) {
            Ok(text) => {
                let secret = SecretString::from(text.expose_secret().trim_end_matches(['\r', '\n']));
                let declared = api_keys::declare(&self.ctx, Some(&secret)).await;
                declared.map_err(|source| ApiKeyFileError::NoKey { path: path.clone(), source })
            }
            Err(source) => {
                api_keys::declare(&self.ctx, None).await.map_err(ApiKeyFileError::NotEnded)?;
                Err(ApiKeyFileError::Unreadable { path: path.clone(), source })
            }
        }
    }

    /// The same while the server runs: why there is no key any more is logged.
    pub async fn declare_again(&self) {
        match Box::pin(self.declare()).await {
            Ok(()) => tracing::info!("admin.api_key_file was read again"),
            Err(error) => {
                tracing::error!(error = problem::causes(&error), "there is no declared API key any more");
            }
        }
    }
}
