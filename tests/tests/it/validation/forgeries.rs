//! Tokens that others made, or that we made for something else: refused, never a failure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use licentia_crypto::jws::Signer;
use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_entity::signing_key::Purpose;
use licentia_tests::{Backend, Machine, Reply, TestServer, on_both};
use serde_json::{Value, json};

use super::{assert_verdict, machine, on_token};

on_both![
    a_token_without_a_good_signature_is_refused,
    a_token_that_was_seen_ends_with_its_key,
    the_algorithm_is_ours_to_choose,
    a_header_cannot_bring_its_own_key,
    keys_for_other_purposes_sign_no_licence,
    claims_of_another_kind_are_refused,
    what_is_no_token_is_refused,
];

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The three parts of a machine's token.
fn parts(machine: &Machine) -> [String; 3] {
    let parts: Vec<String> = machine.token.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

fn header(machine: &Machine) -> Value {
    let header = URL_SAFE_NO_PAD.decode(&parts(machine)[0]).unwrap();
    serde_json::from_slice(&header).unwrap()
}

#[track_caller]
fn assert_refused(reply: Reply, word: &str) {
    let problem = reply.expect_problem(422, "TOKEN_INVALID");
    assert_eq!((&problem["valid"], &problem["reasons"]), (&json!(false), &json!([word])), "{problem}");
    assert!(problem.get("licenseId").is_none());
}

async fn ask(server: &TestServer, token: &str) -> Reply {
    server.post("/license-keys/validate", json!({"token": token})).await
}

/// Refuses the token with another header in front.
async fn with_header(server: &TestServer, machine: &Machine, header: &[u8], word: &str) {
    let [_, claims, signature] = parts(machine);
    let forged = format!("{}.{claims}.{signature}", encode(header));
    assert_refused(ask(server, &forged).await, word);
}

async fn a_token_without_a_good_signature_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    // That the token itself was seen lends nothing to its copies.
    for _ in 0..2 {
        assert_verdict(&ask(&server, &machine.token).await.expect(200), "VALID", &[]);
    }
    let [header, claims, signature] = parts(&machine);
    let bytes = URL_SAFE_NO_PAD.decode(&signature).unwrap();
    let mut flipped = bytes.clone();
    flipped[100] ^= 1;
    let mut longer = bytes.clone();
    longer.push(0);
    for forged in [Vec::new(), vec![0; 256], vec![0xff; 256], flipped, longer, bytes[..255].to_vec()] {
        let token = format!("{header}.{claims}.{}", encode(forged));
        assert_refused(ask(&server, &token).await, "signature");
    }
    let mut changed = machine.claims();
    changed["tier"] = json!("max");
    let token = format!("{header}.{}.{signature}", encode(changed.to_string()));
    assert_refused(ask(&server, &token).await, "signature");
    // Another key under our key's name.
    let stranger = Signer::new(
        KeyPair::generate(RsaKeyBits::Rsa2048).unwrap(),
        server.signer(Purpose::Token).await.kid().to_owned(),
    );
    let token = stranger.sign(&stranger.prepare("JWT"), &machine.claims()).unwrap();
    assert_refused(ask(&server, &token).await, "signature");
}

async fn a_token_that_was_seen_ends_with_its_key(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    assert_verdict(&ask(&server, &machine.token).await.expect(200), "VALID", &[]);
    let kid = header(&machine)["kid"].as_str().unwrap().to_owned();
    server.admin_post(&format!("/signing-keys/{kid}/revoke"), json!({"reason": "leaked"})).await.expect(200);
    assert_refused(ask(&server, &machine.token).await, "unknown_key");
}

async fn the_algorithm_is_ours_to_choose(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    let [_, claims, _] = parts(&machine);
    for alg in
        ["none", "None", "NONE", "nOnE", "", "HS256", "RS384", "RS512", "PS256", "ES256", "EdDSA", "rs256"]
    {
        let mut forged = header(&machine);
        forged["alg"] = json!(alg);
        with_header(&server, &machine, forged.to_string().as_bytes(), "header").await;
        let unsigned = format!("{}.{claims}.", encode(forged.to_string()));
        assert_refused(ask(&server, &unsigned).await, "header");
    }
    // Our public key, as the secret of an HMAC, in every encoding.
    let kid = header(&machine)["kid"].as_str().unwrap().to_owned();
    let pem = server.get(&format!("/.well-known/keys/{kid}.pem")).await.text;
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();
    let jwks = server.get("/.well-known/jwks.json").await.text;
    for secret in [pem.clone().into_bytes(), pem.trim().as_bytes().to_vec(), der, jwks.into_bytes()] {
        let key = jsonwebtoken::EncodingKey::from_secret(&secret);
        let mut forged = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        forged.kid = Some(kid.clone());
        let token = jsonwebtoken::encode(&forged, &machine.claims(), &key).unwrap();
        assert_refused(ask(&server, &token).await, "header");
    }
}

