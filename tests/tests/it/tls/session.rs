//! A certificate for the loopback, and a connection of a client that trusts it and nothing else.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use licentia_tests::TestServer;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use serde_json::Value;
use tempfile::TempDir;

/// A certificate that vouches for itself, in files. Made anew for each test: none is committed.
pub(crate) struct Authority {
    folder: TempDir,
    certificate: CertificateDer<'static>,
}

/// The texts of a pair.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
    der: CertificateDer<'static>,
}

impl Pair {
    pub(crate) fn make() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        Self {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
            der: made.cert.der().clone(),
        }
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        let pair = Pair::make();
        let folder = tempfile::tempdir().unwrap();
        let mut authority = Self { folder, certificate: pair.der.clone() };
        authority.replace(&pair);
        authority
    }

    /// The same files with another pair, which is trusted from now on.
    pub(crate) fn replace(&mut self, pair: &Pair) {
        fs::write(self.certificate_file(), &pair.certificate).unwrap();
        fs::write(self.key_file(), &pair.key).unwrap();
        self.certificate = pair.der.clone();
    }

    pub(crate) fn certificate_file(&self) -> PathBuf {
        self.folder.path().join("tls.crt")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("tls.key")
    }

    /// The files, as they are configured.
    pub(crate) fn settings(&self) -> (String, String) {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        (text(self.certificate_file()), text(self.key_file()))
    }
}

/// An answer, as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Value,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default()
    }
}

/// A connection that stays open.
pub(crate) struct Session(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Session {
    pub(crate) fn open(server: &TestServer, authority: &Authority) -> Self {
        Self::open_with(server, authority, &rustls::version::TLS13)
    }

    pub(crate) fn open_with(
        server: &TestServer,
        authority: &Authority,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        Self::at(server.address, authority, version)
    }

    /// With the handshake made.
    pub(crate) fn at(
        address: SocketAddr,
        authority: &Authority,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        Self::try_at(address, authority, version).unwrap()
    }

    pub(crate) fn try_at(
        address: SocketAddr,
        authority: &Authority,
        version: &'static SupportedProtocolVersion,
    ) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        let name = ServerName::IpAddress(address.ip().into());
        let mut tls = ClientConnection::new(config, name).unwrap();
        let mut stream = TcpStream::connect(address)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        Ok(Self(BufReader::new(StreamOwned::new(tls, stream))))
    }

    pub(crate) fn version(&self) -> String {
        format!("{:?}", self.0.get_ref().conn.protocol_version().unwrap())
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.ask(&format!(
            "POST /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn ask(&mut self, request: &str) -> Answer {
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        self.0.get_mut().flush().unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "the connection was closed: {head}");
        }
        let mut answer = Answer { status: head[9..12].parse().unwrap(), head, body: Value::Null };
        let mut body = vec![0; answer.header("content-length").parse().unwrap_or(0)];
        self.0.read_exact(&mut body).unwrap();
        answer.body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        answer
    }
}
