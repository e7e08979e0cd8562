//! The directory that knows admins: how it is asked.

mod ldap;
mod tls;

use std::sync::Arc;

use licentia_domain::directory::Directory;
use licentia_types::time::Seconds;

use crate::config::LdapConfig;
use ldap::Ldap;
pub(crate) use ldap::{EMAIL, NAME};
pub use tls::DirectorySetupError;

/// The directory, as it is configured; none: nobody is asked.
pub(crate) fn configured(config: &LdapConfig) -> Result<Option<Directory>, DirectorySetupError> {
    let Some(url) = &config.url else { return Ok(None) };
    let roles = config.roles.as_ref().ok_or(DirectorySetupError::Missing("ldap.roles"))?;
    Ok(Some(Directory {
        server: Arc::new(Ldap::configured(url, config)?),
        roles: roles.roles().clone(),
        session_lifetime: Seconds::constant(config.session_lifetime_seconds),
    }))
}
