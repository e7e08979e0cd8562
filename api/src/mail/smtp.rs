//! Letters by SMTP (RFC 5321), over TLS (RFC 3207, RFC 8314).
//!
//! The dialogue is held step by step, because each refusal means something else: before the letter is named it is the
//! mail server's or the operator's fault, at the recipient it is the letter's, and after its last line a silence may be
//! a yes.

mod letters;

use std::error::Error as _;
use std::fs;
use std::time::Duration;

use lettre::Address;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailCommand, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use licentia_domain::mail::{Line, Mailer, Message, Undelivered, Unreachable};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use url::{Host, Url};

use super::MailSetupError;
use crate::config::{MailConfig, SmtpConfig, SmtpTls};

/// How long the server may take to let us in.
const REACHING: Duration = Duration::from_secs(30);
/// How long it may take to hear to whom a letter goes, and then to take it.
const NAMING: Duration = Duration::from_secs(20);
const TAKING: Duration = Duration::from_secs(40);
const LEAVING: Duration = Duration::from_secs(5);
const SILENT: &str = "the mail server did not answer in time";

/// A mail server.
pub(super) struct Smtp {
    host: String,
    port: u16,
    tls: Encryption,
    hello: ClientId,
    credentials: Option<Credentials>,
    from: Mailbox,
}

enum Encryption {
    StartTls(TlsParameters),
    Implicit(TlsParameters),
    None,
}

impl Smtp {
    pub(super) fn configured(config: &MailConfig, issuer: &str) -> Result<Self, MailSetupError> {
        let smtp = &config.smtp;
        let host = smtp.host.clone().ok_or(MailSetupError::Missing("mail.smtp.host"))?;
        let from = config.from.as_ref().ok_or(MailSetupError::Missing("mail.from"))?;
        let credentials = smtp.username.clone().zip(smtp.password.as_ref());
        Ok(Self {
            tls: encryption(smtp, &host)?,
            host,
            port: smtp.port(),
            hello: hello(issuer),
            credentials: credentials
                .map(|(name, password)| Credentials::new(name, password.expose_secret().to_owned())),
            from: from.mailbox().clone(),
        })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let implicit = match &self.tls {
            Encryption::Implicit(tls) => Some(tls.clone()),
            Encryption::StartTls(_) | Encryption::None => None,
        };
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, implicit, None).await?;
        if let Encryption::StartTls(tls) = &self.tls {
            // Whoever does not offer it gets no letter: it may be somebody on the way who took the offer out.
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
        }
        Ok(connection)
    }
}

fn encryption(smtp: &SmtpConfig, host: &str) -> Result<Encryption, MailSetupError> {
    let tls = || {
        let mut tls = TlsParameters::builder(host.to_owned());
        if let Some(path) = &smtp.ca_file {
            let key = "mail.smtp.ca_file";
            let pem = fs::read(path).map_err(|source| MailSetupError::Unreadable {
                key,
                path: path.clone(),
                source,
            })?;
            let authority =
                Certificate::from_pem(&pem).map_err(|source| MailSetupError::Tls { key, source })?;
            tls = tls.add_root_certificate(authority);
        }
        tls.build_rustls().map_err(|source| MailSetupError::Tls { key: "mail.smtp.host", source })
    };
    Ok(match smtp.tls {
        SmtpTls::StartTls => Encryption::StartTls(tls()?),
        SmtpTls::Implicit => Encryption::Implicit(tls()?),
        SmtpTls::None => Encryption::None,
    })
}

/// By which name we introduce ourselves: that of the issuer.
fn hello(issuer: &str) -> ClientId {
    match Url::parse(issuer).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => ClientId::Domain(name.to_owned()),
        Some(Host::Ipv4(address)) => ClientId::Ipv4(address),
        Some(Host::Ipv6(address)) => ClientId::Ipv6(address),
        None => ClientId::default(),
    }
}

#[async_trait::async_trait]
impl Mailer for Smtp {
    async fn reach(&self) -> Result<Box<dyn Line>, Unreachable> {
        let connected = timeout(REACHING, self.connect()).await;
        let connection = connected.map_err(|_| Unreachable(SILENT.to_owned()))?;
        let connection = connection.map_err(|error| Unreachable(told(&error)))?;
        Ok(Box::new(Open { connection, from: self.from.clone() }))
    }
}

/// A connection that was let in.
struct Open {
    connection: AsyncSmtpConnection,
    from: Mailbox,
}

#[async_trait::async_trait]
impl Line for Open {
    async fn send(&mut self, message: &Message) -> Result<(), Undelivered> {
        let to: Address = (message.to.as_str().parse())
            .map_err(|_| Undelivered::Refused("this is no address that mail goes to".to_owned()))?;
        let letter = letters::letter(&self.from, &to, message).map_err(Undelivered::Refused)?;
        let named = timeout(NAMING, self.name(to)).await;
        named.map_err(|_| Undelivered::Deferred(SILENT.to_owned()))??;
        match timeout(TAKING, self.connection.message(&letter)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => Err(Undelivered::Refused(told(&error))),
            Ok(Err(error)) if error.is_transient() => Err(Undelivered::Deferred(told(&error))),
            Ok(Err(error)) => Err(Undelivered::InDoubt(told(&error))),
            Err(_) => Err(Undelivered::InDoubt(SILENT.to_owned())),
        }
    }

    async fn close(mut self: Box<Self>) {
        // The letters are there; whoever does not say goodbye loses nothing.
        let _ = timeout(LEAVING, self.connection.quit()).await;
    }
}

impl Open {
    /// From whom, to whom; then the server waits for the letter.
    async fn name(&mut self, to: Address) -> Result<(), Undelivered> {
        let from = self.from.email.clone();
        let options = self.options(&from, &to)?;
        let deferred = |error: Error| Undelivered::Deferred(told(&error));
        // What is said of the sender is true of every letter: somebody has to mend it.
        self.connection.command(MailCommand::new(Some(from), options)).await.map_err(deferred)?;
        let refused = |error: Error| {
            if error.is_permanent() { Undelivered::Refused(told(&error)) } else { deferred(error) }
        };
        self.connection.command(Rcpt::new(to, Vec::new())).await.map_err(refused)?;
        self.connection.command(Data).await.map_err(refused)?;
        Ok(())
    }

    /// Addresses beyond ASCII go to servers only that take them (RFC 6531 §3.1).
    fn options(&self, from: &Address, to: &Address) -> Result<Vec<MailParameter>, Undelivered> {
        let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        if is_ascii(from) && is_ascii(to) {
            return Ok(Vec::new());
        }
        if self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Ok(vec![MailParameter::SmtpUtfEight]);
        }
        Err(Undelivered::Refused("the mail server takes no such address (SMTPUTF8)".to_owned()))
    }
}

/// What the server said, or why it could not be heard.
fn told(error: &Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !told.contains(&text) {
            told.push_str(": ");
            told.push_str(&text);
        }
        source = cause.source();
    }
    told
}
