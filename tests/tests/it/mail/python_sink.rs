//! A real mail server that delivers nothing (tests/mail/sink.py), and what the server under test hands to it.

mod events;
mod operators;
mod outages;
mod people;
mod templates;
mod tls;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use licentia_domain::jobs;
use licentia_tests::{Backend, TestServer};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{borrowed, settings};

/// A mail server; ended when dropped.
pub(crate) struct Sink {
    child: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub(crate) port: String,
}

/// A letter as it arrived.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Arrived {
    pub(crate) sender: String,
    pub(crate) to: Vec<String>,
    pub(crate) tls: bool,
    pub(crate) login: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Sink {
    /// One without TLS that lets everybody in.
    pub(crate) fn open() -> Self {
        Self::open_with(&json!({"tls": "none"}))
    }

    pub(crate) fn open_with(options: &Value) -> Self {
        let python = std::env::var("LICENTIA_TEST_PYTHON");
        let python = python.expect("LICENTIA_TEST_PYTHON is not set; scripts/test.sh sets it");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("mail/sink.py");
        let mut command = Command::new(python);
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (asked, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut sink = Self { child, asked, answers, port: String::new() };
        sink.port = sink.ask(options)["port"].to_string();
        sink
    }

    fn ask(&mut self, command: &Value) -> Value {
        tokio::task::block_in_place(|| {
            writeln!(self.asked, "{command}").unwrap();
            let mut answer = String::new();
            self.answers.read_line(&mut answer).unwrap();
            serde_json::from_str(&answer).expect("the sink answers")
        })
    }

    /// What it does with letters from now on; see the script.
    pub(crate) fn mode(&mut self, mode: &str) {
        self.ask(&json!({"do": "mode", "mode": mode}));
    }

    /// Waits until a letter came that is not answered.
    pub(crate) fn held(&mut self) {
        self.ask(&json!({"do": "held"}));
    }

    /// What arrived, in the order in which it did.
    pub(crate) fn letters(&mut self) -> Vec<Arrived> {
        serde_json::from_value(self.ask(&json!({"do": "list"}))["letters"].take()).unwrap()
    }

    /// How often somebody came.
    pub(crate) fn connections(&mut self) -> u64 {
        self.ask(&json!({"do": "list"}))["connections"].as_u64().unwrap()
    }

    /// A server that sends its letters here.
    pub(crate) async fn server(&self, backend: Backend) -> TestServer {
        self.server_with(backend, &[]).await
    }

    pub(crate) async fn server_with(&self, backend: Backend, more: &[(&str, &str)]) -> TestServer {
        TestServer::start_with(backend, &borrowed(&settings(&self.port, more))).await
    }

    /// Another instance of it.
    pub(crate) async fn another(&self, server: &TestServer) -> TestServer {
        server.another_with(&borrowed(&settings(&self.port, &[]))).await
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs what is due; the names of jobs that failed.
pub(crate) async fn run_due(server: &TestServer) -> Vec<&'static str> {
    jobs::run_due(&server.context).await.into_iter().map(|(job, _)| job.name()).collect()
}

/// Writes letters of what happened, and sends them.
pub(crate) async fn post(server: &TestServer) {
    server.clock.advance(1);
    server.run_jobs().await;
}

/// The outbox, oldest first.
pub(crate) async fn outbox(server: &TestServer, query: &str) -> Vec<Value> {
    let page = server.admin_get(&format!("/mails?sort=createdAt&limit=200{query}")).await.expect(200);
    page["items"].as_array().unwrap().clone()
}

/// What follows a text, up to the end of its line.
pub(crate) fn after<'a>(text: &'a str, beginning: &str) -> &'a str {
    let rest = text.split_once(beginning).unwrap_or_else(|| panic!("no {beginning} in {text}")).1;
    rest.split_whitespace().next().unwrap()
}
