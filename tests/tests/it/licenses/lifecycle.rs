//! On hold, good again, taken back, given to somebody else.

use licentia_entity::event;
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both, try_activate};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use super::{act, act_on, edit, events, generation, id, key, no_customer, read, revoke, told};
use crate::{revocation_list, status_lists};

on_both![
    a_licence_on_hold_gives_no_token_until_it_is_reinstated,
    a_licence_on_hold_stays_on_hold_whatever_else_is_done,
    a_revoked_licence_is_not_suspended_reinstated_renewed_transferred_or_edited,
    a_revocation_has_the_grace_of_its_tier_unless_it_says_otherwise,
    a_licence_on_hold_has_no_grace_when_it_is_revoked,
    a_grace_can_be_cut_and_never_grows,
    a_revocation_is_told_with_the_grace_that_it_has,
    an_edit_of_what_a_licence_grants_is_told_to_others,
    a_licence_is_transferred_with_its_machines,
    a_transfer_names_somebody_once,
    a_revocation_during_activations_lets_nobody_in_afterwards,
    changes_of_state_are_written_down_with_their_actor,
];

async fn a_licence_on_hold_gives_no_token_until_it_is_reinstated(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let mut machine = Machine::activate(&server, key(&issued), "fp-1").await;
    let before = generation(&server).await;
    let held = act(&server, &issued, "suspend", json!({"reason": "invoice unpaid"})).await.expect(200);
    assert_eq!(
        (&held["status"], &held["suspensionReason"], &held["version"]),
        (&json!("suspended"), &json!("invoice unpaid"), &json!(2))
    );
    assert_eq!(held["suspendedAt"], server.context.moment().now.to_string());
    server.clock.advance(60);
    assert_eq!(act(&server, &issued, "suspend", json!({"reason": "again"})).await.expect(200), held);
    let answer = machine.beat(&server).await;
    assert_eq!((&answer["status"], answer.get("token")), (&json!("suspended"), None));
    try_activate(&server, key(&issued), "fp-2", json!({})).await.expect_problem(403, "LICENSE_SUSPENDED");
    let back = act(&server, &issued, "reinstate", json!({})).await.expect(200);
    assert_eq!((&back["status"], &back["suspendedAt"]), (&json!("active"), &Value::Null));
    assert_eq!(act(&server, &issued, "reinstate", json!({})).await.expect(200), back);
    assert!(machine.beat(&server).await["token"].is_string());
    // Once for each change, and not for what changes nothing.
    assert_eq!(generation(&server).await, before + 2);
    assert_eq!(
        told(&server, &issued).await[..4],
        ["license.issued", "activation.created", "license.suspended", "license.reinstated"]
    );
}

async fn a_licence_on_hold_stays_on_hold_whatever_else_is_done(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"validDays": 30})).await;
    act(&server, &issued, "suspend", json!({})).await.expect(200);
    edit(&server, &issued, json!({"tierId": shop.max, "expiresAt": "2090-01-01T00:00:00Z"}))
        .await
        .expect(200);
    act(&server, &issued, "renew", json!({})).await.expect(200);
    act(&server, &issued, "transfer", json!({"customer": {"name": "Eve"}})).await.expect(200);
    act(&server, &issued, "rotate-key", json!({})).await.expect(200);
    let path = format!("/license-keys/{}", id(&issued));
    let own = server.admin(reqwest::Method::POST, &format!("{path}/features")).header("if-match", "*");
    licentia_tests::Reply::of(own.json(&json!({"add": ["api"]}))).await.expect(200);
    server.clock.advance(100 * 365 * 86_400);
    assert_eq!(read(&server, &issued).await["status"], "suspended");
}

async fn a_revoked_licence_is_not_suspended_reinstated_renewed_transferred_or_edited(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({"validDays": 30})).await;
    let revoked = revoke(&server, &issued, json!({"graceHours": 0})).await.expect(200);
    for (action, body) in [
        ("suspend", json!({})),
        ("reinstate", json!({})),
        ("renew", json!({})),
        ("transfer", json!({"customer": {"name": "Eve"}})),
        ("rotate-key", json!({})),
    ] {
        act(&server, &issued, action, body).await.expect_problem(409, "STATE_CONFLICT");
    }
    edit(&server, &issued, json!({"maxUsers": 3})).await.expect_problem(409, "STATE_CONFLICT");
    assert_eq!(read(&server, &issued).await, revoked);
    // Nobody was made on the way.
    assert_eq!(server.admin_get("/customers").await.expect(200)["total"], 0);
}

