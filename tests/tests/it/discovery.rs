//! What anybody may know: keys, addresses, and whether the server is well.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use licentia_crypto::rsa_keys::RsaPublicKey;
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both};
use reqwest::Method;
use serde_json::json;

on_both![
    the_key_set_holds_public_parts_only,
    documents_are_cached_and_revalidated,
    browsers_of_any_origin_may_read,
    each_published_key_is_there_as_pem,
    the_configuration_tells_where_everything_is,
    stock_clients_find_the_keys,
    health_tells_whether_to_send_work,
];

const DOCUMENTS: [&str; 3] =
    ["/.well-known/jwks.json", "/.well-known/license-configuration", "/.well-known/openid-configuration"];

async fn kids(server: &TestServer) -> Vec<String> {
    let jwks = server.get(DOCUMENTS[0]).await.expect(200);
    let keys = jwks["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn the_key_set_holds_public_parts_only(backend: Backend) {
    let server = TestServer::start(backend).await;
    let jwks = server.get(DOCUMENTS[0]).await.expect(200);
    assert_eq!(jwks.as_object().unwrap().len(), 1);
    for key in jwks["keys"].as_array().unwrap() {
        let members: Vec<&String> = key.as_object().unwrap().keys().collect();
        let mut sorted = members.clone();
        sorted.sort();
        assert_eq!(sorted, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!(
            (&key["kty"], &key["alg"], &key["use"], &key["e"]),
            (&json!("RSA"), &json!("RS256"), &json!("sig"), &json!("AQAB"))
        );
        assert_eq!(key["n"].as_str().unwrap().len(), 342);
    }
    // It holds the key that signs.
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    let signing = server.signing_kid().await;
    assert!(kids(&server).await.contains(&signing));
}

async fn documents_are_cached_and_revalidated(backend: Backend) {
    let server = TestServer::start(backend).await;
    let pem = format!("/.well-known/keys/{}.pem", kids(&server).await[0]);
    for path in DOCUMENTS.into_iter().chain([pem.as_str()]) {
        let reply = server.get(path).await;
        assert_eq!(reply.header("cache-control"), "public, max-age=300");
        let tag = reply.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() > 4, "{tag}");
        let ask = |known: String| Reply::of(server.request(Method::GET, path).header("if-none-match", known));
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let unchanged = ask(known).await;
            assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
            assert_eq!(unchanged.header("etag"), tag);
            assert_eq!(unchanged.header("cache-control"), "public, max-age=300");
        }
        for other in ["\"other\"".to_owned(), "nonsense".to_owned(), String::new()] {
            assert_eq!(ask(other).await.status, 200);
        }
        let head = Reply::of(server.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.text.as_str(), head.header("etag")), (200, "", tag.as_str()));
    }
}

async fn browsers_of_any_origin_may_read(backend: Backend) {
    let server = TestServer::start(backend).await;
    for path in DOCUMENTS {
        let request = server.request(Method::GET, path).header("origin", "https://app.example");
        let reply = Reply::of(request).await;
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert_eq!(reply.header("access-control-allow-credentials"), "");
        let request = server
            .request(Method::OPTIONS, path)
            .header("origin", "https://app.example")
            .header("access-control-request-method", "GET");
        let preflight = Reply::of(request).await;
        assert!(matches!(preflight.status, 200 | 204), "{}", preflight.status);
        assert!(preflight.header("access-control-allow-methods").contains("GET"));
    }
    // The API is not for pages of other origins.
    let request = server.request(Method::GET, "/api/v1/products");
    let reply = Reply::of(request.header("origin", "https://app.example")).await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
}

