//! What a signed token costs beside the bare RS256 signature of the same bytes.
//!
//! Ends with one line, `signing/bare ratio: …`, and fails above the target. Works under `cargo bench` only: run as a
//! test it does nothing.
#![expect(clippy::print_stdout, reason = "the ratio is this program's answer")]

use std::{
    error::Error,
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use criterion::Criterion;
use licentia_crypto::{
    jws::{PreparedHeader, Signer},
    rsa_keys::{KeyPair, RsaKeyBits},
};
use serde_json::{Value, json};

const TARGET: f64 = 1.15;
const BLOCKS: usize = 61;
const BLOCK_SIGNATURES: u32 = 50;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let contest = Contest::prepare()?;

    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    criterion.bench_function("bare RS256 signature", |bencher| {
        bencher.iter(|| contest.bare());
    });
    criterion.bench_function("Signer::sign", |bencher| {
        bencher.iter(|| contest.token());
    });
    criterion.final_summary();

    let ratio = contest.ratio();
    println!("signing/bare ratio: {ratio:.3} (target <= {TARGET})");
    Ok(if ratio <= TARGET { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One key, one message, two ways to sign it.
struct Contest {
    bare: RsaKeyPair,
    message: String,
    signer: Signer,
    header: PreparedHeader,
    claims: Value,
}

impl Contest {
    fn prepare() -> Result<Self, Box<dyn Error>> {
        let key_pair = KeyPair::generate(RsaKeyBits::Rsa2048)?;
        let bare = RsaKeyPair::from_pkcs8(&key_pair.to_pkcs8()?)?;
        let kid = key_pair.public().thumbprint();
        let signer = Signer::new(key_pair, kid);
        let (header, claims) = (signer.prepare("JWT"), claims());
        let token = signer.sign(&header, &claims)?;
        let (message, _) = token.rsplit_once('.').ok_or("a token has dots")?;
        Ok(Self { bare, message: message.to_owned(), signer, header, claims })
    }

    fn bare(&self) -> bool {
        let mut signature = [0; 256];
        let message = black_box(&self.message).as_bytes();
        black_box(self.bare.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)).is_ok()
    }

    fn token(&self) -> bool {
        black_box(self.signer.sign(&self.header, black_box(&self.claims))).is_ok()
    }

    /// Times the two in turns, so that a slower or faster moment of the machine meets both; medians of the blocks.
    fn ratio(&self) -> f64 {
        let (mut bare, mut token) = (Vec::new(), Vec::new());
        for _ in 0..BLOCKS {
            bare.push(time_block(|| self.bare()));
            token.push(time_block(|| self.token()));
        }
        median(token).div_duration_f64(median(bare))
    }
}

fn time_block(sign: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    let signed = (0..BLOCK_SIGNATURES).all(|_| sign());
    assert!(signed, "every signature succeeds");
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The claims of an ordinary licence token, about 1.2 KB of JSON.
fn claims() -> Value {
    json!({
        "iss": "https://licences.example.com",
        "sub": "cus_01kajh2v8xf6q9s0m4w7z3c5bd",
        "aud": "example-product",
        "iat": 1_795_000_000, "nbf": 1_795_000_000, "exp": 1_795_172_860,
        "jti": "act_01kajh2v8xf6q9s0m4w7z3c5be.3.1204",
        "license_id": "lic_01kajh2v8xf6q9s0m4w7z3c5bf",
        "activation_id": "act_01kajh2v8xf6q9s0m4w7z3c5be",
        "license_exp": 1_826_000_000,
        "updates_until": 1_826_000_000,
        "tier": "enterprise",
        "tiers": ["enterprise", "professional", "standard"],
        "features": [
            "api-access", "audit-log", "batch-export", "cloud-sync", "custom-branding", "directory-sync", "offline-mode",
            "priority-support", "reports", "scheduling", "single-sign-on", "templates", "webhooks", "workflow-editor",
        ],
        "feature_values": {"max-projects": 250, "storage-gb": 512, "support-level": "gold"},
        "max_users": 50, "max_tenants": 5, "max_activations": 25,
        "heartbeat_required": true, "heartbeat_interval": 86_400,
        "refresh_after": 1_795_086_460, "stale_until": 1_795_604_860,
        "enforcement": "degrade", "degrade_to_tier": "standard",
        "environment": "production", "product_version": "4.12.0",
        "fingerprint": "3pJf0oYk9mQ2vXz7tR5bN8cWd1sLh6gUeK4aTiYwPqE",
        "status": {"status_list": {"idx": 73_112, "uri": "https://licences.example.com/status-lists/4"}},
        "cnf": {"jkt": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
    })
}
