//! A connection to a directory server, from its TLS to its end.

use std::sync::Arc;

use ldap3::{
    DerefAliases, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchEntry, SearchOptions,
};
use licentia_domain::directory::DirectoryAway;
use rustls::ClientConfig;
use tokio::task::JoinHandle;
use url::Url;

/// Result codes (RFC 4511 §4.1.9).
const SUCCESS: u32 = 0;
const SIZE_LIMIT_EXCEEDED: u32 = 4;
/// Those of a bind that say that nobody comes in so: `constraintViolation`, `noSuchObject`, `inappropriateAuthentication`,
/// `invalidCredentials`, `insufficientAccessRights`, `unwillingToPerform`.
const NOBODY: [u32; 6] = [19, 32, 48, 49, 50, 53];

/// How many entries are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// One; of two nobody knows which is meant.
    One,
    /// All of them.
    All,
}

/// A connection; it ends when it is dropped.
pub(super) struct Connection {
    ldap: ldap3::Ldap,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Connects, and encrypts the way before anything else is said.
    pub(super) async fn open(
        url: &Url,
        start_tls: bool,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, DirectoryAway> {
        let settings = LdapConnSettings::new().set_config(Arc::clone(tls)).set_starttls(start_tls);
        let opened = LdapConnAsync::from_url_with_settings(settings, url).await;
        let (connection, ldap) = opened.map_err(|error| away("it cannot be reached", &error))?;
        // How it ended is told to whoever waits for an answer.
        let driver = tokio::spawn(async move { drop(connection.drive().await) });
        Ok(Self { ldap, driver })
    }

    /// Whether the password is that of the name. Neither is empty.
    pub(super) async fn bind(&mut self, name: &str, password: &str) -> Result<bool, DirectoryAway> {
        if name.is_empty() || password.is_empty() {
            return Ok(false);
        }
        let bound = self.ldap.simple_bind(name, password).await;
        match bound.map_err(|error| away("it broke off", &error))? {
            LdapResult { rc: SUCCESS, .. } => Ok(true),
            LdapResult { rc, .. } if NOBODY.contains(&rc) => Ok(false),
            other => Err(refusal("a bind", &other)),
        }
    }

    /// What a filter finds below a base. Neither aliases nor referrals are followed.
    pub(super) async fn search(
        &mut self,
        (base, scope): (&str, Scope),
        filter: &str,
        wanted: Vec<String>,
        limit: Limit,
    ) -> Result<Vec<SearchEntry>, DirectoryAway> {
        let most = if limit == Limit::One { 2 } else { 0 };
        self.ldap.with_search_options(SearchOptions::new().deref(DerefAliases::Never).sizelimit(most));
        let found = self.ldap.search(base, scope, filter, wanted).await;
        let found = found.map_err(|error| away("it broke off", &error))?;
        match found.1.rc {
            SUCCESS => Ok(found.0.into_iter().map(SearchEntry::construct).collect()),
            // There are more than are of use.
            SIZE_LIMIT_EXCEEDED if limit == Limit::One => Ok(Vec::new()),
            _ => Err(refusal("a search", &found.1)),
        }
    }

    /// Says goodbye; whoever does not hear it loses nothing.
    pub(super) async fn close(mut self) {
        drop(self.ldap.unbind().await);
    }
}

fn away(what: &str, error: &LdapError) -> DirectoryAway {
    DirectoryAway(format!("{what}: {error}"))
}

fn refusal(what: &str, result: &LdapResult) -> DirectoryAway {
    DirectoryAway(format!("it refused {what} with result code {}: {}", result.rc, result.text))
}
