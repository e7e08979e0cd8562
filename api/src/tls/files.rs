//! The files of the certificate and its key.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

const CERTIFICATE: &str = "server.tls_certificate_file";
const KEY: &str = "server.tls_key_file";
/// Everybody, in a file's mode.
const OTHERS: u32 = 0o007;

/// Why there is no TLS as configured, and how to mend it. Holds nothing of the key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there, or not for us.
    #[error("`{key}` ({path}) cannot be read: {source}; name a file that the server's user may read")]
    Unreadable {
        /// Which setting.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// What stands there is no certificate.
    #[error(
        "`{CERTIFICATE}` ({path}) holds no certificate as PEM: put the server's own first, then those that it was \
         issued by"
    )]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// What stands there is no private key.
    #[error("`{KEY}` ({path}) holds no private key as PEM (PKCS #8, PKCS #1 or SEC 1, without a password)")]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
    /// Two that are not a pair.
    #[error(
        "the key of `{KEY}` is not that of the first certificate of `{CERTIFICATE}`: put the server's own certificate \
         first, and take the key that it was requested with"
    )]
    Mismatch,
    /// The pair is one, and cannot be used all the same.
    #[error("the certificate of `{CERTIFICATE}` cannot be used for TLS")]
    Unusable(#[source] Error),
}

/// Where the certificate and its key stand.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// What tells a file from the one that was there before: its place, its size, and when it was changed.
pub(super) type Stamp = [Option<(u64, u64, u64, i64, i64)>; 2];

impl Files {
    /// Reads the pair.
    pub(super) fn pair(&self) -> Result<CertifiedKey, TlsError> {
        let chain = self.chain()?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| match error {
            pem::Error::Io(source) => TlsError::Unreadable { key: KEY, path: self.key.clone(), source },
            _ => TlsError::NoKey { path: self.key.clone() },
        })?;
        let pair = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
        pair.map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch,
            error => TlsError::Unusable(error),
        })
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let refused = |error| match error {
            pem::Error::Io(source) => {
                TlsError::Unreadable { key: CERTIFICATE, path: self.certificate.clone(), source }
            }
            _ => TlsError::NoCertificate { path: self.certificate.clone() },
        };
        let chain: Vec<_> =
            CertificateDer::pem_file_iter(&self.certificate).and_then(Iterator::collect).map_err(refused)?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate { path: self.certificate.clone() });
        }
        Ok(chain)
    }

    /// Of the files as they are.
    pub(super) fn stamp(&self) -> Stamp {
        [stamp(&self.certificate), stamp(&self.key)]
    }

    /// A key that everybody on the machine may read is nobody's secret.
    pub(super) fn warn_of_readers(&self) {
        let mode = std::fs::metadata(&self.key).map_or(0, |file| file.mode());
        if mode & OTHERS != 0 {
            tracing::warn!(
                path = %self.key.display(),
                "everybody on this machine may read server.tls_key_file: chmod 600, or 640 for the server's group"
            );
        }
    }
}

fn stamp(path: &Path) -> Option<(u64, u64, u64, i64, i64)> {
    let file = std::fs::metadata(path).ok()?;
    Some((file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
}
