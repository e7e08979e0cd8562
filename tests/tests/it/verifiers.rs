//! Real verifiers: stock libraries that know the issuer's URL, the audience and RS256, and nothing
//! else, take a machine's token and refuse everything that only looks like one.

mod candidates;
mod files;
mod forgeries;
mod libraries;
mod proofs;
mod rotation;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use licentia_crypto::rsa_keys::KeyPair;
use licentia_tests::{Machine, Shop, TestServer, claims};
use serde_json::{Value, json};

use candidates::Scene;
use libraries::Library;

/// Makes the tests of each library; the names say what `scripts/test.sh` must leave out where
/// Python or Node is missing.
macro_rules! each_library {
    ($($module:ident: $library:expr;)*) => {
        $(mod $module {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn takes_what_the_server_signs_for_a_machine() {
                super::takes_what_the_server_signs_for_a_machine($library).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn refuses_every_forgery() {
                super::refuses_every_forgery($library).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn refuses_every_other_document() {
                super::refuses_every_other_document($library).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn refuses_a_file_with_any_byte_changed() {
                super::files::refuses_a_file_with_any_byte_changed($library).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn refuses_a_proof_with_any_byte_changed() {
                super::proofs::refuses_a_proof_with_any_byte_changed($library).await;
            }
        })*
    };
}

each_library! {
    rust_jsonwebtoken: Library::Jsonwebtoken;
    python_pyjwt: Library::Pyjwt;
    python_joserfc: Library::Joserfc;
    node_jose: Library::Jose;
}

async fn takes_what_the_server_signs_for_a_machine(library: Library) {
    let scene = Scene::open().await;
    let tokens = scene.good().await;
    for (token, verdict) in tokens.iter().zip(library.judge(&scene, &tokens).await) {
        assert!(verdict.accepted, "{}: {}", verdict.name, verdict.error);
        assert_eq!(verdict.claims, claims(&token.text), "{}: other claims", verdict.name);
        assert_eq!(verdict.claims["aud"], scene.shop.slug);
    }
}

async fn refuses_every_forgery(library: Library) {
    let scene = Scene::open().await;
    let trap = forgeries::Trap::set();
    let forgeries = forgeries::of(&scene, &trap).await;
    library.refuses(&scene, &forgeries).await;
    trap.expect_untouched();
}

async fn refuses_every_other_document(library: Library) {
    let scene = Scene::open().await;
    let documents = scene.other_documents().await;
    library.refuses(&scene, &documents).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_joserfc_opens_encrypted_tokens() {
    opens_encrypted_tokens(Library::JoserfcDecrypting).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_jose_opens_encrypted_tokens() {
    opens_encrypted_tokens(Library::JoseDecrypting).await;
}

/// The consumer's private key never leaves the consumer: it is made here, as a vendor's program
/// would.
async fn opens_encrypted_tokens(library: fn(String) -> Library) {
    let scene = Scene::open().await;
    let (public_pem, private_pem) = consumer_key();
    let mut tokens = Vec::new();
    let mut machines = Vec::new();
    for algorithm in ["RSA-OAEP", "RSA-OAEP-256"] {
        let more = json!({"consumerKey": public_pem, "consumerKeyAlg": algorithm});
        let mut machine = Machine::activate_with(&scene.server, &scene.key, algorithm, more).await;
        let header = header(&machine.token);
        assert_eq!(
            header,
            json!({"alg": algorithm, "enc": "A256CBC-HS512", "typ": header["typ"],
                               "cty": "JWT", "kid": header["kid"]})
        );
        tokens.push(candidates::token(algorithm, &machine.token));
        machine.beat(&scene.server).await;
        tokens.push(candidates::token("after a heartbeat", &machine.token));
        machines.push(machine.activation);
    }
    let verdicts = library(private_pem).judge(&scene, &tokens).await;
    for (n, verdict) in verdicts.iter().enumerate() {
        assert!(verdict.accepted, "{}: {}", verdict.name, verdict.error);
        assert_eq!(verdict.claims["activation_id"], machines[n / 2]);
        assert_eq!(verdict.claims["features"], json!(["edit", "export", "rooms"]));
    }

    // Somebody else's key opens nothing, a spoilt token neither.
    let (_, other) = consumer_key();
    library(other).refuses(&scene, &tokens).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_stay_small_enough_for_every_verifier() {
    let scene = Scene::open().await;
    for n in 0..200 {
        let body = json!({"productId": scene.shop.product, "key": format!("m-{n:03}"),
                          "name": "Module", "kind": "entitlement"});
        scene.server.admin_post("/product-features", body).await.expect(201);
    }
    let issued = scene.shop.issue(&scene.server, json!({"tierId": scene.shop.max})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let machine = Machine::activate(&scene.server, key, "fp-large").await;
    assert_eq!(machine.claims()["features"].as_array().unwrap().len(), 204);
    for token in [&machine.token, &scene.machine.token] {
        assert!(token.len() <= 6 * 1024, "{} bytes", token.len());
        assert!(token.split('.').next().unwrap().len() <= 512);
    }
    let large = [candidates::token("204 features", &machine.token)];
    assert!(Library::Jsonwebtoken.judge(&scene, &large).await[0].accepted);
}

/// A new RSA key pair as public and private PEM.
pub(crate) fn consumer_key() -> (String, String) {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8 = pair.as_der().unwrap();
    let public = KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap().public();
    let lines: Vec<String> = STANDARD
        .encode(pkcs8.as_ref())
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect();
    let private = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    (public.to_spki_pem(), private)
}

/// The header of a compact JOSE object.
fn header(token: &str) -> Value {
    let part = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
