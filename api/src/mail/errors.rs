//! Why letters cannot be sent as it is configured.

use std::io;
use std::path::PathBuf;

use licentia_domain::mail::TemplateInvalid;

/// Why letters cannot be sent as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum MailSetupError {
    /// A file or folder.
    #[error("`{key}`: `{path}` cannot be read", path = .path.display())]
    Unreadable {
        /// Which setting names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file that nobody would ever ask for.
    #[error("`mail.templates_dir`: there is no template `{name}`; see docs/mail.md for their names")]
    UnknownTemplate {
        /// The file's name.
        name: String,
    },
    /// A template.
    #[error(transparent)]
    Template(#[from] TemplateInvalid),
    /// Something that [`crate::config`] should have refused.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// TLS.
    #[error("`{key}` cannot be used")]
    Tls {
        /// Which setting.
        key: &'static str,
        /// Why not.
        source: lettre::transport::smtp::Error,
    },
}
