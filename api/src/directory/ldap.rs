//! LDAP (RFC 4511): a bind of our own, a search for one address, and a bind as whoever was found. Always over TLS; a
//! directory that does not offer `StartTLS`, or shows another's certificate, is told nothing.

mod connection;

use std::sync::Arc;
use std::time::Duration;

use ldap3::{Scope, SearchEntry, ldap_escape};
use licentia_domain::directory::{DirectoryAway, DirectoryPassword, DirectoryServer, Entry, has_address};
use licentia_types::text::Email;
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::tls::{self, DirectorySetupError};
use crate::config::{LdapConfig, LdapUrl};
use connection::{Connection, Limit};

/// What a filter has in the place of the address, or of the name of whom groups are searched for.
pub(crate) const EMAIL: &str = "{email}";
pub(crate) const NAME: &str = "{dn}";
/// Attributes of entries whose names are all that is wanted (RFC 4511 §4.5.1.8).
const NONE: &str = "1.1";

/// A directory server.
pub(super) struct Ldap(Arc<Server>);

/// How it is reached and asked.
struct Server {
    url: Url,
    start_tls: bool,
    tls: Arc<ClientConfig>,
    timeout: Duration,
    bind_dn: String,
    bind_password: SecretString,
    user_base: String,
    user_filter: String,
    email_attribute: String,
    name_attribute: String,
    groups: Groups,
}

/// How it is known which groups somebody is in.
enum Groups {
    /// He says so himself, in this attribute.
    Attribute(String),
    /// They are searched for.
    Search { base: String, filter: String },
}

impl Ldap {
    pub(super) fn configured(url: &LdapUrl, config: &LdapConfig) -> Result<Self, DirectorySetupError> {
        let given = |text: &Option<String>, key| text.clone().ok_or(DirectorySetupError::Missing(key));
        let groups = match &config.group_base {
            Some(base) => Groups::Search { base: base.clone(), filter: config.group_filter.clone() },
            None => Groups::Attribute(config.group_attribute.clone()),
        };
        let bind_password = config.bind_password.clone();
        Ok(Self(Arc::new(Server {
            url: url.url().clone(),
            start_tls: config.start_tls,
            tls: tls::client(config.ca_file.as_deref())?,
            timeout: Duration::from_secs(config.timeout_seconds.get().into()),
            bind_dn: given(&config.bind_dn, "ldap.bind_dn")?,
            bind_password: bind_password.ok_or(DirectorySetupError::Missing("ldap.bind_password"))?,
            user_base: given(&config.user_base, "ldap.user_base")?,
            user_filter: config.user_filter.clone(),
            email_attribute: config.email_attribute.clone(),
            name_attribute: config.name_attribute.clone(),
            groups,
        })))
    }

    /// On a task of its own, so that an answer that cannot be read is nobody's end.
    async fn ask(
        &self,
        email: &Email,
        password: Option<DirectoryPassword>,
    ) -> Result<Option<Entry>, DirectoryAway> {
        let (server, email) = (Arc::clone(&self.0), email.clone());
        let asked = tokio::spawn(async move {
            let asked = server.ask(&email, password.as_ref());
            tokio::time::timeout(server.timeout, asked).await
        });
        let answered = asked.await.map_err(|_| DirectoryAway("its answer cannot be read".to_owned()))?;
        answered.map_err(|_| DirectoryAway("it did not answer in time".to_owned()))?
    }
}

#[async_trait::async_trait]
impl DirectoryServer for Ldap {
    async fn answers(&self, email: &Email) -> Result<(), DirectoryAway> {
        self.ask(email, None).await.map(drop)
    }

    async fn sign_in(
        &self,
        email: &Email,
        password: &DirectoryPassword,
    ) -> Result<Option<Entry>, DirectoryAway> {
        self.ask(email, Some(password.clone())).await
    }
}

impl Server {
    /// Without a password nobody is found.
    async fn ask(
        &self,
        email: &Email,
        password: Option<&DirectoryPassword>,
    ) -> Result<Option<Entry>, DirectoryAway> {
        let mut connection = Connection::open(&self.url, self.start_tls, &self.tls).await?;
        let entry = self.entry(&mut connection, email, password).await?;
        connection.close().await;
        Ok(entry)
    }

    async fn entry(
        &self,
        connection: &mut Connection,
        email: &Email,
        password: Option<&DirectoryPassword>,
    ) -> Result<Option<Entry>, DirectoryAway> {
        self.bind(connection).await?;
        let found = self.find(connection, email).await?;
        let (Some(found), Some(password)) = (found, password) else { return Ok(None) };
        let addresses = values(&found, &self.email_attribute).to_vec();
        // Without a name it would be nobody who binds.
        let is_meant = has_address(&addresses, email) && !found.dn.is_empty();
        if !is_meant || !connection.bind(&found.dn, password.expose()).await? {
            return Ok(None);
        }
        let groups = self.groups(connection, &found).await?;
        let name = values(&found, &self.name_attribute).first().cloned();
        Ok(Some(Entry { addresses, name, groups }))
    }

    /// As ourselves.
    async fn bind(&self, connection: &mut Connection) -> Result<(), DirectoryAway> {
        if connection.bind(&self.bind_dn, self.bind_password.expose_secret()).await? {
            return Ok(());
        }
        Err(DirectoryAway("it does not take ldap.bind_dn with ldap.bind_password".to_owned()))
    }

    /// Who has the address, if it is one alone.
    async fn find(
        &self,
        connection: &mut Connection,
        email: &Email,
    ) -> Result<Option<SearchEntry>, DirectoryAway> {
        let filter = self.user_filter.replace(EMAIL, &ldap_escape(email.as_str()));
        let mut wanted = vec![self.email_attribute.clone(), self.name_attribute.clone()];
        if let Groups::Attribute(attribute) = &self.groups {
            wanted.push(attribute.clone());
        }
        let found = connection.search((&self.user_base, Scope::Subtree), &filter, wanted, Limit::One).await?;
        let one: Option<[SearchEntry; 1]> = found.try_into().ok();
        Ok(one.map(|[one]| one))
    }

    /// Once he has shown that he is who he says: nobody else has them searched for.
    async fn groups(
        &self,
        connection: &mut Connection,
        found: &SearchEntry,
    ) -> Result<Vec<String>, DirectoryAway> {
        match &self.groups {
            Groups::Attribute(attribute) => Ok(values(found, attribute).to_vec()),
            Groups::Search { base, filter } => {
                self.bind(connection).await?;
                let filter = filter.replace(NAME, &ldap_escape(found.dn.as_str()));
                let wanted = vec![NONE.to_owned()];
                let groups = connection.search((base, Scope::Subtree), &filter, wanted, Limit::All).await?;
                Ok(groups.into_iter().map(|group| group.dn).collect())
            }
        }
    }
}

/// The values of an attribute, whose name is compared without capitals (RFC 4512 §2.5).
fn values<'a>(entry: &'a SearchEntry, attribute: &str) -> &'a [String] {
    let mut attributes = entry.attrs.iter();
    let found = attributes.find(|(name, _)| name.eq_ignore_ascii_case(attribute));
    found.map(|(_, values)| values.as_slice()).unwrap_or_default()
}
