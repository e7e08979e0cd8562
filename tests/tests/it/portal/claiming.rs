//! Making a licence one's own: by key while it is nobody's, by the address that the owner is known by, and else not.

use licentia_tests::{Backend, Machine, claims, on_both};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Account, Portal, claim, letters};
use crate::groups::{key_within, make_group};
use crate::sessions::Session;

on_both![
    what_is_nobodys_is_his_who_has_its_key,
    what_is_somebodys_stays_his_and_he_is_told,
    who_has_the_owners_address_is_the_owner,
    of_two_who_claim_at_once_one_wins,
    keys_that_open_nothing_claim_nothing,
    nobody_takes_a_licence_out_of_its_group,
    wrong_keys_are_limited,
];

async fn account(portal: &Portal, email: &str) -> (Account, Session) {
    let account = Account::register(&portal.server, email).await;
    let session = account.sign_in(&portal.server).await;
    (account, session)
}

async fn notices(portal: &Portal) -> Vec<(String, Value)> {
    let written = letters(&portal.server).await.into_iter();
    let notices = written.filter(|letter| letter.template == "claim_noticed");
    notices.map(|letter| (letter.to, letter.values)).collect()
}

async fn what_is_nobodys_is_his_who_has_its_key(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let (id, key) = portal.unclaimed(json!({"notes": "sold at the fair"})).await;
    let mut machine = Machine::activate(server, &key, "fp-1").await;
    assert_eq!(machine.claims()["sub"], id);
    let (bob, session) = account(&portal, "bob@example.com").await;
    let own = claim(server, &session, &key.to_lowercase()).await;
    assert!(!own.text.contains("fair") && !own.text.contains(&key), "{}", own.text);
    let own = own.expect(200);
    assert_eq!((&own["id"], &own["status"]), (&json!(id), &json!("active")));
    assert_eq!((&own["product"]["slug"], &own["tier"]["key"]), (&json!("acme-desk"), &json!("pro")));
    assert_eq!(own["seats"], json!({"used": 1, "limit": 2}));
    // Again: nothing changes.
    claim(server, &session, &key).await.expect(200);
    let seen = server.admin_get(&format!("/license-keys/{id}")).await.expect(200);
    assert_eq!((&seen["customerId"], &seen["version"]), (&json!(bob.customer), &json!(2)));
    // Its machine goes on, as his.
    machine.beat(server).await;
    assert_eq!(claims(&machine.token)["sub"], bob.customer);
    let log = server.admin_get("/audit-events?action=license.claimed").await.expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
    assert_eq!(log["items"][0]["detail"], json!({"before": null, "after": bob.customer}));
    assert_eq!(log["items"][0]["actor"], json!({"kind": "customer", "id": bob.customer}));
    assert!(notices(&portal).await.is_empty());
}

async fn what_is_somebodys_stays_his_and_he_is_told(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let (_, key) = portal.unclaimed(json!({"customer": {"name": "Ann", "email": "ann@example.com"}})).await;
    let (account_of_eve, eve) = account(&portal, "eve@example.com").await;
    let problem = claim(server, &eve, &key).await.expect_problem(409, "LICENSE_CLAIMED");
    assert!(!problem.to_string().contains("ann@"), "{problem}");
    claim(server, &eve, &key).await.expect_problem(409, "LICENSE_CLAIMED");
    // Once a day, however often somebody tries.
    let told = notices(&portal).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "ann@example.com");
    assert!(!told[0].1.to_string().contains("eve@"), "{told:?}");
    server.clock.advance(86_400);
    let eve = account_of_eve.sign_in(server).await;
    claim(server, &eve, &key).await.expect_problem(409, "LICENSE_CLAIMED");
    assert_eq!(notices(&portal).await.len(), 2);
    let log = server.admin_get("/audit-events?action=license.claim_refused").await.expect(200);
    // Once an hour, however often somebody tries.
    assert_eq!(log["items"].as_array().unwrap().len(), 2);
    server.clock.advance(3_599);
    let eve = account_of_eve.sign_in(server).await;
    claim(server, &eve, &key).await.expect_problem(409, "LICENSE_CLAIMED");
    let tried = || server.admin_get("/audit-events?action=license.claim_refused");
    assert_eq!(tried().await.expect(200)["total"], 2);
    server.clock.advance(1);
    claim(server, &eve, &key).await.expect_problem(409, "LICENSE_CLAIMED");
    assert_eq!(tried().await.expect(200)["total"], 3);
    // Somebody else is written down besides.
    let (_, dan) = account(&portal, "dan@example.com").await;
    claim(server, &dan, &key).await.expect_problem(409, "LICENSE_CLAIMED");
    assert_eq!(tried().await.expect(200)["total"], 4);
    assert_eq!(eve.get(server, "/user/licenses").await.expect(200)["items"], json!([]));
}

