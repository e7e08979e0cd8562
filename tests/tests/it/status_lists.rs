//! Token Status Lists: every token names its place, and the list says what has become of it.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, claims, on_both};
use reqwest::Method;
use serde_json::{Value, json};

on_both![
    a_token_names_its_place_and_the_list_says_that_it_is_valid,
    a_suspension_shows_and_goes,
    a_revocation_counts_when_its_grace_is_over,
    a_revoked_machine_alone_is_invalid,
    a_machine_that_gave_its_seat_back_is_invalid_soon,
    a_machine_that_comes_back_takes_a_new_place,
    heartbeats_keep_the_place,
    a_clock_that_is_set_back_hides_nothing,
    what_did_not_change_is_signed_again_only_in_time,
    caches_and_browsers_are_told_what_they_need,
    a_list_of_which_nothing_was_handed_out_is_not_there,
    many_who_ask_at_once_are_answered_by_one_look,
];

/// A licence and a machine of it.
pub(crate) async fn machine(server: &TestServer) -> (String, Machine) {
    let issued = Shop::open(server).await.issue(server, json!({})).await;
    let machine = Machine::activate(server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    (issued["id"].as_str().unwrap().to_owned(), machine)
}

/// What the list that a token names says of it.
pub(crate) async fn value(server: &TestServer, token: &str) -> u8 {
    let place = claims(token)["status"]["status_list"].clone();
    let list = read(server, place["uri"].as_str().unwrap()).await;
    let packed = URL_SAFE_NO_PAD.decode(list["status_list"]["lst"].as_str().unwrap()).unwrap();
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 32_768);
    let idx = usize::try_from(place["idx"].as_u64().unwrap()).unwrap();
    bytes[idx / 4] >> (idx % 4 * 2) & 0b11
}

/// The claims of a list, by its address.
async fn read(server: &TestServer, uri: &str) -> Value {
    claims(&fetch(server, uri).await.text)
}

async fn fetch(server: &TestServer, uri: &str) -> Reply {
    let reply = server.get(uri.strip_prefix(&server.issuer).unwrap()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply
}

/// Suspends, reinstates or revokes a licence.
pub(crate) async fn change_license(server: &TestServer, id: &str, action: &str, body: Value) {
    server.admin_post(&format!("/license-keys/{id}/{action}"), body).await.expect(200);
}

/// Blocks a machine, with a grace of so many hours.
pub(crate) async fn revoke_machine(server: &TestServer, id: &str, hours: u32) {
    let path = format!("/license-activations/{id}/revoke");
    server.admin_post(&path, json!({"graceHours": hours})).await.expect(200);
}

async fn a_token_names_its_place_and_the_list_says_that_it_is_valid(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, machine) = machine(&server).await;
    let place = machine.claims()["status"].clone();
    assert_eq!(place["status_list"].as_object().unwrap().len(), 2);
    let uri = place["status_list"]["uri"].as_str().unwrap();
    assert_eq!(uri, format!("{}/status-lists/0", server.issuer));
    assert!(place["status_list"]["idx"].as_u64().unwrap() < 131_072);
    assert_eq!(value(&server, &machine.token).await, 0);

    let reply = fetch(&server, uri).await;
    assert_eq!(reply.header("content-type"), "application/statuslist+jwt");
    let header = jsonwebtoken::decode_header(&reply.text).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("statuslist+jwt"), jsonwebtoken::Algorithm::RS256));
    let list = claims(&reply.text);
    let now = server.context.moment().now.seconds();
    let expected = json!({
        "iss": server.issuer, "aud": "urn:licentia:status-list", "sub": uri, "iat": now - 60, "exp": now + 86_400,
        "ttl": 300, "status_list": {"bits": 2, "lst": list["status_list"]["lst"]}
    });
    assert_eq!(list, expected);
    verify(&server, &reply.text, "urn:licentia:status-list").await;
}

/// Checks a document's signature as anybody would, by the published keys.
pub(crate) async fn verify(server: &TestServer, document: &str, audience: &str) {
    let jwks = server.get("/.well-known/jwks.json").await.expect(200);
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(jwks).unwrap();
    let kid = jsonwebtoken::decode_header(document).unwrap().kid.unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(keys.find(&kid).expect("a published key")).unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    rules.set_audience(&[audience]);
    rules.set_issuer(&[&server.issuer]);
    jsonwebtoken::decode::<Value>(document, &key, &rules).unwrap();
}

