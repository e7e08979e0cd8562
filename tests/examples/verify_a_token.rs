//! The Rust snippet of docs/verify-a-token.md as a program; the tests compare the two and run it.
#![expect(clippy::print_stdout, reason = "it shows what it found")]
// From here on it is the snippet, letter for letter.

use std::{collections::BTreeSet, env, error::Error};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde::Deserialize;

/// What this program reads of its token. Claims that it does not know are ignored.
#[derive(Deserialize)]
struct License {
    tier: String,
    features: BTreeSet<String>,
}

/// Fetch the keys once and keep them; fetch them again when a token names one that is not there.
async fn fetch_keys(issuer: &str) -> Result<JwkSet, reqwest::Error> {
    let answer = reqwest::get(format!("{issuer}/.well-known/jwks.json")).await?;
    answer.error_for_status()?.json().await
}

/// Needs no network.
fn verify(token: &str, keys: &JwkSet, issuer: &str, product: &str) -> Result<License, Box<dyn Error>> {
    let kid = decode_header(token)?.kid.ok_or("the token names no key")?;
    let key = keys.find(&kid).ok_or("the token names an unknown key")?;
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_issuer(&[issuer]);
    rules.set_audience(&[product]);
    rules.set_required_spec_claims(&["iss", "aud", "exp"]);
    rules.validate_nbf = true;
    Ok(decode(token, &DecodingKey::from_jwk(key)?, &rules)?.claims)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let issuer = env::var("LICENTIA_ISSUER")?;
    let keys = fetch_keys(&issuer).await?;
    let token = env::var("LICENTIA_TOKEN")?;
    let license = verify(&token, &keys, &issuer, &env::var("LICENTIA_PRODUCT")?)?;
    println!("{} {:?}", license.tier, license.features);
    if license.features.contains("export") {
        println!("may export");
    }
    Ok(())
}
