//! What an attacker, or an accident, makes of a token.

use std::net::TcpListener;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;

use super::candidates::{Candidate, token};
use super::*;

/// An address that no verifier may ever ask for a key.
pub(super) struct Trap(TcpListener);

impl Trap {
    pub(super) fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn url(&self) -> String {
        format!("http://{}/keys", self.0.local_addr().unwrap())
    }

    pub(super) fn expect_untouched(&self) {
        let error = self.0.accept().expect_err("a key was fetched from the token's own address");
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    }
}

/// Every forgery of the scene's token.
pub(super) async fn of(scene: &Scene, trap: &Trap) -> Vec<Candidate> {
    let mut all = tampered(&scene.machine.token);
    all.extend(without_signature(&scene.machine.token));
    all.extend(keyed_with_what_is_public(scene).await);
    all.extend(of_a_stranger(scene, trap));
    all.extend(ours_but_not_for_this(scene).await);
    for (name, text) in [
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("nonce", scene.machine.nonce.clone()),
        ("licence key", scene.key.clone()),
        ("a fourth part", format!("{}.AAAA", scene.machine.token)),
    ] {
        all.push(token(name, text));
    }
    all
}

/// One changed character at the beginning, in the middle and near the end of each part, and a part
/// that says something else.
fn tampered(good: &str) -> Vec<Candidate> {
    let parts: Vec<&str> = good.split('.').collect();
    let mut all = Vec::new();
    for (which, part) in parts.iter().enumerate() {
        // The very last character has bits that mean nothing.
        for at in [0, part.len() / 3, part.len() / 2, part.len() - 3] {
            let mut bytes = part.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            all.push(token(format!("part {which} changed at {at}"), replaced(&parts, which, &changed)));
        }
        all.push(token(format!("part {which} cut"), replaced(&parts, which, &part[..part.len() - 4])));
        all.push(token(format!("part {which} gone"), replaced(&parts, which, "")));
    }
    let mut longer = claims(good);
    longer["exp"] = json!(longer["exp"].as_i64().unwrap() + 1);
    let mut richer = claims(good);
    richer["features"] = json!(["api", "edit", "export", "rooms"]);
    for (name, said) in [("longer", longer), ("richer", richer)] {
        all.push(token(name, replaced(&parts, 1, &encoded(said.to_string()))));
    }
    let mut other_typ = header(good);
    other_typ["typ"] = json!("license+jwt");
    all.push(token("another typ", replaced(&parts, 0, &encoded(other_typ.to_string()))));
    all
}

