use aws_lc_rs::{
    cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey},
    rsa::{OaepPrivateDecryptingKey, PrivateDecryptingKey},
    signature::{KeyPair as _, RsaKeyPair},
};
use serde_json::{Value, json};

use super::*;
use crate::rsa_keys::fixtures;

fn jwk() -> Value {
    let key = fixtures::key_pair().public();
    json!({"kty": "RSA", "n": key.n_base64url(), "e": key.e_base64url()})
}

/// A JWK whose modulus has this many bits, all of them ones but the last, which is as told.
fn jwk_of(bits: usize, odd: bool, e: &[u8]) -> String {
    let mut n = vec![0xff; bits.div_ceil(8)];
    n[0] >>= n.len() * 8 - bits;
    *n.last_mut().unwrap() -= u8::from(!odd);
    json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e)}).to_string()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", STANDARD.encode(der))
}

fn pkcs1() -> Vec<u8> {
    RsaKeyPair::from_pkcs8(fixtures::pkcs8()).unwrap().public_key().as_ref().to_vec()
}

fn error(text: &str) -> ConsumerKeyError {
    ConsumerKey::parse(text).unwrap_err()
}

/// Undoes `encrypt` by the letter of RFC 7516 §5.2, with the other half of the library.
fn decrypt(algorithm: ConsumerKeyAlgorithm, token: &str) -> Option<String> {
    let parts: Vec<_> = token.split('.').collect();
    let [header, encrypted_key, iv, ciphertext, tag] = parts[..] else {
        return None;
    };
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();

    let private = PrivateDecryptingKey::from_pkcs8(fixtures::pkcs8()).unwrap();
    let mut buffer = [0; MAX_ENCRYPTED_KEY];
    let content_key = OaepPrivateDecryptingKey::new(private)
        .unwrap()
        .decrypt(algorithm.oaep(), &bytes(encrypted_key)?, &mut buffer, None)
        .ok()?;
    let (mac_key, encryption_key) = content_key.split_at_checked(32)?;

    let (iv, mut ciphertext) = (bytes(iv)?.try_into().ok()?, bytes(ciphertext)?);
    if content_encryption::tag(mac_key, header.as_bytes(), &iv, &ciphertext).ok()?[..] != bytes(tag)? {
        return None;
    }
    let cipher =
        PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, encryption_key).ok()?).ok()?;
    let plaintext = cipher.decrypt(&mut ciphertext, DecryptionContext::Iv128(iv.into())).ok()?;
    String::from_utf8(plaintext.to_vec()).ok()
}

#[test]
fn pem_pkcs1_and_jwk_give_the_same_key() {
    let public = fixtures::key_pair().public();
    let spki = public.to_spki_pem();
    let texts = [
        spki.clone(),
        spki.replace('\n', "\r\n"),
        format!("the key:\n{}\n", pem("PUBLIC KEY", &public.to_spki_der())),
        pem("RSA PUBLIC KEY", &pkcs1()),
        jwk().to_string(),
        format!("\n {:#}\n", jwk()),
    ];
    for text in texts {
        let key = ConsumerKey::parse(&text).unwrap();
        assert_eq!(key.thumbprint(), public.thumbprint());
        assert_eq!(key.to_spki_der(), public.to_spki_der());
        assert_eq!(ConsumerKey::from_spki_der(&key.to_spki_der()).unwrap().thumbprint(), public.thumbprint());
    }
}

#[test]
fn private_keys_are_refused_as_such() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let mut jwk = jwk();
        jwk[member] = json!("AQAB");
        assert_eq!(error(&jwk.to_string()), ConsumerKeyError::Private);
    }
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        assert_eq!(error(&pem(label, fixtures::pkcs8())), ConsumerKeyError::Private);
    }
    let both = fixtures::key_pair().public().to_spki_pem() + &pem("PRIVATE KEY", fixtures::pkcs8());
    assert_eq!(error(&both), ConsumerKeyError::Private);
}

#[test]
fn use_must_be_enc_or_absent_and_other_members_are_ignored() {
    let mut jwk = jwk();
    jwk["use"] = json!("sig");
    assert_eq!(error(&jwk.to_string()), ConsumerKeyError::Use);
    jwk["use"] = json!("enc");
    jwk["kid"] = json!({"any": ["thing"]});
    assert!(ConsumerKey::parse(&jwk.to_string()).is_ok());
}

