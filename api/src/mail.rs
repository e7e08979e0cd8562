//! Letters on their way out: who hands them over, and the vendor's own templates.

mod errors;
mod printing;
mod smtp;
mod templates;

use std::sync::Arc;

use licentia_domain::mail::{Mail, Mailer};

use crate::config::{Config, MailSender};
pub use errors::MailSetupError;
use printing::Printing;
use smtp::Smtp;

/// How letters are sent, as it is configured; none: they are not.
pub(crate) fn configured(config: &Config, issuer: &str) -> Result<Option<Mail>, MailSetupError> {
    let mailer: Arc<dyn Mailer> = match config.mail.sender {
        MailSender::None => return Ok(None),
        MailSender::Print => Arc::new(Printing),
        MailSender::Smtp => Arc::new(Smtp::configured(&config.mail, issuer)?),
    };
    let templates = templates::read(config.mail.templates_dir.as_deref())?;
    Ok(Some(Mail { mailer, templates, links: config.mail.links() }))
}