async fn a_revocation_has_the_grace_of_its_tier_unless_it_says_otherwise(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let now = server.context.moment().now;
    let hours =
        |hours: u32| json!((now + licentia_types::time::Seconds::constant(hours * 3_600)).to_string());
    for (body, expected) in [
        (json!({}), hours(24)),
        (json!({"graceHours": 0}), Value::Null),
        (json!({"graceHours": 1}), hours(1)),
        (json!({"graceHours": 8_760}), hours(8_760)),
    ] {
        let issued = shop.issue(&server, json!({})).await;
        let revoked = revoke(&server, &issued, body).await.expect(200);
        assert_eq!((&revoked["status"], &revoked["graceUntil"]), (&json!("revoked"), &expected));
        let by = revoked["revokedBy"].as_str().unwrap();
        assert!(by.starts_with("api_key:key_") || by.starts_with("api_key:"), "{by}");
        assert_eq!(told(&server, &issued).await, ["license.issued", "license.revoked"]);
    }
    let issued = shop.issue(&server, json!({})).await;
    for hours in [json!(8_761), json!(-1), json!(1.5), json!("24"), json!(u64::MAX)] {
        let refused = revoke(&server, &issued, json!({"graceHours": hours})).await;
        let problem = refused.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/graceHours");
    }
    assert_eq!(read(&server, &issued).await["status"], "active");
}

async fn a_licence_on_hold_has_no_grace_when_it_is_revoked(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for body in [json!({}), json!({"graceHours": 48})] {
        let issued = shop.issue(&server, json!({})).await;
        let mut machine = Machine::activate(&server, key(&issued), "fp-1").await;
        let token = machine.token.clone();
        act(&server, &issued, "suspend", json!({})).await.expect(200);
        assert_eq!(status_lists::value(&server, &token).await, 2);
        let revoked = revoke(&server, &issued, body).await.expect(200);
        assert_eq!((&revoked["status"], &revoked["graceUntil"]), (&json!("revoked"), &Value::Null));
        assert_eq!(status_lists::value(&server, &token).await, 1);
        let list = revocation_list::read(&server).await;
        let named = json!({"id": id(&issued), "from": server.context.moment().now.seconds()});
        assert!(list["revoked"].as_array().unwrap().contains(&named), "{list}");
        assert_eq!(list["suspended"], json!([]));
        let answer = machine.beat(&server).await;
        assert_eq!(
            (&answer["status"], answer.get("graceToken"), answer.get("graceUntil")),
            (&json!("revoked"), None, None)
        );
        server.clock.advance(1);
    }
}

/// What others were told in events of this kind, oldest first.
async fn told_of(server: &TestServer, kind: &str) -> Vec<Value> {
    let events = event::Entity::find().filter(event::Column::Kind.eq(kind));
    let events = events.order_by_asc(event::Column::Id).all(&server.context.db).await.unwrap();
    events.into_iter().map(|event| event.data).collect()
}

async fn a_revocation_is_told_with_the_grace_that_it_has(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let mut shown = Vec::new();
    let cut = shop.issue(&server, json!({})).await;
    shown.push(revoke(&server, &cut, json!({"graceHours": 10, "reason": "ended"})).await.expect(200));
    server.clock.advance(60);
    shown.push(revoke(&server, &cut, json!({"graceHours": 5, "reason": "another"})).await.expect(200));
    let superseded = shop.issue(&server, json!({"customer": {"externalId": "ada"}})).await;
    server.clock.advance(1);
    let newer = shop.issue(&server, json!({"customer": {"externalId": "ada"}})).await;
    Machine::activate(&server, key(&newer), "fp-1").await;
    shown.push(read(&server, &superseded).await);
    server.clock.advance(60);
    // More is asked for than it has.
    shown.push(revoke(&server, &superseded, json!({"graceHours": 100, "reason": "fraud"})).await.expect(200));
    assert_eq!(shown[3]["graceUntil"], shown[2]["graceUntil"]);
    let held = shop.issue(&server, json!({})).await;
    act(&server, &held, "suspend", json!({})).await.expect(200);
    shown.push(revoke(&server, &held, json!({"graceHours": 24})).await.expect(200));
    let expected: Vec<Value> = shown
        .iter()
        .map(|license| {
            json!({"reason": license["revocationReason"], "graceUntil": license["graceUntil"],
                   "supersededBy": license["supersededBy"]})
        })
        .collect();
    assert_eq!(told_of(&server, "license.revoked").await, expected);
    let mut audited = events(&server, "license.revoked").await;
    audited.sort_by_key(|event| event.id);
    let audited: Vec<Value> = audited.into_iter().map(|event| event.detail).collect();
    for detail in &expected {
        assert!(audited.contains(detail), "{audited:?}");
    }
    assert_eq!(audited.len(), expected.len());
}

