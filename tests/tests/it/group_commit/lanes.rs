//! What was committed together is signed together where the processor has lanes, and is what it would be without.

use std::path::{Path, PathBuf};
use std::process::Command;

use licentia_domain::context::{MultiBuffer, MultiBufferError};
use licentia_domain::lanes::{self, Counts};
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, claims};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{MACHINES, beat_together, begin_on};
use crate::metrics::sample;

/// Machines of a batch beside the one that goes first.
const TOGETHER: u64 = 29;

/// With the library itself, on a processor that it is made for; scripts/test.sh says when they are not there.
mod multi_buffer_library {
    use licentia_tests::on_both;

    use super::*;

    on_both![
        a_batch_is_signed_in_lanes,
        machines_that_come_together_are_signed_in_lanes,
        consumers_keys_and_revoked_machines_are_served_as_without,
        keys_of_another_size_and_those_that_take_over_sign_in_lanes,
        wrong_signatures_never_leave,
    ];
}

/// Without the library.
mod missing {
    use licentia_tests::on_both;

    use super::*;

    on_both![a_library_that_cannot_be_used_leaves_a_working_server];
}

/// The library of scripts/test.sh, else the system's own.
fn library() -> String {
    std::env::var("LICENTIA_TEST_MULTI_BUFFER").unwrap_or_else(|_| "libcrypto_mb.so.11".to_owned())
}

async fn with_library(backend: Backend, library: &str, more: &[(&str, &str)]) -> TestServer {
    let settings = [("SIGNING__MULTI_BUFFER", "require"), ("SIGNING__MULTI_BUFFER_LIBRARY", library)];
    TestServer::start_with(backend, &[&settings, more].concat()).await
}

/// Each answer holds its own machine's token, which the published keys verify.
async fn expect_tokens(server: &TestServer, machines: &[Machine], replies: Vec<Reply>) {
    assert_eq!(machines.len(), replies.len());
    for (machine, reply) in machines.iter().zip(replies) {
        let token = reply.expect(200)["token"].as_str().unwrap().to_owned();
        assert_eq!(claims(&token)["activation_id"], machine.activation.as_str());
        expect_valid(server, &token).await;
    }
}

async fn expect_valid(server: &TestServer, token: &str) {
    let answer = server.post("/license-keys/validate", json!({"token": token})).await.expect(200);
    assert_eq!(answer["code"], "VALID", "{answer}");
}

async fn signer(server: &TestServer) -> Value {
    server.get("/health/ready").await.expect(200)
}

async fn a_batch_is_signed_in_lanes(backend: Backend) {
    let server = with_library(backend, &library(), &[]).await;
    assert_eq!(signer(&server).await, json!({"status": "ok", "signer": "multi_buffer"}));
    let (_, machines) = begin_on(&server).await;
    let before = lanes::counts(&server.context);
    let (replies, _) = beat_together(&server, &machines).await;
    expect_tokens(&server, &machines, replies).await;
    let after = lanes::counts(&server.context);
    // 8, 8, 8 and 5; the one that went first was alone.
    assert_eq!((after.filled - before.filled, after.calls - before.calls), (TOGETHER, 4));
    assert_eq!(after.faults, 0);
    assert_eq!(sample(&server, "licentia_lanes_filled_total").await, after.filled.to_string());
    assert_eq!(sample(&server, "licentia_signer_info{name=\"multi_buffer\"}").await, "1");
}

async fn machines_that_come_together_are_signed_in_lanes(backend: Backend) {
    let server = with_library(backend, &library(), &[]).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"maxActivations": null})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let mut activated = 0;
    // How many come within one batch is up to the scheduler; sooner or later five do.
    while lanes::counts(&server.context).filled == 0 {
        let come = (0..64).map(|n| {
            let server = &server;
            let fingerprint = format!("fp-{activated}-{n}");
            async move { Machine::activate(server, key, &fingerprint).await }
        });
        for machine in futures_util::future::join_all(come).await {
            assert_eq!(machine.claims()["activation_id"], machine.activation.as_str());
            expect_valid(&server, &machine.token).await;
        }
        activated += 1;
        assert!(activated < 50, "five machines never came within one batch");
    }
}

async fn consumers_keys_and_revoked_machines_are_served_as_without(backend: Backend) {
    let server = with_library(backend, &library(), &[]).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"maxActivations": null})).await;
    let key = issued["licenseKey"].as_str().unwrap();
    let consumer =
        licentia_crypto::rsa_keys::KeyPair::generate(licentia_crypto::rsa_keys::RsaKeyBits::Rsa2048);
    let pem = consumer.unwrap().public().to_spki_pem();
    let mut machines = Vec::new();
    for n in 0..MACHINES {
        let more = if n % 3 == 1 { json!({"consumerKey": pem}) } else { json!({}) };
        machines.push(Machine::activate_with(&server, key, &format!("fp-{n}"), more).await);
    }
    for machine in machines.iter().skip(2).step_by(3) {
        let path = format!("/license-activations/{}/revoke", machine.activation);
        server.admin_post(&path, json!({"reason": "other"})).await.expect(200);
    }
    let (replies, _) = beat_together(&server, &machines).await;
    for (n, reply) in replies.into_iter().enumerate() {
        let answer = reply.expect(200);
        let seen = (answer["tokenType"].as_str(), answer["token"].is_string());
        let expected = match n % 3 {
            0 => (Some("JWT"), true),
            1 => (Some("JWE"), true),
            _ => (None, false),
        };
        assert_eq!(seen, expected, "{answer}");
    }
    assert!(lanes::counts(&server.context).filled > 0);
}

