//! Every tampering of a token, against every endpoint that takes one: refused as a problem, never a failure, and nothing
//! is fetched.

use std::net::TcpListener;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use licentia_crypto::rsa_keys::KeyPair;
use licentia_entity::signing_key::Purpose;
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use serde_json::{Value, json};

on_both![
    what_is_unsigned_or_signed_otherwise_is_refused,
    what_brings_or_names_a_key_is_refused_and_nothing_is_fetched,
    what_stands_twice_is_refused_however_well_it_is_signed,
    what_we_sign_for_something_else_is_refused,
    what_only_looks_encrypted_is_refused_before_any_work,
    what_is_no_compact_token_is_refused,
    what_is_ours_is_not_refused,
];

/// The body that takes a token to an endpoint.
type Carried = fn(&str) -> Value;

/// Every endpoint that takes a token.
const ENDPOINTS: [(&str, Carried); 3] = [
    ("/license-keys/validate", |token| json!({"token": token})),
    ("/tokens/inspect", |token| json!({"token": token})),
    ("/lookup", |token| json!({"text": token})),
];

/// A server, a machine, and what its token is made of.
struct Scene {
    server: TestServer,
    machine: Machine,
    parts: [String; 3],
    header: Value,
    kid: String,
}

impl Scene {
    async fn open(backend: Backend) -> Self {
        let server = TestServer::start(backend).await;
        let issued = Shop::open(&server).await.issue(&server, json!({})).await;
        let machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
        let parts: Vec<String> = machine.token.split('.').map(str::to_owned).collect();
        let parts: [String; 3] = parts.try_into().unwrap();
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&parts[0]).unwrap()).unwrap();
        let kid = header["kid"].as_str().unwrap().to_owned();
        Self { server, machine, parts, header, kid }
    }

    /// Every endpoint refuses the token.
    async fn refuses(&self, name: impl std::fmt::Display, token: &str) {
        for (path, body) in ENDPOINTS {
            self.refuses_at(path, body, &name, token).await;
        }
    }

    async fn refuses_at(&self, path: &str, body: Carried, name: impl std::fmt::Display, token: &str) {
        let reply = self.server.admin_post(path, body(token)).await;
        assert_eq!(reply.status, 422, "{path}: {name}: {}", reply.text);
        assert_eq!(
            (&reply.body["code"], &reply.body["valid"]),
            (&json!("TOKEN_INVALID"), &json!(false)),
            "{name}"
        );
        let reasons = reply.body["reasons"].as_array().unwrap();
        let word = reasons[0].as_str().unwrap();
        assert!(
            reasons.len() == 1 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{name}"
        );
        assert!(token.len() < 20 || !reply.text.contains(token), "{name}: a refusal repeats no token");
    }

    /// The token with another header in front of its claims and signature, and without a signature.
    async fn refuses_header(&self, name: &str, header: &str) {
        let [_, claims, signature] = &self.parts;
        self.refuses(name, &format!("{}.{claims}.{signature}", encode(header))).await;
        self.refuses(name, &format!("{}.{claims}.", encode(header))).await;
    }

    fn header_with(&self, member: &str, value: Value) -> Value {
        let mut header = self.header.clone();
        header[member] = value;
        header
    }

    /// Signed by the server's own key, whatever the texts are.
    async fn signed(&self, header: &str, claims: &str) -> String {
        use licentia_crypto::sealing::Place;
        use sea_orm::EntityTrait;
        let row = licentia_entity::signing_key::Entity::find_by_id(self.kid.clone());
        let row = row.one(&self.server.context.db).await.unwrap().unwrap();
        let place = Place { table: "signing_key", column: "private_sealed", row: &row.kid };
        let pkcs8 = self.server.context.kek.open(place, &row.private_sealed).unwrap();
        sign(&RsaKeyPair::from_pkcs8(&pkcs8).unwrap(), header, claims)
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sign(key: &RsaKeyPair, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("{message}.{}", encode(signature))
}

async fn what_is_unsigned_or_signed_otherwise_is_refused(backend: Backend) {
    let scene = Scene::open(backend).await;
    let [header, claims, signature] = &scene.parts;
    for alg in [
        "none", "None", "NONE", "nOnE", "", " RS256", "rs256", "RS384", "RS512", "PS256", "ES256", "EdDSA",
        "HS256",
    ] {
        scene.refuses_header(alg, &scene.header_with("alg", json!(alg)).to_string()).await;
    }
    for alg in [json!(null), json!(256), json!(["RS256"]), json!({"RS256": true})] {
        scene
            .refuses_header("an algorithm that is no text", &scene.header_with("alg", alg).to_string())
            .await;
    }
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut one = vec![0; 256];
    one[255] = 1;
    for (name, forged) in [
        ("empty signature", Vec::new()),
        ("zero signature", vec![0; 256]),
        ("one as signature", one),
        ("all ones", vec![0xff; 256]),
        ("cut signature", bytes[..255].to_vec()),
        ("longer signature", [bytes.as_slice(), &[0]].concat()),
    ] {
        scene.refuses(name, &format!("{header}.{claims}.{}", encode(forged))).await;
    }
    let mut richer = scene.machine.claims();
    richer["tier"] = json!("max");
    scene.refuses("richer claims", &format!("{header}.{}.{signature}", encode(richer.to_string()))).await;

    let pem = scene.server.get(&format!("/.well-known/keys/{}.pem", scene.kid)).await.text;
    let jwks = scene.server.get("/.well-known/jwks.json").await;
    let jwk =
        jwks.body["keys"].as_array().unwrap().iter().find(|key| key["kid"] == *scene.kid).unwrap().clone();
    let der = STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    let modulus = jwk["n"].as_str().unwrap();
    let secrets: [(&str, Vec<u8>); 8] = [
        ("PEM", pem.clone().into_bytes()),
        ("PEM without its newline", pem.trim_end().into()),
        ("DER", der),
        ("JWK", jwk.to_string().into_bytes()),
        ("JWKS", jwks.text.into_bytes()),
        ("modulus", URL_SAFE_NO_PAD.decode(modulus).unwrap()),
        ("modulus as base64url", modulus.into()),
        ("nothing", Vec::new()),
    ];
    for (name, secret) in secrets {
        let said = scene.header_with("alg", json!("HS256")).to_string();
        let message = format!("{}.{claims}", encode(said));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
        scene.refuses(format!("HS256 keyed with our {name}"), &format!("{message}.{}", encode(tag))).await;
    }
}

async fn what_brings_or_names_a_key_is_refused_and_nothing_is_fetched(backend: Backend) {
    let scene = Scene::open(backend).await;
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", trap.local_addr().unwrap());
    let stranger = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = KeyPair::from_pkcs8(stranger.as_der().unwrap().as_ref()).unwrap().public();
    let own = public.thumbprint();
    let jwk = json!({"kty": "RSA", "alg": "RS256", "kid": own, "n": public.n_base64url(), "e": public.e_base64url()});
    let claims = scene.machine.claims().to_string();
    for kid in [json!(own), json!(scene.kid)] {
        for (member, value) in [
            ("jwk", jwk.clone()),
            ("jku", json!(url)),
            ("x5u", json!(url)),
            ("x5c", json!([STANDARD.encode(public.to_spki_der())])),
            ("x5t", json!("AAAA")),
            ("crit", json!(["exp"])),
            ("crit", json!(["made-up"])),
            ("crit", json!([])),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("cty", json!("JWT")),
            ("never-seen", json!(1)),
        ] {
            let mut said = scene.header.clone();
            said["kid"] = kid.clone();
            said[member] = value;
            scene
                .refuses(format!("a stranger's with {member}"), &sign(&stranger, &said.to_string(), &claims))
                .await;
            scene.refuses_header(member, &said.to_string()).await;
            // Even under our own signature: we make no such header.
            scene
                .refuses(format!("ours with {member}"), &scene.signed(&said.to_string(), &claims).await)
                .await;
        }
    }
    let b64 = scene.header_with("b64", json!(false)).to_string().replace('}', r#","crit":["b64"]}"#);
    scene.refuses_header("unencoded", &b64).await;
    scene.refuses("unencoded claims", &format!("{}.{claims}.{}", encode(&b64), scene.parts[2])).await;
    for kid in [
        json!("../../etc/passwd"),
        json!("/dev/null"),
        json!("' OR 1=1 --"),
        json!("\u{0}"),
        json!(format!("{}\u{0}", scene.kid)),
        json!("k".repeat(43)),
        json!("k".repeat(300)),
        json!("k".repeat(4096)),
        json!(url),
        json!(""),
        json!(7),
        json!(null),
        json!([scene.kid]),
        json!({"kid": scene.kid}),
        json!("ключ"),
        json!(scene.kid.to_lowercase()),
    ] {
        let said = scene.header_with("kid", kid.clone()).to_string();
        scene.refuses_header(&format!("kid {kid}"), &said).await;
        scene.refuses(format!("a stranger's kid {kid}"), &sign(&stranger, &said, &claims)).await;
    }
    let mut without = scene.header.clone();
    without.as_object_mut().unwrap().remove("kid");
    scene.refuses_header("no kid", &without.to_string()).await;
    let error = trap.accept().expect_err("a token's own address was asked");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

async fn what_stands_twice_is_refused_however_well_it_is_signed(backend: Backend) {
    let scene = Scene::open(backend).await;
    let (header, claims, kid) = (scene.header.to_string(), scene.machine.claims().to_string(), &scene.kid);
    for member in [
        r#""alg":"RS256""#.to_owned(),
        r#""alg":"none""#.to_owned(),
        r#""alg":"HS256""#.to_owned(),
        r#""typ":"JWT""#.to_owned(),
        format!(r#""kid":"{kid}""#),
        r#""kid":"other""#.to_owned(),
    ] {
        let last = header.replace('}', &format!(",{member}}}"));
        let first = header.replace('{', &format!("{{{member},"));
        for said in [last, first] {
            scene.refuses_header(&member, &said).await;
            scene.refuses(format!("signed, {member} twice"), &scene.signed(&said, &claims).await).await;
        }
    }
    for member in [
        r#""exp":9999999999"#,
        r#""iss":"http://elsewhere.test""#,
        r#""aud":"other""#,
        r#""nbf":0"#,
        r#""tier":"max""#,
    ] {
        for said in [
            claims.replacen('{', &format!("{{{member},"), 1),
            format!("{},{member}}}", &claims[..claims.len() - 1]),
        ] {
            scene.refuses(format!("signed, {member} twice"), &scene.signed(&header, &said).await).await;
        }
    }
}

async fn what_we_sign_for_something_else_is_refused(backend: Backend) {
    let scene = Scene::open(backend).await;
    let claims = scene.machine.claims();
    let kinds =
        ["activation-proof", "license-file", "grace", "revocation-list", "statuslist", "audit-checkpoint"];
    for purpose in [Purpose::Token, Purpose::Document] {
        let signer = scene.server.signer(purpose).await;
        for kind in kinds {
            let typ = format!("{kind}+jwt");
            // With a licence token's audience nobody made it.
            let forged = signer.sign(&signer.prepare(&typ), &claims).unwrap();
            scene.refuses(format!("{typ} for a product"), &forged).await;
            let mut proper = claims.clone();
            proper["aud"] = json!(format!("urn:licentia:{kind}:acme-desk"));
            let (path, body) = ENDPOINTS[0];
            let document = signer.sign(&signer.prepare(&typ), &proper).unwrap();
            scene.refuses_at(path, body, format!("{typ} as a licence token"), &document).await;
            // As a licence token's type, the audience is no product's.
            let disguised = signer.sign(&signer.prepare("JWT"), &proper).unwrap();
            scene.refuses(format!("{typ} disguised"), &disguised).await;
        }
        for typ in ["at+jwt", "jwt", "jose", "", "JWT ", "application/jwt"] {
            scene.refuses(format!("typ {typ}"), &signer.sign(&signer.prepare(typ), &claims).unwrap()).await;
        }
    }
    for purpose in [Purpose::Document, Purpose::Session] {
        let signer = scene.server.signer(purpose).await;
        for typ in ["JWT", "license+jwt", "at+jwt", "grace+jwt"] {
            scene
                .refuses(format!("{purpose:?} {typ}"), &signer.sign(&signer.prepare(typ), &claims).unwrap())
                .await;
        }
    }
    let signer = scene.server.signer(Purpose::Token).await;
    for (member, value) in [
        ("iss", json!("http://elsewhere.test")),
        ("iss", json!(format!("{}/", scene.server.issuer))),
        ("iss", json!(null)),
        ("aud", json!("other-product")),
        ("aud", json!(["acme-desk"])),
        ("exp", json!("9999999999")),
        ("exp", json!(null)),
        ("exp", json!(1e300)),
        ("nbf", json!("now")),
        ("activation_id", json!("../x")),
        ("license_id", json!(1)),
    ] {
        let mut said = claims.clone();
        said[member] = value;
        scene.refuses(format!("ours, {member}"), &signer.sign(&signer.prepare("JWT"), &said).unwrap()).await;
    }
    for text in ["[]", "null", "1", "\"text\"", "{}", "", "{", "{\"exp\":1}"] {
        scene.refuses(format!("claims {text}"), &scene.signed(&scene.header.to_string(), text).await).await;
    }
}

async fn what_only_looks_encrypted_is_refused_before_any_work(backend: Backend) {
    let scene = Scene::open(backend).await;
    let good =
        json!({"alg": "RSA-OAEP", "enc": "A256CBC-HS512", "cty": "JWT", "typ": "JWT", "kid": scene.kid});
    let body = format!("{}.{}.{}.{}", encode([0; 256]), encode([0; 16]), encode([0; 64]), encode([0; 32]));
    let with = |member: &str, value: Value| {
        let mut header = good.clone();
        header[member] = value;
        header
    };
    for header in [
        with("zip", json!("DEF")),
        json!({"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2c": 2_147_483_647, "p2s": "AAAA", "zip": "DEF"}),
        with("p2c", json!(2_147_483_647)),
        with("alg", json!("dir")),
        with("alg", json!("RSA1_5")),
        with("alg", json!("ECDH-ES")),
        with("alg", json!("A256KW")),
        with("alg", json!("none")),
        with("enc", json!("A256GCM")),
        with("enc", json!("none")),
        with("cty", json!("JWE")),
        with("epk", json!({"kty": "EC"})),
        with("jwk", json!({})),
        with("kid", json!("../x")),
        with("kid", json!(null)),
        with("crit", json!(["exp"])),
        with("apu", json!("A".repeat(300))),
        json!({}),
        json!([]),
    ] {
        scene.refuses(&header, &format!("{}.{body}", encode(header.to_string()))).await;
    }
    let header = encode(good.to_string());
    for body in [
        "....",
        "A.A.A.A",
        "x.x.x.x",
        &body.replace('.', ".="),
        &format!("{}.{}.{}.", encode([0; 256]), encode([0; 16]), encode([0; 64])),
    ] {
        scene.refuses("parts of other lengths", &format!("{header}.{body}")).await;
    }
    let huge = format!(
        "{header}.{}.{}.{}.{}",
        encode([0; 256]),
        encode([0; 16]),
        "A".repeat(17_000),
        encode([0; 32])
    );
    scene.refuses("over 16 KB", &huge).await;
}

async fn what_is_no_compact_token_is_refused(backend: Backend) {
    let scene = Scene::open(backend).await;
    let [header, claims, signature] = &scene.parts;
    let token = &scene.machine.token;
    let flattened = json!({"protected": header, "payload": claims, "signature": signature});
    let general = json!({"payload": claims, "signatures": [{"protected": header, "signature": signature}]});
    let padded = |part: &str| URL_SAFE.encode(URL_SAFE_NO_PAD.decode(part).unwrap());
    let standard = STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap());
    for (name, text) in [
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("many dots", ".".repeat(5_000)),
        ("two parts", format!("{header}.{claims}")),
        ("four parts", format!("{token}.AAAA")),
        ("a dot behind", format!("{token}.")),
        ("a dot in front", format!(".{token}")),
        ("a space in front", format!(" {token}")),
        ("a space behind", format!("{token} ")),
        ("a newline behind", format!("{token}\n")),
        ("a newline inside", format!("{header}.\n{claims}.{signature}")),
        ("a tab inside", format!("{header}.{claims}\t.{signature}")),
        ("padded header", format!("{}.{claims}.{signature}", padded(header) + "=")),
        ("padded signature", format!("{header}.{claims}.{}", padded(signature))),
        ("standard base64", format!("{header}.{claims}.{standard}")),
        ("bearer", format!("Bearer {token}")),
        ("flattened JSON", flattened.to_string()),
        ("general JSON", general.to_string()),
        ("not ASCII", "é.é.é".to_owned()),
        ("not ASCII inside", format!("{header}.{claims}ą.{signature}")),
        ("a null character", format!("{token}\u{0}")),
        ("over 16 KB", "x".repeat(17 * 1024)),
        ("claims over 16 KB", format!("{header}.{}.{signature}", "A".repeat(17 * 1024))),
        ("a header over 512 bytes", format!("{}.{claims}.{signature}", "A".repeat(513))),
        ("a deep header", format!("{}.{claims}.{signature}", encode("[".repeat(300)))),
        ("a licence key", scene.machine.key.clone()),
        ("a nonce", scene.machine.nonce.clone()),
    ] {
        for (path, body) in &ENDPOINTS[..2] {
            scene.refuses_at(path, *body, name, &text).await;
        }
        // Anything may be looked up; white space around a token was pasted by accident.
        let reply = scene.server.admin_post("/lookup", json!({"text": text})).await;
        assert!(matches!(reply.status, 200 | 422), "{name}: {}", reply.text);
        let found = reply.body["matches"].as_array().is_some_and(|matches| !matches.is_empty());
        let is_known = [token.as_str(), &scene.machine.key].contains(&text.trim());
        assert_eq!(found, is_known, "{name}: {}", reply.text);
    }
    for (path, _) in &ENDPOINTS[..2] {
        for token in [json!(null), json!(7), json!([token]), flattened.clone(), json!(true)] {
            let reply = scene.server.admin_post(path, json!({"token": token})).await;
            assert!(matches!(reply.status, 400..500), "{path}: {}", reply.text);
        }
        let reply = scene.server.admin_post(path, json!({"token": "x".repeat(70_000)})).await;
        reply.expect_problem(413, "BODY_TOO_LARGE");
    }
}

/// So that what was refused above was refused for what it is.
async fn what_is_ours_is_not_refused(backend: Backend) {
    let scene = Scene::open(backend).await;
    let again = scene.signed(&scene.header.to_string(), &scene.machine.claims().to_string()).await;
    for token in [&scene.machine.token, &again] {
        for (path, body) in ENDPOINTS {
            scene.server.admin_post(path, body(token)).await.expect(200);
        }
    }
}