async fn an_edit_of_what_a_licence_grants_is_told_to_others(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({})).await;
    let features = |body: Value| act_on(&server, &issued, "features", "*", body);
    edit(&server, &issued, json!({"tierId": shop.max, "notes": "a secret remark"})).await.expect(200);
    features(json!({"remove": ["edit"]})).await.expect(200);
    edit(&server, &issued, json!({"updatesUntil": "2050-01-01T00:00:00Z"})).await.expect(200);
    // Nothing that anybody else would see.
    edit(&server, &issued, json!({"notes": "another", "metadata": {"region": "uk"}})).await.expect(200);
    features(json!({"remove": ["edit"]})).await.expect(200);
    let changed = told_of(&server, "license.changed").await;
    let members: Vec<(&Value, &Value)> =
        changed.iter().map(|change| (&change["before"], &change["after"])).collect();
    assert_eq!(
        members,
        [
            (&json!({"tier": shop.pro}), &json!({"tier": shop.max})),
            (&json!({"features": {}}), &json!({"features": {"remove": ["edit"]}})),
            (&json!({"updatesUntil": null}), &json!({"updatesUntil": "2050-01-01T00:00:00Z"})),
        ]
    );
    assert!(!changed.iter().any(|change| change.to_string().contains("remark")));
}

async fn a_grace_can_be_cut_and_never_grows(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({})).await;
    let first = revoke(&server, &issued, json!({"reason": "ended"})).await.expect(200);
    let before = generation(&server).await;
    server.clock.advance(60);
    for body in [json!({}), json!({"graceHours": 24}), json!({"graceHours": 100, "reason": "other"})] {
        assert_eq!(revoke(&server, &issued, body).await.expect(200), first);
    }
    assert_eq!(generation(&server).await, before);
    let cut = revoke(&server, &issued, json!({"graceHours": 0})).await.expect(200);
    assert_eq!(
        (&cut["graceUntil"], &cut["revocationReason"], &cut["revokedAt"]),
        (&Value::Null, &json!("ended"), &first["revokedAt"])
    );
    assert_eq!(revoke(&server, &issued, json!({"graceHours": 5})).await.expect(200), cut);
    assert_eq!(generation(&server).await, before + 1);
}

async fn a_licence_is_transferred_with_its_machines(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"customer": {"externalId": "ada"}})).await;
    let mut machine = Machine::activate(&server, key(&issued), "fp-1").await;
    let to_eve = json!({"customer": {"externalId": "eve"}});
    let given = act(&server, &issued, "transfer", to_eve.clone()).await.expect(200);
    assert_ne!(given["customerId"], issued["customerId"]);
    assert_eq!(given["seats"]["used"], 1);
    machine.beat(&server).await;
    assert_eq!(machine.claims()["sub"], given["customerId"]);
    let again = json!({"customerId": given["customerId"]});
    assert_eq!(act(&server, &issued, "transfer", again).await.expect(200), given);
    assert_eq!(act(&server, &issued, "transfer", to_eve).await.expect(200), given);
    assert_eq!(server.admin_get("/customers").await.expect(200)["total"], 2);
    // Back again, by id.
    let back =
        act(&server, &issued, "transfer", json!({"customerId": issued["customerId"]})).await.expect(200);
    assert_eq!(back["customerId"], issued["customerId"]);
    let unclaimed = shop.issue(&server, json!({})).await;
    let claimed = act(&server, &unclaimed, "transfer", json!({"customerId": given["customerId"]})).await;
    assert_eq!(claimed.expect(200)["customerId"], given["customerId"]);
}