async fn a_header_cannot_bring_its_own_key(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    let good = header(&machine);
    for (member, value) in [
        ("jwk", json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"})),
        ("jku", json!("https://example.com/jwks.json")),
        ("x5u", json!("https://example.com/cert.pem")),
        ("x5c", json!(["MII"])),
        ("crit", json!(["exp"])),
        ("crit", json!(["made-up"])),
        ("b64", json!(false)),
    ] {
        let mut forged = good.clone();
        forged[member] = value;
        with_header(&server, &machine, forged.to_string().as_bytes(), "header").await;
    }
    for (kid, word) in [
        (json!("unknown"), "unknown_key"),
        (json!("../../etc/passwd"), "unknown_key"),
        (json!("' OR 1=1 --"), "unknown_key"),
        (json!(""), "unknown_key"),
        (json!(7), "header"),
        (json!(null), "header"),
        (json!("k".repeat(4096)), "header"),
    ] {
        let mut forged = good.clone();
        forged["kid"] = kid;
        with_header(&server, &machine, forged.to_string().as_bytes(), word).await;
    }
    let kid = good["kid"].as_str().unwrap();
    for twice in [
        format!(r#"{{"alg":"RS256","alg":"none","typ":"JWT","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"none","alg":"RS256","typ":"JWT","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{kid}","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"RS256","typ":"JWT"}}{kid}"#),
        "[]".to_owned(),
        "null".to_owned(),
    ] {
        with_header(&server, &machine, twice.as_bytes(), "header").await;
    }
}

async fn keys_for_other_purposes_sign_no_licence(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    for purpose in [Purpose::Session, Purpose::Document] {
        let signer = server.signer(purpose).await;
        let token = signer.sign(&signer.prepare("JWT"), &machine.claims()).unwrap();
        assert_refused(ask(&server, &token).await, "unknown_key");
    }
    let signer = server.signer(Purpose::Token).await;
    for typ in ["license-file+jwt", "proof+jwt", "at+jwt", "jwt", ""] {
        let token = signer.sign(&signer.prepare(typ), &machine.claims()).unwrap();
        assert_refused(ask(&server, &token).await, "header");
    }
    // The same key and type are a licence token, so what was refused above was refused for that.
    for typ in ["JWT", "license+jwt"] {
        let token = signer.sign(&signer.prepare(typ), &machine.claims()).unwrap();
        assert_verdict(&on_token(&server, &token).await, "VALID", &[]);
    }
}

async fn claims_of_another_kind_are_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    let signer = server.signer(Purpose::Token).await;
    let sign = |claims: &Value| signer.sign(&signer.prepare("JWT"), claims).unwrap();
    let now = server.context.moment().now.seconds();
    for (member, value, word) in [
        ("iss", json!("http://elsewhere.test"), "issuer"),
        ("iss", json!(format!("{}/", server.issuer)), "issuer"),
        ("aud", json!("other-product"), "audience"),
        ("aud", json!(["acme-desk"]), "malformed"),
        ("exp", json!("later"), "malformed"),
        ("exp", json!(null), "malformed"),
        ("activation_id", json!("nothing"), "malformed"),
    ] {
        let mut claims = machine.claims();
        claims[member] = value;
        assert_refused(ask(&server, &sign(&claims)).await, word);
    }
    // These are ours, and were good, or will be.
    for (member, value, word) in [
        ("exp", json!(now), "expired"),
        ("exp", json!(-1), "expired"),
        ("nbf", json!(now + 1), "not_yet_valid"),
    ] {
        let mut claims = machine.claims();
        claims[member] = value;
        assert_verdict(&on_token(&server, &sign(&claims)).await, "TOKEN_INVALID", &["TOKEN_INVALID", word]);
    }
    let mut unknown = machine.claims();
    unknown["activation_id"] = json!("act_01h455vb4pex5vsknk084sn02q");
    assert_verdict(&on_token(&server, &sign(&unknown)).await, "NOT_FOUND", &["NOT_FOUND"]);
    // Claims that nobody knows are to be ignored.
    let mut newer = machine.claims();
    newer["from_the_future"] = json!({"a": [1, 2, 3]});
    assert_verdict(&on_token(&server, &sign(&newer)).await, "VALID", &[]);
    assert_refused(ask(&server, &sign(&json!([1]))).await, "malformed");
}

async fn what_is_no_token_is_refused(backend: Backend) {
    let server = TestServer::start(backend).await;
    let machine = machine(&server).await;
    let [header, claims, signature] = parts(&machine);
    let spaced = format!(" {}", machine.token);
    for (token, word) in [
        (String::new(), "malformed"),
        ("..".to_owned(), "header"),
        ("a.b".to_owned(), "malformed"),
        (format!("{header}.{claims}"), "malformed"),
        (format!("{}.{}", machine.token, signature), "malformed"),
        (spaced, "malformed"),
        (format!("{}==", machine.token), "malformed"),
        ("é.é.é".to_owned(), "malformed"),
        ("x".repeat(17 * 1024), "too_large"),
        (format!("{header}.{}.{signature}", "A".repeat(17 * 1024)), "too_large"),
        ("a.b.c.d.e".to_owned(), "malformed"),
        (
            format!(
                "{}.x.x.x.x",
                encode(r#"{"alg":"PBES2-HS512+A256KW","p2c":2147483647,"enc":"A256GCM","zip":"DEF"}"#)
            ),
            "header",
        ),
    ] {
        assert_refused(ask(&server, &token).await, word);
    }
}