async fn keys_of_another_size_and_those_that_take_over_sign_in_lanes(backend: Backend) {
    let server = with_library(backend, &library(), &[("SIGNING_KEYS__BITS", "3072")]).await;
    let (_, mut machines) = begin_on(&server).await;
    // The first rotation lets the key that waited (of 2048 bits) sign, the second the one that was made by the first.
    for bits in [2048, 3072] {
        server.admin_post("/signing-keys/rotate", json!({})).await.expect(200);
        server.clock.advance(3_600);
        server.run_jobs().await;
        for machine in &mut machines {
            machine.beat(&server).await;
        }
        let before = lanes::counts(&server.context).filled;
        let (replies, _) = beat_together(&server, &machines).await;
        for (machine, reply) in machines.iter_mut().zip(&replies) {
            reply.body["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
            let signature = reply.body["token"].as_str().unwrap().rsplit('.').next().unwrap();
            assert_eq!(signature.len(), (bits / 8_usize * 4).div_ceil(3));
        }
        expect_tokens(&server, &machines, replies).await;
        assert_eq!(lanes::counts(&server.context).filled - before, TOGETHER);
    }
}

/// A library that works at the start and goes wrong later.
async fn wrong_signatures_never_leave(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    // At the start it signs the known answer, and once with each of the two keys for tokens.
    let spoiled =
        double(&folder, &[&format!("-DREAL=\"{}\"", library()), "-DWRONG_AFTER=3", "-DWRONG_LANE=2"]);
    let server = with_library(backend, spoiled.to_str().unwrap(), &[]).await;
    let (_, mut machines) = begin_on(&server).await;
    let mut faults = 0;
    while faults < 8 {
        assert_eq!(signer(&server).await, json!({"status": "ok", "signer": "multi_buffer"}));
        let (replies, _) = beat_together(&server, &machines).await;
        for (machine, reply) in machines.iter_mut().zip(&replies) {
            reply.body["nonce"].as_str().unwrap().clone_into(&mut machine.nonce);
        }
        expect_tokens(&server, &machines, replies).await;
        let now = lanes::counts(&server.context).faults;
        assert!(now > faults, "nothing was wrong");
        faults = now;
    }
    // Enough of it.
    assert_eq!(signer(&server).await, json!({"status": "degraded", "signer": "aws_lc"}));
    let before = lanes::counts(&server.context);
    let (replies, _) = beat_together(&server, &machines).await;
    expect_tokens(&server, &machines, replies).await;
    assert_eq!(lanes::counts(&server.context), before);
}

async fn a_library_that_cannot_be_used_leaves_a_working_server(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let another = double(&folder, &["-DMAJOR=2"]);
    let no_library = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    for path in [Path::new("/nowhere/libcrypto_mb.so.11"), &no_library, &another] {
        let settings =
            [("SIGNING__MULTI_BUFFER", "auto"), ("SIGNING__MULTI_BUFFER_LIBRARY", path.to_str().unwrap())];
        let server = TestServer::start_with(backend, &settings).await;
        assert_eq!(signer(&server).await, json!({"status": "ok", "signer": "aws_lc"}));
        let (_, machines) = begin_on(&server).await;
        let (replies, _) = beat_together(&server, &machines).await;
        expect_tokens(&server, &machines, replies).await;
        assert_eq!(lanes::counts(&server.context), Counts::default());
    }
}

/// Each is told apart: what is not there, what is of another version, what gives wrong answers at the start.
#[test]
fn multi_buffer_library_is_refused_for_its_own_reason() {
    let folder = tempfile::tempdir().unwrap();
    let real = format!("-DREAL=\"{}\"", library());
    let refused = |definitions: &[&str]| MultiBuffer::load(Some(&double(&folder, definitions))).unwrap_err();
    assert_eq!(refused(&["-DMAJOR=2"]), MultiBufferError::Version("2.0.14".to_owned()));
    assert_eq!(refused(&["-DMAJOR=1"]).to_string().split(':').next(), Some("libcrypto_mb cannot be loaded"));
    assert_eq!(refused(&[&real, "-DWRONG_AFTER=0", "-DWRONG_LANE=7"]), MultiBufferError::Wrong);
}

/// Compiles `tests/doubles/crypto_mb.c`.
fn double(folder: &TempDir, definitions: &[&str]) -> PathBuf {
    // One file for each: a library that is loaded stays what it is.
    let made = folder.path().join(format!("libcrypto_mb-{}.so.11", definitions.len()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("doubles/crypto_mb.c");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let status = Command::new(compiler)
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&made)
        .args(definitions)
        .arg(source)
        .arg("-ldl")
        .status()
        .unwrap();
    assert!(status.success(), "the double was not compiled");
    made
}