async fn a_transfer_names_somebody_once(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({"customer": {"name": "Ada"}})).await;
    for (body, pointer) in [
        (json!({}), "/customerId"),
        (json!({"customerId": null}), "/customerId"),
        (no_customer(), "/customerId"),
        (json!({"customer": {"notes": "nameless"}}), "/customer/name"),
        (json!({"customerId": issued["customerId"], "customer": {"name": "Eve"}}), "/customer"),
        (json!({"customer": []}), "/customer"),
    ] {
        let problem = act(&server, &issued, "transfer", body).await.expect_problem(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    }
    assert_eq!(read(&server, &issued).await["version"], 1);
    act_on(&server, &issued, "transfer", "\"7\"", json!({"customer": {"name": "Eve"}}))
        .await
        .expect_problem(412, "VERSION_STALE");
}

async fn a_revocation_during_activations_lets_nobody_in_afterwards(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    for _ in 0..5 {
        let more = json!({"maxActivations": null, "customer": {"externalId": "ada"}});
        let issued = shop.issue(&server, more).await;
        let machines: Vec<String> = (0..6).map(|number| format!("fp-{number}")).collect();
        let come = machines.iter().map(|machine| try_activate(&server, key(&issued), machine, json!({})));
        let (answers, revoked) =
            tokio::join!(futures_util::future::join_all(come), revoke(&server, &issued, json!({})));
        revoked.expect(200);
        let mut let_in = 0;
        for answer in answers {
            match answer.status {
                201 => let_in += 1,
                _ => drop(answer.expect_problem(403, "LICENSE_REVOKED")),
            }
        }
        let after = read(&server, &issued).await;
        assert_eq!((&after["status"], &after["seats"]["used"]), (&json!("revoked"), &json!(let_in)));
        try_activate(&server, key(&issued), "fp-0", json!({})).await.expect_problem(403, "LICENSE_REVOKED");
    }
}

async fn changes_of_state_are_written_down_with_their_actor(backend: Backend) {
    let server = TestServer::start(backend).await;
    let issued = Shop::open(&server).await.issue(&server, json!({"validDays": 10})).await;
    act(&server, &issued, "suspend", json!({"reason": "why"})).await.expect(200);
    act(&server, &issued, "renew", json!({"validDays": 5})).await.expect(200);
    act(&server, &issued, "transfer", json!({"customer": {"name": "Eve"}})).await.expect(200);
    act(&server, &issued, "reinstate", json!({})).await.expect(200);
    edit(&server, &issued, json!({"maxUsers": 4, "notes": "a secret remark"})).await.expect(200);
    revoke(&server, &issued, json!({"reason": "end"})).await.expect(200);
    let detail = |action: &'static str| {
        let server = &server;
        async move {
            let mut written = events(server, action).await;
            assert_eq!(written.len(), 1, "{action}");
            let event = written.remove(0);
            assert_eq!(event.actor_kind, "api_key");
            event.detail
        }
    };
    assert_eq!(detail("license.suspended").await["reason"], "why");
    let renewed = detail("license.renewed").await;
    assert_eq!(renewed["before"], issued["expiresAt"]);
    assert_ne!(renewed["after"], renewed["before"]);
    let given = detail("license.transferred").await;
    assert!(given["before"].is_null() && given["after"].is_string());
    assert!(detail("license.reinstated").await["suspendedAt"].is_string());
    let edited = detail("license.updated").await;
    assert_eq!(
        (&edited["before"], &edited["after"]),
        (&json!({"maxUsers": "inherit"}), &json!({"maxUsers": 4}))
    );
    assert_eq!(edited["rewritten"], json!(["notes"]));
    assert!(!edited.to_string().contains("remark"));
    assert_eq!(detail("license.revoked").await["reason"], "end");
    let kinds = [
        "license.issued",
        "license.suspended",
        "license.renewed",
        "license.transferred",
        "license.reinstated",
        "license.changed",
        "license.revoked",
    ];
    assert_eq!(told(&server, &issued).await, kinds);
}