async fn a_suspension_shows_and_goes(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (license, machine) = machine(&server).await;
    for (action, said) in [("suspend", 2), ("reinstate", 0)] {
        assert_eq!(value(&server, &machine.token).await, 2 - said);
        assert_eq!(value(&other, &machine.token).await, 2 - said);
        change_license(&server, &license, action, json!({})).await;
        assert_eq!(value(&server, &machine.token).await, said);
        server.clock.advance(1);
        assert_eq!(value(&other, &machine.token).await, said, "another instance looks once a second");
    }
}

async fn a_revocation_counts_when_its_grace_is_over(backend: Backend) {
    let server = TestServer::start(backend).await;
    let other = server.another().await;
    let (license, machine) = machine(&server).await;
    change_license(&server, &license, "revoke", json!({"graceHours": 1})).await;
    for (passed, said) in [(0, 0), (3_599, 0), (1, 1), (1_000, 1)] {
        server.clock.advance(passed);
        for instance in [&server, &other] {
            assert_eq!(value(instance, &machine.token).await, said);
        }
    }
    // Without a grace, at once.
    let (license, machine) = {
        let issued = Shop::named(&server, "other").await.issue(&server, json!({})).await;
        let machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
        (issued["id"].as_str().unwrap().to_owned(), machine)
    };
    change_license(&server, &license, "revoke", json!({"graceHours": 0})).await;
    assert_eq!(value(&server, &machine.token).await, 1);
}

async fn a_revoked_machine_alone_is_invalid(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, machine) = machine(&server).await;
    let other = Machine::activate(&server, &machine.key, "fp-2").await;
    revoke_machine(&server, &machine.activation, 1).await;
    assert_eq!(value(&server, &machine.token).await, 0);
    server.clock.advance(3_600);
    assert_eq!((value(&server, &machine.token).await, value(&server, &other.token).await), (1, 0));
}

async fn deactivate(server: &TestServer, machine: &Machine) {
    let path = format!("/license-activations/{}/deactivate", machine.activation);
    server.admin_post(&path, json!({})).await.expect(200);
}

async fn a_machine_that_gave_its_seat_back_is_invalid_soon(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, machine) = machine(&server).await;
    assert_eq!(value(&server, &machine.token).await, 0);
    deactivate(&server, &machine).await;
    server.clock.advance(15);
    assert_eq!(value(&server, &machine.token).await, 1);
}

async fn a_machine_that_comes_back_takes_a_new_place(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, former) = machine(&server).await;
    deactivate(&server, &former).await;
    server.clock.advance(1);
    let back = Machine::activate(&server, &former.key, "fp-1").await;
    assert_eq!(back.activation, former.activation);
    assert_ne!(back.claims()["status"], former.claims()["status"]);
    for _ in 0..2 {
        assert_eq!((value(&server, &former.token).await, value(&server, &back.token).await), (1, 0));
        server.clock.advance(1_000);
    }
    // Activating again is no return.
    let again = Machine::activate(&server, &former.key, "fp-1").await;
    assert_eq!(again.claims()["status"], back.claims()["status"]);
}

async fn a_clock_that_is_set_back_hides_nothing(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, machine) = machine(&server).await;
    server.clock.advance(3_600);
    assert_eq!(value(&server, &machine.token).await, 0);
    server.clock.advance(-3_600);
    server
        .admin_post(&format!("/license-activations/{}/deactivate", machine.activation), json!({}))
        .await
        .expect(200);
    assert_eq!(value(&server, &machine.token).await, 1);
}

async fn heartbeats_keep_the_place(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (_, mut machine) = machine(&server).await;
    let place = machine.claims()["status"].clone();
    for _ in 0..3 {
        server.clock.advance(3_600);
        machine.beat(&server).await;
        assert_eq!(machine.claims()["status"], place);
        assert_eq!(value(&server, &machine.token).await, 0);
    }
    let other = Machine::activate(&server, &machine.key, "fp-2").await;
    assert_ne!(other.claims()["status"], place);
}

