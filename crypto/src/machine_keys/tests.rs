use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::*;
use crate::rsa_keys::fixtures;

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// A key of each kind: its JWK, and how it signs.
fn keys() -> Vec<(Value, Sign)> {
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let ed25519_jwk =
        json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(ed25519.public_key())});
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let (x, y) = p256.public_key().as_ref()[1..].split_at(32);
    let p256_jwk =
        json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)});
    let rsa = fixtures::key_pair();
    let rsa_jwk = json!({"kty": "RSA", "n": rsa.public().n_base64url(), "e": rsa.public().e_base64url()});
    vec![
        (ed25519_jwk, Box::new(move |message| ed25519.sign(message).as_ref().to_vec())),
        (
            p256_jwk,
            Box::new(move |message| p256.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()),
        ),
        (
            rsa_jwk,
            Box::new(move |message| {
                let mut buffer = [0; crate::rsa_keys::MAX_SIGNATURE_BYTES];
                rsa.sign_rs256(message, &mut buffer).unwrap().to_vec()
            }),
        ),
    ]
}

fn compact(header: &Value, claims: &Value, sign: &Sign) -> String {
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

#[test]
fn what_each_kind_of_key_signed_is_taken_and_nothing_that_was_changed() {
    for (jwk, sign) in keys() {
        let key = MachineKey::parse(&jwk.to_string()).unwrap();
        let claims = json!({"fingerprint": "board-1"});
        let text = compact(&json!({"alg": key.algorithm(), "typ": "x+jwt", "jwk": jwk}), &claims, &sign);
        let document = MachineDocument::parse(&text, "x+jwt").unwrap();
        assert_eq!(document.own_key().unwrap().thumbprint(), key.thumbprint());
        assert_eq!(document.claims(&key).unwrap(), claims.to_string().as_bytes());
        for at in 0..text.rfind('.').unwrap() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let taken = MachineDocument::parse(&changed, "x+jwt").is_ok_and(|it| it.claims(&key).is_ok());
            assert!(!taken, "changed at {at}");
        }
    }
}

#[test]
fn a_key_is_the_same_after_a_round_trip_and_another_one_opens_nothing() {
    for (jwk, sign) in keys() {
        let key = MachineKey::parse(&jwk.to_string()).unwrap();
        assert_eq!(MachineKey::parse(key.to_jwk()).unwrap().thumbprint(), key.thumbprint());
        let header = json!({"alg": key.algorithm(), "typ": "x+jwt", "kid": key.thumbprint()});
        let text = compact(&header, &json!({}), &sign);
        let document = MachineDocument::parse(&text, "x+jwt").unwrap();
        assert_eq!(document.key_name(), Some(key.thumbprint()));
        assert!(document.claims(&key).is_ok());
        for (other, _) in keys().into_iter().take(2) {
            let other = MachineKey::parse(&other.to_string()).unwrap();
            assert_eq!(document.claims(&other), Err(MachineDocumentError::Signature));
        }
    }
}

#[test]
fn headers_that_are_not_ours_are_refused() {
    let (jwk, sign) = keys().remove(0);
    let key = MachineKey::parse(&jwk.to_string()).unwrap();
    for header in [
        json!({"alg": "EdDSA", "typ": "y+jwt", "jwk": jwk}),
        json!({"alg": "EdDSA", "typ": "x+jwt", "jwk": jwk, "crit": ["exp"]}),
        json!({"alg": "EdDSA", "typ": "x+jwt", "jku": "http://127.0.0.1/"}),
        json!(["EdDSA", "x+jwt", jwk, null]),
        json!({"alg": "EdDSA", "typ": "x+jwt", "jwk": "text"}),
    ] {
        assert!(MachineDocument::parse(&compact(&header, &json!({}), &sign), "x+jwt").is_err(), "{header}");
    }
    for alg in ["none", "HS256", "ES256", "RS256"] {
        let text = compact(&json!({"alg": alg, "typ": "x+jwt", "jwk": jwk}), &json!({}), &sign);
        let document = MachineDocument::parse(&text, "x+jwt").unwrap();
        assert_eq!(document.claims(&key), Err(MachineDocumentError::Signature), "{alg}");
    }
    for text in ["", "a.b", "a.b.c", "....", &"a".repeat(20_000)] {
        assert!(MachineDocument::parse(text, "x+jwt").is_err());
    }
}

#[test]
fn private_weak_and_strange_keys_are_refused() {
    for (jwk, _) in keys() {
        let mut private = jwk.clone();
        private["d"] = json!("AQAB");
        assert_eq!(MachineKey::parse(&private.to_string()).unwrap_err(), MachineKeyError::Private);
    }
    for jwk in [
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}),
        json!({"kty": "OKP", "crv": "X25519", "x": URL_SAFE_NO_PAD.encode([7; 32])}),
        json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 128]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 1024]), "e": "AQAB"}),
        json!("text"),
    ] {
        assert!(MachineKey::parse(&jwk.to_string()).is_err(), "{jwk}");
    }
}

#[test]
fn the_thumbprint_is_that_of_the_standard() {
    // RFC 8037, appendix A.3.
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let key = MachineKey::parse(jwk).unwrap();
    assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}
