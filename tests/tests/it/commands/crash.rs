//! A server that is killed: what it answered stays so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use licentia_tests::request_id;
use reqwest::Client;
use serde_json::{Value, json};

use super::installation::Installation;

const MACHINES: usize = 8;
const ANSWERS: usize = 200;

struct Calling {
    http: Client,
    url: String,
    activation: Value,
    fingerprint: String,
    nonce: Value,
    request_id: String,
}

impl Calling {
    /// A heartbeat; none when no answer came.
    async fn beat(&self) -> Option<Value> {
        let body = json!({"activationId": self.activation, "fingerprint": self.fingerprint, "nonce": self.nonce,
                          "requestId": self.request_id});
        let url = format!("{}/api/v1/license-keys/heartbeat", self.url);
        let answer = self.http.post(url).json(&body).send().await.ok()?;
        let (status, body): (_, Value) = (answer.status(), answer.json().await.ok()?);
        assert_eq!(status, 200, "{body}");
        Some(body)
    }

    /// Calls until the server is gone; what was answered is kept, and so is the last request.
    async fn call_on(mut self, answers: Arc<AtomicUsize>) -> Self {
        while let Some(answer) = self.beat().await {
            self.nonce = answer["nonce"].clone();
            self.request_id = request_id();
            answers.fetch_add(1, Ordering::Relaxed);
        }
        self
    }
}

async fn post(http: &Client, url: &str, key: &str, body: Value) -> Value {
    let answer = http.post(url).bearer_auth(key).json(&body).send().await.unwrap();
    assert!(answer.status().is_success());
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_killed_server_forgets_no_heartbeat_that_it_answered() {
    let place = Installation::new().with("DATABASE__URL", "sqlite://killed.db?mode=rwc");
    let serving = place.serve(&[]);
    let (http, key) = (Client::builder().no_proxy().build().unwrap(), serving.admin_key().unwrap());
    let api = format!("{}/api/v1", place.url());
    let product = json!({"slug": "killed", "name": "Killed"});
    let product = post(&http, &format!("{api}/products"), &key, product).await;
    let tier = json!({"productId": product["id"], "key": "all", "name": "All", "maxActivations": null});
    let tier = post(&http, &format!("{api}/pricing-tiers"), &key, tier).await;
    let license = json!({"productId": product["id"], "tierId": tier["id"]});
    let license = post(&http, &format!("{api}/license-keys"), &key, license).await;
    let mut machines = Vec::new();
    for machine in 0..MACHINES {
        let fingerprint = format!("fp-{machine}");
        let body = json!({"licenseKey": license["licenseKey"], "fingerprint": fingerprint});
        let answer = post(&http, &format!("{api}/license-activations/activate"), &key, body).await;
        machines.push(Calling {
            http: http.clone(),
            url: place.url(),
            activation: answer["activation"]["id"].clone(),
            fingerprint,
            nonce: answer["nonce"].clone(),
            request_id: request_id(),
        });
    }

    let answers = Arc::new(AtomicUsize::new(0));
    let calling: Vec<_> =
        machines.into_iter().map(|machine| tokio::spawn(machine.call_on(Arc::clone(&answers)))).collect();
    while answers.load(Ordering::Relaxed) < ANSWERS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // SIGKILL, in the midst of it.
    drop(serving);
    let machines: Vec<Calling> = join_all(calling).await.into_iter().map(Result::unwrap).collect();

    let serving = place.serve(&[]);
    for machine in &machines {
        assert!(machine.beat().await.is_some(), "the last request may be repeated");
    }
    // A nonce that the database had lost would have been adopted, and written down.
    let log = http.get(format!("{api}/audit-events?action=activation.chain_restored")).bearer_auth(&key);
    let log: Value = log.send().await.unwrap().json().await.unwrap();
    assert_eq!(log["items"], json!([]), "{log}");
    serving.stop();
}
