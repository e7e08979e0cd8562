//! The way to the mail server: encrypted, to the one that is meant, or not at all.

use std::path::PathBuf;

use licentia_domain::jobs;
use licentia_tests::{Backend, Shop, TestServer};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Sink, outbox, post};

/// An authority, and what it issued for a name.
struct Issued {
    folder: TempDir,
}

impl Issued {
    fn to(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let issued = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(issued.file("ca.pem"), authority.pem()).unwrap();
        std::fs::write(issued.file("leaf.pem"), leaf.pem()).unwrap();
        std::fs::write(issued.file("key.pem"), key.serialize_pem()).unwrap();
        issued
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sink(&self, tls: &str, login: &Value) -> Sink {
        let options = json!({"tls": tls, "certificate": self.file("leaf.pem"), "key": self.file("key.pem"), "login": login});
        Sink::open_with(&options)
    }

    async fn server(&self, sink: &Sink, tls: &str, more: &[(&str, &str)]) -> TestServer {
        let authority = self.file("ca.pem").to_str().unwrap().to_owned();
        let settings = [&[("MAIL__SMTP__TLS", tls), ("MAIL__SMTP__CA_FILE", &authority)], more].concat();
        sink.server_with(Backend::Sqlite, &settings).await
    }
}

const LOGIN: [(&str, &str); 2] =
    [("MAIL__SMTP__USERNAME", "licences"), ("MAIL__SMTP__PASSWORD", "plum violin")];

async fn sell(server: &TestServer) {
    let shop = Shop::open(server).await;
    shop.issue(server, json!({"customer": {"email": "ada@example.com"}})).await;
}

/// Nothing was sent, and nothing is lost.
async fn waits(server: &TestServer, sink: &mut Sink) {
    sell(server).await;
    server.clock.advance(1);
    let failed = jobs::run_due(&server.context).await;
    let told: Vec<String> =
        failed.iter().map(|(job, failure)| format!("{}: {failure}", job.name())).collect();
    assert_eq!(told, ["send_mail: the mail server takes no letters"]);
    let [mail] = outbox(server, "&status=waiting").await.try_into().unwrap();
    assert_eq!(mail["attempts"], 0);
    assert!(sink.letters().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_go_by_starttls_and_by_implicit_tls_with_a_password() {
    for tls in ["starttls", "implicit"] {
        let issued = Issued::to("localhost");
        let mut sink = issued.sink(tls, &json!(["licences", "plum violin"]));
        let server = issued.server(&sink, tls, &LOGIN).await;
        sell(&server).await;
        post(&server).await;
        let letter = sink.letters().remove(0);
        assert!(letter.tls, "{tls}");
        assert_eq!(letter.login.as_deref(), Some("licences"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_somebody_else_is_not_believed() {
    for tls in ["starttls", "implicit"] {
        for (name, authority) in
            [("localhost", Issued::to("localhost")), ("elsewhere.example", Issued::to("x.example"))]
        {
            let issued = Issued::to(name);
            let mut sink = issued.sink(tls, &Value::Null);
            // Of the name that is meant, by an authority that is not believed; and the other way round.
            let believed = if name == "localhost" { &authority } else { &issued };
            let server = believed.server(&sink, tls, &[]).await;
            waits(&server, &mut sink).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_offers_no_starttls_gets_no_letter() {
    let issued = Issued::to("localhost");
    let mut sink = Sink::open();
    let server = issued.server(&sink, "starttls", &[]).await;
    waits(&server, &mut sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_no_letters_fault() {
    let issued = Issued::to("localhost");
    let mut sink = issued.sink("implicit", &json!(["licences", "another"]));
    let server = issued.server(&sink, "implicit", &LOGIN).await;
    waits(&server, &mut sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_refused_is_no_letters_fault() {
    let mut sink = Sink::open();
    let from = [("MAIL__FROM", "sender-refused@vendor.example")];
    let server = sink.server_with(Backend::Sqlite, &from).await;
    sell(&server).await;
    post(&server).await;
    let [mail] = outbox(&server, "&status=waiting").await.try_into().unwrap();
    assert!(mail["lastError"].as_str().unwrap().contains("not let in"), "{mail}");
    assert!(sink.letters().is_empty());
}
