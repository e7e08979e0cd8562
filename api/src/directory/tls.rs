//! Whom the directory's certificate has to be from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

const KEY: &str = "ldap.ca_file";

/// Why the directory cannot be asked as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum DirectorySetupError {
    /// The file is not there, or not for us.
    #[error("`{KEY}` ({path}) cannot be read: {source}; name a file that the server's user may read")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// What stands there is of no use.
    #[error("`{KEY}` ({path}) holds no certificate of an authority as PEM")]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// TLS cannot be had.
    #[error("TLS to the directory cannot be set up")]
    Tls(#[from] rustls::Error),
    /// Something that [`crate::config`] should have refused.
    #[error("`{0}` is missing")]
    Missing(&'static str),
}

/// TLS as a client: an own authority is believed in the place of the public ones, not beside them.
pub(super) fn client(authorities: Option<&Path>) -> Result<Arc<ClientConfig>, DirectorySetupError> {
    let roots = match authorities {
        Some(path) => own(path)?,
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn own(path: &Path) -> Result<RootCertStore, DirectorySetupError> {
    let none = || DirectorySetupError::NoCertificate { path: path.to_owned() };
    let failed = |error| match error {
        pem::Error::Io(source) => DirectorySetupError::Unreadable { path: path.to_owned(), source },
        _ => none(),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(failed)? {
        roots.add(certificate.map_err(failed)?).map_err(|_| none())?;
    }
    if roots.is_empty() { Err(none()) } else { Ok(roots) }
}
