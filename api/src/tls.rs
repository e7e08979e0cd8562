//! TLS in the server itself: the configured certificate, exchanged for new connections when its files change.

mod files;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

use crate::config;
use crate::problem;
use files::{Files, Stamp};

pub use files::TlsError;

/// How often it is looked whether the files have changed.
const LOOKING: Duration = Duration::from_secs(2);

/// The certificate of this server, and where it is from.
#[derive(Clone, Debug)]
pub struct Tls {
    files: Arc<Files>,
    shown: Arc<Shown>,
    /// Of the files, before they were first read.
    stamp: Stamp,
}

/// What new connections are shown.
struct Shown(RwLock<Arc<CertifiedKey>>);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shown").finish_non_exhaustive()
    }
}

impl Shown {
    fn now(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, pair: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pair;
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.now())
    }
}

impl Tls {
    /// As the configuration says; none where it names no certificate.
    pub(crate) fn configured(config: &config::ServerConfig) -> Result<Option<Self>, TlsError> {
        let (Some(certificate), Some(key)) = (&config.tls_certificate_file, &config.tls_key_file) else {
            return Ok(None);
        };
        let files = Files { certificate: certificate.clone(), key: key.clone() };
        files.warn_of_readers();
        let stamp = files.stamp();
        let shown = Shown(RwLock::new(Arc::new(files.pair()?)));
        Ok(Some(Self { files: Arc::new(files), shown: Arc::new(shown), stamp }))
    }

    /// What a listener works with. One crypto provider, named here, whatever others were built in.
    pub(crate) fn server_config(&self) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions =
            ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12]);
        let shown = Arc::<Shown>::clone(&self.shown);
        Ok(versions.map_err(TlsError::Unusable)?.with_no_client_auth().with_cert_resolver(shown))
    }

    /// Reads the files again. New connections get what stands there, unless it is no good: then the former certificate
    /// stays, and the log says why. Connections that are open go on as they are.
    pub fn reload(&self) {
        match self.files.pair() {
            Ok(pair) if pair.cert == self.shown.now().cert => {}
            Ok(pair) => {
                self.shown.replace(Arc::new(pair));
                tracing::info!("the TLS certificate was exchanged");
            }
            Err(error) => {
                let error = problem::causes(&error);
                tracing::error!(error, "the TLS certificate cannot be exchanged, and the former one stays");
            }
        }
    }
}

/// Exchanges the certificate whenever its files have changed, for as long as it is awaited.
pub(crate) async fn watch(tls: Option<&Tls>) {
    let Some(tls) = tls else { return };
    let mut timer = tokio::time::interval(LOOKING);
    let mut known = tls.stamp;
    loop {
        timer.tick().await;
        // Taken before the files are read: what changes while they are is seen the next time.
        let stamp = tls.files.stamp();
        if stamp != known {
            known = stamp;
            tls.reload();
        }
    }
}