#[test]
fn size_and_exponent_have_bounds() {
    let usual: &[u8] = &[1, 0, 1];
    assert_eq!(error(&jwk_of(1024, true, usual)), ConsumerKeyError::TooSmall);
    assert_eq!(error(&jwk_of(2047, true, usual)), ConsumerKeyError::TooSmall);
    assert!(ConsumerKey::parse(&jwk_of(2048, true, usual)).is_ok());
    assert!(ConsumerKey::parse(&jwk_of(4096, true, usual)).is_ok());
    assert_eq!(error(&jwk_of(4097, true, usual)), ConsumerKeyError::TooLarge);
    assert_eq!(error(&jwk_of(8192, true, usual)), ConsumerKeyError::TooLarge);
    assert_eq!(error(&jwk_of(2048, false, usual)), ConsumerKeyError::Unreadable);

    for bad in [&[1][..], &[3], &[0xff, 0xff], &[1, 0, 0], &[1, 0, 2], &[2, 0, 0, 0, 1], &[1, 0, 0, 0, 0, 1]]
    {
        assert_eq!(error(&jwk_of(2048, true, bad)), ConsumerKeyError::Exponent, "{bad:?}");
    }
    assert!(ConsumerKey::parse(&jwk_of(2048, true, &[1, 0xff, 0xff, 0xff, 0xff])).is_ok());
}

#[test]
fn anything_else_is_unreadable_and_too_much_is_not_read() {
    let spki = fixtures::key_pair().public().to_spki_der();
    let texts = [
        String::new(),
        "{".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}).to_string(),
        json!({"kty": "RSA", "e": "AQAB"}).to_string(),
        json!({"keys": [jwk()]}).to_string(),
        jwk().to_string().replacen('{', r#"{"n":"AQAB","#, 1),
        "{\"a\":".repeat(2000),
        pem("CERTIFICATE", &spki),
        pem("RSA PUBLIC KEY", &spki),
        pem("PUBLIC KEY", &pkcs1()),
        pem("PUBLIC KEY", &spki[1..]),
        "-----BEGIN PUBLIC KEY-----".to_owned(),
    ];
    for text in texts {
        assert_eq!(error(&text), ConsumerKeyError::Unreadable, "{text}");
    }
    assert_eq!(error(&" ".repeat(MAX_INPUT + 1)), ConsumerKeyError::Oversized);
    assert_eq!(ConsumerKey::from_spki_der(&vec![0; MAX_INPUT + 1]).unwrap_err(), ConsumerKeyError::Oversized);
}

#[test]
fn the_consumer_reads_what_was_encrypted_to_it() {
    let key = ConsumerKey::parse(&jwk().to_string()).unwrap();
    for algorithm in [ConsumerKeyAlgorithm::RsaOaep, ConsumerKeyAlgorithm::RsaOaep256] {
        for length in [0, 1, 15, 16, 17, 1700] {
            let jws = "x".repeat(length);
            let token = key.encrypt(algorithm, &jws).unwrap();
            assert_eq!(decrypt(algorithm, &token), Some(jws));
        }
        let token = key.encrypt(algorithm, "a.b.c").unwrap();
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&header).unwrap(),
            json!({"alg": algorithm.as_str(), "enc": "A256CBC-HS512", "cty": "JWT", "typ": "JWT", "kid": key.thumbprint()})
        );
    }
}

#[test]
fn no_two_tokens_share_key_iv_or_ciphertext() {
    let key = ConsumerKey::parse(&jwk().to_string()).unwrap();
    let [first, second] = [(); 2].map(|()| key.encrypt(ConsumerKeyAlgorithm::RsaOaep, "a.b.c").unwrap());
    for (one, other) in first.split('.').zip(second.split('.')).skip(1) {
        assert_ne!(one, other);
    }
}

#[test]
fn every_changed_character_is_refused_by_the_reader() {
    let algorithm = ConsumerKeyAlgorithm::RsaOaep;
    let token = ConsumerKey::parse(&jwk().to_string()).unwrap().encrypt(algorithm, "a.b.c").unwrap();
    for position in (0..token.len()).filter(|position| token.as_bytes()[*position] != b'.') {
        let mut tampered = token.clone().into_bytes();
        tampered[position] = if tampered[position] == b'A' { b'B' } else { b'A' };
        assert_eq!(decrypt(algorithm, &String::from_utf8(tampered).unwrap()), None, "at {position}");
    }
}

#[test]
fn debug_shows_the_thumbprint_only() {
    let key = ConsumerKey::parse(&jwk().to_string()).unwrap();
    assert_eq!(format!("{key:?}"), format!("ConsumerKey {{ thumbprint: {:?}, .. }}", key.thumbprint()));
}