async fn each_published_key_is_there_as_pem(backend: Backend) {
    let server = TestServer::start(backend).await;
    for kid in kids(&server).await {
        let reply = server.get(&format!("/.well-known/keys/{kid}.pem")).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "application/x-pem-file"));
        assert!(reply.text.starts_with("-----BEGIN PUBLIC KEY-----\n"));
        let base64: String = reply.text.lines().filter(|line| !line.starts_with('-')).collect();
        let key = RsaPublicKey::from_spki_der(&STANDARD.decode(base64).unwrap()).unwrap();
        assert_eq!(key.thumbprint(), kid);
    }
    for unknown in ["nothing", "..%2fjwks", "%00"] {
        let reply = server.get(&format!("/.well-known/keys/{unknown}.pem")).await;
        reply.expect_problem(404, "NOT_FOUND");
    }
}

async fn the_configuration_tells_where_everything_is(backend: Backend) {
    let server = TestServer::start(backend).await;
    let configuration = server.get(DOCUMENTS[1]).await.expect(200);
    let at = |path: &str| format!("{}{path}", server.issuer);
    let expected = json!({
        "issuer": server.issuer,
        "jwks_uri": at("/.well-known/jwks.json"),
        "activation_endpoint": at("/api/v1/license-activations/activate"),
        "deactivation_endpoint": at("/api/v1/license-activations/{id}/deactivate"),
        "status_endpoint": at("/api/v1/license-activations/status"),
        "heartbeat_endpoint": at("/api/v1/license-keys/heartbeat"),
        "validation_endpoint": at("/api/v1/license-keys/validate"),
        "catalog_endpoint": at("/api/v1/products/catalog"),
        "status_list_uri_template": at("/status-lists/{list}"),
        "revocation_list_uri": at("/api/v1/revocation/list"),
        "openapi_uri": at("/api/v1/openapi.json"),
        "signing_alg_values_supported": ["RS256"],
        "encryption_alg_values_supported": ["RSA-OAEP", "RSA-OAEP-256"],
        "encryption_enc_values_supported": ["A256CBC-HS512"],
        "token_types_supported": ["JWT", "license+jwt"],
        "default_heartbeat_interval": 86_400,
        "default_token_ttl": 172_800,
        "jwks_max_age": 300,
    });
    assert_eq!(configuration, expected);
    // Each address leads somewhere.
    for (member, value) in configuration.as_object().unwrap() {
        if !member.ends_with("_uri") && !member.ends_with("_endpoint") {
            continue;
        }
        let path = value.as_str().unwrap().strip_prefix(&server.issuer).unwrap();
        let reply = server.get(&path.replace("{id}", "act_01h455vb4pex5vsknk084sn02q")).await;
        assert!(matches!(reply.status, 200 | 405), "{member}: {}", reply.status);
    }
}

async fn stock_clients_find_the_keys(backend: Backend) {
    let server = TestServer::start(backend).await;
    let configuration = server.get(DOCUMENTS[2]).await.expect(200);
    assert_eq!(configuration["issuer"], server.issuer);
    assert_eq!(configuration["jwks_uri"], format!("{}/.well-known/jwks.json", server.issuer));
    assert_eq!(configuration["id_token_signing_alg_values_supported"], json!(["RS256"]));
    assert_eq!(configuration["response_types_supported"], json!(["none"]));
    assert_eq!(configuration["subject_types_supported"], json!(["public"]));
    assert_eq!(configuration["grant_types_supported"], json!([]));
    let place = configuration["authorization_endpoint"].as_str().unwrap();
    let path = place.strip_prefix(&server.issuer).unwrap();
    server.get(path).await.expect_problem(404, "NOT_FOUND");
}

async fn health_tells_whether_to_send_work(backend: Backend) {
    let server = TestServer::start(backend).await;
    let well = json!({"status": "ok", "signer": "aws_lc"});
    for path in ["/health", "/health/ready"] {
        assert_eq!(server.get(path).await.expect(200), well);
    }
    assert_eq!(server.get("/health/live").await.expect(200), json!({"status": "ok"}));
    server.context.db.clone().close().await.unwrap();
    for path in ["/health", "/health/ready"] {
        let reply = server.get(path).await;
        assert_eq!(reply.header("retry-after"), "5");
        reply.expect_problem(503, "UNAVAILABLE");
    }
    // It lives all the same: killing it would help nobody.
    server.get("/health/live").await.expect(200);
}
