//! A server that is killed loses less than a second of validations, and nothing of what was reported.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, request_id};
use reqwest::Client;
use serde_json::{Value, json};

use super::{id, together};
use crate::commands::installation::{Installation, KEK};

on_both![a_crash_loses_less_than_a_second];

const CLIENTS: usize = 6;
/// How long the server is under load before it is killed.
const LOAD: Duration = Duration::from_millis(3_300);
const SECOND: Duration = Duration::from_secs(1);

struct Load {
    http: Client,
    url: String,
}

impl Load {
    /// The answer; none when the server is gone.
    async fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let sent = self.http.post(format!("{}/api/v1{path}", self.url)).json(body).send().await.ok()?;
        let (status, answer): (_, Value) = (sent.status(), sent.json().await.ok()?);
        assert_eq!(status, 200, "{answer}");
        Some(answer)
    }

    /// Asks on and on; when each answer came.
    async fn ask(&self, question: Value) -> Vec<Instant> {
        let mut answered = Vec::new();
        while self.post("/license-keys/validate", &question).await.is_some() {
            answered.push(Instant::now());
        }
        answered
    }

    /// Reports 3 with each heartbeat; the last of them had no answer.
    async fn report(&self, mut machine: Machine, answers: &AtomicU64) -> Value {
        loop {
            let mut body = machine.beat_body(Some(&request_id()));
            body["usage"] = json!({"export": 3});
            let Some(answer) = self.post("/license-keys/heartbeat", &body).await else { return body };
            answers.fetch_add(1, Ordering::Relaxed);
            answer["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
        }
    }
}

async fn a_crash_loses_less_than_a_second(backend: Backend) {
    // Of the harness's server no more than the database is used.
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({"maxActivations": CLIENTS})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let mut machines = Vec::new();
    for number in 0..CLIENTS {
        machines.push(Machine::activate(&server, key, &format!("fp-{number}")).await);
    }
    let place = Installation::new()
        .with("DATABASE__URL", server.database_url())
        .with("ENCRYPTION__KEY", KEK)
        .with("SERVER__PUBLIC_URL", &server.issuer)
        .with("LIMITS__ENABLED", "false")
        .with("LOG__FILTER", "warn");
    let serving = place.serve(&[]);
    let http = Client::builder().no_proxy().build().unwrap();
    let load = Arc::new(Load { http, url: place.url() });
    let reported = Arc::new(AtomicU64::new(0));
    let asking: Vec<_> = machines
        .iter()
        .enumerate()
        .map(|(number, machine)| {
            let question = if number % 2 == 0 {
                json!({"licenseKey": key, "fingerprint": machine.fingerprint})
            } else {
                json!({"token": machine.token, "actionType": "export"})
            };
            let load = Arc::clone(&load);
            tokio::spawn(async move { load.ask(question).await })
        })
        .collect();
    let reporting: Vec<_> = machines
        .into_iter()
        .map(|machine| {
            let (load, reported) = (Arc::clone(&load), Arc::clone(&reported));
            tokio::spawn(async move { load.report(machine, &reported).await })
        })
        .collect();
    tokio::time::sleep(LOAD).await;
    let killed = Instant::now();
    // SIGKILL, in the midst of it.
    drop(serving);
    let answered: Vec<Instant> = join_all(asking).await.into_iter().flat_map(Result::unwrap).collect();
    let unanswered: Vec<Value> = join_all(reporting).await.into_iter().map(Result::unwrap).collect();

    let number = |number: usize| u64::try_from(number).unwrap();
    let of_license = format!("licenseId={}", id(&issued));
    let before = answered.iter().filter(|at| **at + SECOND < killed).count();
    assert!(before > 100, "{before} answers are no load");
    let validated = together(&server, &format!("{of_license}&outcome=VALID")).await;
    assert!(validated >= number(before), "{validated} of {before} that were older than a second");
    // Whoever had no answer may have been counted.
    assert!(validated <= number(answered.len() + CLIENTS), "{validated} of {}", answered.len());

    let serving = place.serve(&[]);
    for body in &unanswered {
        for _ in 0..2 {
            load.post("/license-keys/heartbeat", body).await.unwrap();
        }
    }
    serving.stop();
    let heartbeats = reported.load(Ordering::Relaxed) + number(CLIENTS);
    assert!(heartbeats > 100, "{heartbeats} are no load");
    assert_eq!(together(&server, &format!("{of_license}&outcome=REPORTED")).await, 3 * heartbeats);
}