async fn what_did_not_change_is_signed_again_only_in_time(backend: Backend) {
    let server = TestServer::start_with(backend, &[("REVOCATION__LIST_TTL_SECONDS", "60")]).await;
    let (license, _) = machine(&server).await;
    let first = server.get("/status-lists/0").await.text;
    assert_eq!(claims(&first)["ttl"], 60);
    for passed in [0, 14, 1, 44] {
        server.clock.advance(passed);
        assert_eq!(server.get("/status-lists/0").await.text, first);
    }
    // A change of something else is looked at, and the list stays as it is.
    let other = Shop::named(&server, "other").await.issue(&server, json!({})).await;
    change_license(&server, other["id"].as_str().unwrap(), "suspend", json!({})).await;
    assert_eq!(server.get("/status-lists/0").await.text, first);
    server.clock.advance(1);
    let second = server.get("/status-lists/0").await.text;
    assert_eq!(claims(&second)["iat"].as_i64(), claims(&first)["iat"].as_i64().map(|iat| iat + 60));
    assert_eq!(claims(&second)["status_list"], claims(&first)["status_list"]);
    change_license(&server, &license, "suspend", json!({})).await;
    assert_ne!(
        claims(&server.get("/status-lists/0").await.text)["status_list"],
        claims(&first)["status_list"]
    );
}

async fn caches_and_browsers_are_told_what_they_need(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (license, _) = machine(&server).await;
    for path in ["/status-lists/0", "/api/v1/revocation/list"] {
        let request = server.request(Method::GET, path).header("origin", "https://app.example");
        let reply = Reply::of(request).await;
        assert_eq!((reply.status, reply.header("cache-control")), (200, "public, max-age=15"));
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        let preflight = server
            .request(Method::OPTIONS, path)
            .header("origin", "https://app.example")
            .header("access-control-request-method", "GET");
        assert!(matches!(Reply::of(preflight).await.status, 200 | 204));
        let tag = reply.header("etag").to_owned();
        assert!(tag.starts_with('"'), "strong: {tag}");
        let known = || Reply::of(server.request(Method::GET, path).header("if-none-match", &tag));
        let unchanged = known().await;
        assert_eq!(
            (unchanged.status, unchanged.text.as_str(), unchanged.header("etag")),
            (304, "", tag.as_str())
        );
        let head = Reply::of(server.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.text.as_str(), head.header("etag")), (200, "", tag.as_str()));
        let next = if path.starts_with("/status") { "suspend" } else { "reinstate" };
        change_license(&server, &license, next, json!({})).await;
        let changed = known().await;
        assert_eq!(changed.status, 200);
        assert_ne!(changed.header("etag"), tag);
    }
}

async fn a_list_of_which_nothing_was_handed_out_is_not_there(backend: Backend) {
    let server = TestServer::start(backend).await;
    server.get("/status-lists/0").await.expect_problem(404, "NOT_FOUND");
    machine(&server).await;
    assert_eq!(server.get("/status-lists/0").await.status, 200);
    for list in
        ["1", "70368744177663", "9223372036854775807", "00", "-1", "+0", "x", "0x0", "%00", "..%2f0", "0%20"]
    {
        server.get(&format!("/status-lists/{list}")).await.expect_problem(404, "NOT_FOUND");
    }
    let reply = Reply::of(server.request(Method::POST, "/status-lists/0")).await;
    reply.expect_problem(405, "METHOD_NOT_ALLOWED");
}

async fn many_who_ask_at_once_are_answered_by_one_look(backend: Backend) {
    let server = TestServer::start(backend).await;
    let (license, machine) = machine(&server).await;
    value(&server, &machine.token).await;
    change_license(&server, &license, "suspend", json!({})).await;
    let before = server.context.db.statements();
    let replies = futures_util::future::join_all((0..40).map(|_| server.get("/status-lists/0"))).await;
    let asked = server.context.db.statements() - before;
    assert!(replies.iter().all(|reply| reply.status == 200 && reply.text == replies[0].text));
    // One looks what has changed; one reads the keys and the entries.
    assert_eq!(asked, 3);
}