async fn who_has_the_owners_address_is_the_owner(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    // Before the vendor's shop made a second customer of him.
    let (bob, session) = account(&portal, "bob@example.com").await;
    let (id, key) = portal.unclaimed(json!({"customer": {"name": "Bob", "email": "BOB@example.com"}})).await;
    claim(server, &session, &key).await.expect(200);
    let seen = server.admin_get(&format!("/license-keys/{id}")).await.expect(200);
    assert_eq!(seen["customerId"], bob.customer);
    // Whoever is called so by the vendor, and showed another address, is somebody else.
    let (ann, _) = account(&portal, "ann@example.com").await;
    let path = format!("/customers/{}", ann.customer);
    server.admin_put(&path, json!({"email": "bob@example.com"})).await.expect(200);
    let (_, key) = portal.unclaimed(json!({"customerId": ann.customer})).await;
    claim(server, &session, &key).await.expect_problem(409, "LICENSE_CLAIMED");
    assert_eq!(notices(&portal).await[0].0, "ann@example.com");
}

async fn of_two_who_claim_at_once_one_wins(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let ((bob, one), (eve, other)) =
        (account(&portal, "bob@example.com").await, account(&portal, "eve@example.com").await);
    for round in 0..4 {
        let (id, key) = portal.unclaimed(json!({})).await;
        let (first, second) = tokio::join!(claim(server, &one, &key), claim(server, &other, &key));
        let winner = match (first.status, second.status) {
            (200, 409) => &bob,
            (409, 200) => &eve,
            _ => panic!("round {round}: {} {}", first.text, second.text),
        };
        let seen = server.admin_get(&format!("/license-keys/{id}")).await.expect(200);
        assert_eq!((&seen["customerId"], &seen["version"]), (&json!(winner.customer), &json!(2)));
    }
    let log = server.admin_get("/audit-events?action=license.claimed").await.expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 4);
}

async fn keys_that_open_nothing_claim_nothing(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let (_, session) = account(&portal, "bob@example.com").await;
    claim(server, &session, "a-key-of-nobody").await.expect_problem(404, "NOT_FOUND");
    let wrong = claim(server, &session, "ACME-00000-00000-00000-00000-00001").await;
    let wrong = wrong.expect_problem(422, "LICENSE_KEY_MALFORMED");
    assert_eq!(wrong["errors"][0]["pointer"], "/licenseKey");
    // A key that leaked and was replaced, though machines may use it for a while.
    let (id, key) = portal.unclaimed(json!({})).await;
    let until = licentia_types::time::Timestamp::from_seconds(server.context.moment().now.seconds() + 86_400);
    let rotate = json!({"keepOldUntil": until});
    let rotated = server.admin_post(&format!("/license-keys/{id}/rotate-key"), rotate).await.expect(200);
    Machine::activate(server, &key, "fp-1").await;
    claim(server, &session, &key).await.expect_problem(404, "NOT_FOUND");
    claim(server, &session, rotated["licenseKey"].as_str().unwrap()).await.expect(200);
    let (id, key) = portal.unclaimed(json!({})).await;
    server.admin_post(&format!("/license-keys/{id}/revoke"), json!({})).await.expect(200);
    claim(server, &session, &key).await.expect_problem(409, "STATE_CONFLICT");
}

async fn nobody_takes_a_licence_out_of_its_group(backend: Backend) {
    let portal = Portal::open(backend).await;
    let server = &portal.server;
    let (north, south) = (make_group(server, "North").await, make_group(server, "South").await);
    let seller = key_within(server, &[&north]).await;
    let (id, key) = portal.unclaimed(json!({"groupId": north})).await;
    let (bob, session) = account(&portal, "bob@example.com").await;
    // Who has nothing yet comes into the group of his first licence, and its people go on seeing both.
    claim(server, &session, &key).await.expect(200);
    for path in [format!("/license-keys/{id}"), format!("/customers/{}", bob.customer)] {
        let seen = crate::groups::get(server, &seller, &path).await.expect(200);
        assert_eq!(seen["groupId"], north, "{path}");
    }
    for elsewhere in [json!({"groupId": south}), json!({})] {
        let (_, key) = portal.unclaimed(elsewhere).await;
        claim(server, &session, &key).await.expect_problem(409, "STATE_CONFLICT");
    }
    let (_, another) = portal.unclaimed(json!({"groupId": north})).await;
    claim(server, &session, &another).await.expect(200);
    // Who has something, and is in no group, stays there.
    let (_, ann) = account(&portal, "ann@example.com").await;
    let (_, direct) = portal.unclaimed(json!({})).await;
    claim(server, &ann, &direct).await.expect(200);
    let (_, third) = portal.unclaimed(json!({"groupId": north})).await;
    claim(server, &ann, &third).await.expect_problem(409, "STATE_CONFLICT");
}

async fn wrong_keys_are_limited(backend: Backend) {
    let portal = Portal::open(backend).await;
    let (_, session) = account(&portal, "bob@example.com").await;
    let (_, key) = portal.unclaimed(json!({})).await;
    // Buckets fill by the clock of the machine: none does within this test.
    let settings = [
        ("LIMITS__ENABLED", "true"),
        ("LIMITS__FAILED_KEY_LOOKUPS_BURST", "3"),
        ("LIMITS__FAILED_KEY_LOOKUPS_PER_MINUTE", "1"),
    ];
    let server = portal.server.another_with(&settings).await;
    for _ in 0..3 {
        claim(&server, &session, "a-key-of-nobody").await.expect_problem(404, "NOT_FOUND");
    }
    claim(&server, &session, &key).await.expect_problem(429, "RATE_LIMITED");
    let none = session.send(&server, Method::GET, "/user/licenses", Value::Null).await;
    assert_eq!(none.expect(200)["items"], json!([]));
}
