//! The libraries, each given what a vendor's program is given: issuer URL, audience, algorithm.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::candidates::Candidate;
use super::*;

/// A stock verifier; those that decrypt first hold the consumer's private key as PEM.
pub(super) enum Library {
    Jsonwebtoken,
    Pyjwt,
    Joserfc,
    Jose,
    JoserfcDecrypting(String),
    JoseDecrypting(String),
}

/// What it says of one candidate.
#[derive(Debug, Deserialize)]
pub(super) struct Verdict {
    pub(super) name: String,
    pub(super) accepted: bool,
    #[serde(default)]
    pub(super) claims: Value,
    #[serde(default)]
    pub(super) error: String,
}

impl Library {
    /// Judges each candidate as a licence token of the shop's product, in order.
    pub(super) async fn judge(&self, scene: &Scene, tokens: &[Candidate]) -> Vec<Verdict> {
        self.judge_for(scene, &scene.shop.slug, tokens).await
    }

    /// The same for another audience.
    pub(super) async fn judge_for(
        &self,
        scene: &Scene,
        audience: &str,
        tokens: &[Candidate],
    ) -> Vec<Verdict> {
        let asked = |key| question(&scene.server.issuer, audience, tokens, key);
        let verdicts = match self {
            Self::Jsonwebtoken => jsonwebtoken(scene, audience, tokens).await,
            Self::Pyjwt => ask(python("pyjwt"), &asked(None)),
            Self::Joserfc => ask(python("joserfc"), &asked(None)),
            Self::Jose => ask(node("verify.mjs"), &asked(None)),
            Self::JoserfcDecrypting(key) => ask(python("decrypt"), &asked(Some(key))),
            Self::JoseDecrypting(key) => {
                let mut command = node("verify.mjs");
                command.arg("decrypt");
                ask(command, &asked(Some(key)))
            }
        };
        let names: Vec<&str> = verdicts.iter().map(|verdict| verdict.name.as_str()).collect();
        let expected: Vec<&str> = tokens.iter().map(|token| token.name.as_str()).collect();
        assert_eq!(names, expected, "a verdict for each candidate");
        verdicts
    }

    /// Expects that it takes none.
    pub(super) async fn refuses(&self, scene: &Scene, tokens: &[Candidate]) {
        let verdicts = self.judge(scene, tokens).await;
        let taken: Vec<&str> =
            verdicts.iter().filter(|verdict| verdict.accepted).map(|verdict| verdict.name.as_str()).collect();
        assert!(taken.is_empty(), "accepted: {taken:?}");
        assert!(!verdicts.is_empty());
    }
}

fn question(issuer: &str, audience: &str, tokens: &[Candidate], private_key: Option<&str>) -> Value {
    let tokens: Vec<Value> =
        tokens.iter().map(|token| json!({"name": token.name, "token": token.text})).collect();
    let mut question = json!({"issuer": issuer, "audience": audience, "tokens": tokens});
    if let Some(key) = private_key {
        question["privateKeyPem"] = json!(key);
    }
    question
}

fn python(mode: &str) -> Command {
    let mut command = python_script("verify.py");
    command.arg(mode);
    command
}

/// Runs one of our scripts.
pub(super) fn python_script(name: &str) -> Command {
    let mut command = Command::new(environment("LICENTIA_TEST_PYTHON"));
    command.arg(script(name));
    command
}

/// Runs one of our scripts.
pub(super) fn node(name: &str) -> Command {
    environment("LICENTIA_TEST_NODE_MODULES");
    let mut command = Command::new("node");
    command.arg(script(name));
    command
}

/// A program that talks to this machine only.
pub(super) fn without_proxy(command: &mut Command) -> &mut Command {
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1")
}

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; scripts/test.sh sets it"))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("verifiers").join(name)
}

/// Runs a verifier with the question on its standard input.
fn ask(mut command: Command, question: &Value) -> Vec<Verdict> {
    #[derive(Deserialize)]
    struct Answer {
        results: Vec<Verdict>,
    }
    let mut child = without_proxy(&mut command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Answer>(&output.stdout).unwrap().results
}

/// As docs/verify-a-token.md says: the keys once, then each token by itself.
async fn jsonwebtoken(scene: &Scene, audience: &str, tokens: &[Candidate]) -> Vec<Verdict> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let fetch = async |url: &str| http.get(url).send().await.unwrap().json::<Value>().await.unwrap();
    let discovery = fetch(&format!("{}/.well-known/openid-configuration", scene.server.issuer)).await;
    let keys = fetch(discovery["jwks_uri"].as_str().unwrap()).await;
    let keys: JwkSet = serde_json::from_value(keys).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_issuer(&[&scene.server.issuer]);
    rules.set_audience(&[audience]);
    rules.set_required_spec_claims(&["exp", "iss", "aud"]);
    rules.validate_nbf = true;
    tokens
        .iter()
        .map(|token| match verified(&token.text, &keys, &rules) {
            Ok(claims) => Verdict { name: token.name.clone(), accepted: true, claims, error: String::new() },
            Err(error) => Verdict { name: token.name.clone(), accepted: false, claims: Value::Null, error },
        })
        .collect()
}

fn verified(token: &str, keys: &JwkSet, rules: &Validation) -> Result<Value, String> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| error.to_string())?;
    let kid = header.kid.ok_or("no kid")?;
    let key = keys.find(&kid).ok_or("unknown kid")?;
    let key = DecodingKey::from_jwk(key).map_err(|error| error.to_string())?;
    let decoded = jsonwebtoken::decode::<Value>(token, &key, rules).map_err(|error| error.to_string())?;
    Ok(decoded.claims)
}