/// `alg: none` in three spellings, and signatures that are none.
fn without_signature(good: &str) -> Vec<Candidate> {
    let parts: Vec<&str> = good.split('.').collect();
    let mut all = vec![
        token("empty signature", format!("{}.{}.", parts[0], parts[1])),
        token("no signature", format!("{}.{}", parts[0], parts[1])),
        token("zero signature", replaced(&parts, 2, &encoded([0; 256]))),
        token("one as signature", {
            let mut one = [0; 256];
            one[255] = 1;
            replaced(&parts, 2, &encoded(one))
        }),
    ];
    for alg in ["none", "None", "nOnE"] {
        let mut said = header(good);
        said["alg"] = json!(alg);
        let said = encoded(said.to_string());
        all.push(token(format!("{alg}, empty signature"), format!("{said}.{}.", parts[1])));
        all.push(token(format!("{alg}, good signature"), replaced(&parts, 0, &said)));
    }
    let kid = header(good)["kid"].clone();
    for second in ["none", "HS256", "RS256"] {
        for said in [
            format!(r#"{{"alg":"RS256","typ":"JWT","kid":{kid},"alg":"{second}"}}"#),
            format!(r#"{{"alg":"{second}","alg":"RS256","typ":"JWT","kid":{kid}}}"#),
        ] {
            let said = encoded(said);
            all.push(token(format!("RS256 and {second}, empty signature"), format!("{said}.{}.", parts[1])));
            all.push(token(format!("RS256 and {second}, good signature"), replaced(&parts, 0, &said)));
        }
    }
    all
}

/// HS256 with what everybody can read as its key.
async fn keyed_with_what_is_public(scene: &Scene) -> Vec<Candidate> {
    let kid = header(&scene.machine.token)["kid"].as_str().unwrap().to_owned();
    let pem = scene.server.get(&format!("/.well-known/keys/{kid}.pem")).await.text;
    let jwks = scene.server.get("/.well-known/jwks.json").await;
    let jwk =
        &jwks.body["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid.as_str()).unwrap().clone();
    let der = STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let secrets: Vec<(&str, Vec<u8>)> = vec![
        ("PEM", pem.clone().into_bytes()),
        ("PEM without its last newline", pem.trim_end().into()),
        ("PEM with CRLF", pem.replace('\n', "\r\n").into_bytes()),
        ("SPKI DER", der),
        ("JWKS", jwks.text.into_bytes()),
        ("JWK", jwk.to_string().into_bytes()),
        ("modulus", modulus),
        ("modulus as base64url", jwk["n"].as_str().unwrap().into()),
        ("nothing", Vec::new()),
    ];
    let mut all = Vec::new();
    for (name, secret) in secrets {
        let mut said = header(&scene.machine.token);
        said["alg"] = json!("HS256");
        let message = message(&said.to_string(), &scene.machine.claims());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
        all.push(token(format!("HS256 keyed with our {name}"), format!("{message}.{}", encoded(tag))));
        let twice = format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{kid}","alg":"HS256"}}"#);
        let message = self::message(&twice, &scene.machine.claims());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
        all.push(token(
            format!("RS256 and HS256 keyed with our {name}"),
            format!("{message}.{}", encoded(tag)),
        ));
    }
    all
}

/// Signed well, by a key that is not ours and that the token brings along or points to.
fn of_a_stranger(scene: &Scene, trap: &Trap) -> Vec<Candidate> {
    let stranger = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = KeyPair::from_pkcs8(stranger.as_der().unwrap().as_ref()).unwrap().public();
    let own_kid = public.thumbprint();
    let our_kid = header(&scene.machine.token)["kid"].as_str().unwrap().to_owned();
    let jwk = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": own_kid,
                     "n": public.n_base64url(), "e": public.e_base64url()});
    let mut all = Vec::new();
    for kid in [
        json!(own_kid),
        json!(our_kid),
        json!("unknown"),
        json!(""),
        json!("../../keys"),
        json!(7),
        Value::Null,
    ] {
        for (name, extra) in [
            ("nothing else", json!({})),
            ("jwk", json!({"jwk": jwk})),
            ("jku", json!({"jku": trap.url()})),
            ("x5u", json!({"x5u": trap.url()})),
            ("x5c", json!({"x5c": [STANDARD.encode(public.to_spki_der())]})),
            ("crit", json!({"crit": ["exp"]})),
        ] {
            let mut said = json!({"alg": "RS256", "typ": "JWT"});
            if !kid.is_null() {
                said["kid"] = kid.clone();
            }
            said.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            let message = message(&said.to_string(), &scene.machine.claims());
            let mut signature = vec![0; stranger.public_modulus_len()];
            stranger
                .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
                .unwrap();
            all.push(token(
                format!("a stranger's with kid {kid} and {name}"),
                format!("{message}.{}", encoded(signature)),
            ));
        }
    }
    all
}

/// Good signatures of ours, on what is not for this product, this issuer or this time.
async fn ours_but_not_for_this(scene: &Scene) -> Vec<Candidate> {
    let other = Shop::named(&scene.server, "acme-cloud").await;
    let issued = other.issue(&scene.server, json!({})).await;
    let machine = Machine::activate(&scene.server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    let now = scene.machine.claims()["iat"].as_i64().unwrap() + 60;
    vec![
        token("for another product", machine.token),
        token(
            "expired",
            scene.signed("JWT", json!({"iat": now - 9_000, "nbf": now - 9_000, "exp": now - 3_600})).await,
        ),
        token("not yet valid", scene.signed("JWT", json!({"nbf": now + 3_600})).await),
        token("by another issuer", scene.signed("JWT", json!({"iss": "http://127.0.0.1:1"})).await),
        token(
            "by our issuer with a slash",
            scene.signed("JWT", json!({"iss": format!("{}/", scene.server.issuer)})).await,
        ),
        token(
            "for a product whose name begins like ours",
            scene.signed("JWT", json!({"aud": "acme-desk-2"})).await,
        ),
    ]
}

fn replaced(parts: &[&str], which: usize, with: &str) -> String {
    let mut parts = parts.to_vec();
    parts[which] = with;
    parts.join(".")
}

fn message(header: &str, claims: &Value) -> String {
    format!("{}.{}", encoded(header), encoded(claims.to_string()))
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
