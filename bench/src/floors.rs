//! What can be had at most on this machine over HTTP: a server that only signs, and one of static bytes. Both are this
//! same binary, started again as a child, with as many workers as Licentia's server has.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use actix_web::web::{self, Bytes, Data, Path as InPath};
use actix_web::{App, HttpResponse, HttpServer};
use anyhow::Context as _;
use licentia_crypto::jws::{PreparedHeader, Signer};
use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use serde_json::{Value, json};

use crate::http::{Answer, Connection, Request};
use crate::load::{Target, Visitor};
use crate::process::{Process, free_address};
use crate::scenarios::{Document, Get};
use crate::signature::Verifier;

const PATIENCE: Duration = Duration::from_secs(20);
const CLAIMS: &str = "claims.json";
const KEYS: &str = "/keys";

/// Arguments of the child.
#[derive(Debug, clap::Args)]
pub(crate) struct FloorArgs {
    /// Where to listen.
    address: SocketAddr,
    /// Holds the claims to sign, and the bytes to serve.
    folder: PathBuf,
}

/// What the child serves.
struct Served {
    signer: Signer,
    header: PreparedHeader,
    claims: Value,
    jwks: Value,
    documents: Vec<(&'static str, Bytes)>,
}

/// Serves until it is killed.
pub(crate) fn serve(arguments: &FloorArgs) -> anyhow::Result<()> {
    let prepared = Data::new(Served::prepare(&arguments.folder)?);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(prepared.clone())
            .route("/sign", web::post().to(sign))
            .route("/static/{name}", web::get().to(document))
            .route(KEYS, web::get().to(keys))
    });
    let server = server.bind(arguments.address)?.run();
    Ok(actix_web::rt::System::new().block_on(server)?)
}

impl Served {
    fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let pair = KeyPair::generate(RsaKeyBits::Rsa2048)?;
        let public = pair.public();
        let signer = Signer::new(pair, public.thumbprint());
        let jwks =
            json!({"keys": [{"kid": signer.kid(), "n": public.n_base64url(), "e": public.e_base64url()}]});
        let read =
            |document: Document| Ok((document.name(), Bytes::from(fs::read(folder.join(document.name()))?)));
        Ok(Self {
            header: signer.prepare("JWT"),
            claims: serde_json::from_slice(&fs::read(folder.join(CLAIMS))?)?,
            documents: Document::ALL.into_iter().map(read).collect::<anyhow::Result<_>>()?,
            signer,
            jwks,
        })
    }
}

/// Takes what a machine sends, and gives a token: nothing is looked at.
async fn sign(served: Data<Served>, _sent: Bytes) -> HttpResponse {
    match served.signer.sign(&served.header, &served.claims) {
        Ok(token) => HttpResponse::Ok().json(json!({"token": token})),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

async fn document(served: Data<Served>, name: InPath<String>) -> HttpResponse {
    match served.documents.iter().find(|(known, _)| *known == name.as_str()) {
        Some((_, bytes)) => HttpResponse::Ok().content_type("application/json").body(bytes.clone()),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn keys(served: Data<Served>) -> HttpResponse {
    HttpResponse::Ok().json(&served.jwks)
}

/// The child, running.
pub(crate) struct Floor {
    process: Process,
    address: SocketAddr,
    jwks: Vec<u8>,
    /// What is sent where a machine would send its heartbeat.
    body: String,
}

impl Floor {
    /// Signs claims like these, and serves these bytes.
    pub(crate) async fn start(
        folder: &Path,
        (claims, body): (&Value, String),
        documents: &[(Document, Vec<u8>)],
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join(CLAIMS), claims.to_string())?;
        for (document, bytes) in documents {
            fs::write(folder.join(document.name()), bytes)?;
        }
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("floor").arg(address.to_string()).arg(folder);
        let mut process = Process::spawn(&mut command, folder.join("floor.log"))?;
        process.until_ready(address, KEYS, PATIENCE).await.context("the floor")?;
        let jwks = Connection::open(address).await?.get(KEYS).await?;
        Ok(Self { process, address, jwks, body })
    }

    pub(crate) const fn target(&self) -> Target<'_> {
        Target { address: self.address, process: &self.process, postgres: None }
    }

    /// For the server of static bytes.
    pub(crate) fn reading(document: Document, connections: u32) -> Vec<Box<dyn Visitor>> {
        let path = format!("/static/{}", document.name());
        (0..connections).map(|_| -> Box<dyn Visitor> { Box::new(Get::of(&path, "")) }).collect()
    }

    /// For the server that only signs.
    pub(crate) fn signing(&self, connections: u32) -> anyhow::Result<Vec<Box<dyn Visitor>>> {
        let visitor = |_| -> anyhow::Result<Box<dyn Visitor>> {
            Ok(Box::new(Signing { body: self.body.clone(), verifier: Verifier::of(&self.jwks)? }))
        };
        (0..connections).map(visitor).collect()
    }
}

struct Signing {
    body: String,
    verifier: Verifier,
}

#[derive(serde::Deserialize)]
struct Signed<'a> {
    token: &'a str,
}

impl Visitor for Signing {
    fn ask(&mut self, request: &mut Request) -> bool {
        request.post("/sign", &self.body);
        true
    }

    fn check(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        answer.expect(200)?;
        let signed: Signed<'_> = serde_json::from_slice(answer.body)?;
        self.verifier.verify(signed.token)
    }
}
