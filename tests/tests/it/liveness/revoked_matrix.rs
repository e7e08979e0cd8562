//! A revoked machine gets no licence token, in any state, by any call.

use licentia_entity::license::Status;
use licentia_tests::{Backend, Machine, Reply, Shop, TestServer, on_both, request_id, try_activate};
use sea_orm::ActiveValue::Set;
use serde_json::json;

use super::revoked_machines::{revoke, revoke_license};
use super::{Issued, deactivate, lapse, row, tier};

on_both![a_revoked_machine_gets_no_licence_token_in_any_state];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Revoked {
    Licence,
    Activation,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Grace {
    With,
    Over,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    Active,
    Suspended,
    Expired,
    Lapsed,
    Deactivated,
}

/// A machine in this state, of a licence of its own.
async fn machine(server: &TestServer, shop: &Shop, tier: &str, before: Before) -> (Issued, Machine) {
    use licentia_domain::clock::Clock;
    let issued = Issued::at(server, shop, tier, json!({})).await;
    let machine = Machine::activate(server, &issued.key, "fp-1").await;
    let now = server.clock.now();
    match before {
        Before::Active => {}
        Before::Suspended => {
            issued
                .set(server, |row| {
                    row.status = Set(Status::Suspended);
                    row.suspended_at = Set(Some(now));
                })
                .await;
        }
        Before::Expired => issued.set(server, |row| row.expires_at = Set(Some(now))).await,
        Before::Lapsed => {
            server.clock.advance(900);
            lapse(server).await;
        }
        Before::Deactivated => drop(deactivate(server, &machine).await.expect(200)),
    }
    (issued, machine)
}

fn assert_no_token(reply: &Reply, case: &str) {
    assert!(!reply.text.contains("\"token\""), "{case}: {}", reply.text);
    assert!(
        !reply.text.contains("\"valid\":true") && !reply.text.contains("\"success\""),
        "{case}: {}",
        reply.text
    );
    assert_ne!(reply.body["recovered"], true, "{case}: {}", reply.text);
    for member in ["token", "expiresAt", "staleUntil", "activation"] {
        assert!(reply.body.get(member).is_none(), "{case}: {}", reply.text);
    }
    let status = reply.body["status"].as_str();
    assert!(reply.status >= 400 || status == Some("revoked"), "{case}: {}", reply.text);
}

/// The keys that the licence is known by: where it can have another one, also a former one.
async fn keys(server: &TestServer, issued: &Issued, revoked: Revoked, case: &str) -> Vec<String> {
    let until = json!({"keepOldUntil": server.context.moment().now.plus_days(30)});
    let reply = server.admin_post(&format!("/license-keys/{}/rotate-key", issued.id), until).await;
    let mut keys = vec![issued.key.clone()];
    match revoked {
        Revoked::Activation => {
            keys.push(reply.expect(200)["licenseKey"].as_str().unwrap().to_owned());
        }
        Revoked::Licence | Revoked::Both => assert!(reply.status >= 400, "{case}: {}", reply.text),
    }
    keys
}

async fn try_all(server: &TestServer, shop: &Shop, tier: &str, case: (Revoked, Grace, Before)) {
    let (revoked, grace, before) = case;
    let name = format!("{case:?}");
    let (issued, mut machine) = machine(server, shop, tier, before).await;
    let issued_at = row(server, &machine).await.token_iat;
    let hours = i32::from(grace != Grace::None);
    if revoked != Revoked::Licence {
        revoke(server, &machine, json!({"graceHours": hours})).await;
    }
    if revoked != Revoked::Activation {
        revoke_license(server, &issued, (hours > 0).then_some(3_600)).await;
    }
    if grace == Grace::Over {
        server.clock.advance(3_600);
    }
    // A program that was at work may be told of its grace, and no other.
    let told = grace == Grace::With && before == Before::Active;
    let body = machine.beat_body(Some(&request_id()));
    for _ in 0..2 {
        let reply = server.post("/license-keys/heartbeat", body.clone()).await;
        assert_no_token(&reply, &name);
        assert_eq!(reply.body.get("graceToken").is_some(), told, "{name}: {}", reply.text);
        assert_eq!(reply.body.get("graceUntil").is_some(), told, "{name}: {}", reply.text);
        let gone = before == Before::Deactivated && revoked == Revoked::Licence;
        assert_eq!(reply.status, if gone { 410 } else { 200 }, "{name}");
        if let Some(nonce) = reply.body["nonce"].as_str() {
            assert_ne!(nonce, body["nonce"].as_str().unwrap());
            nonce.clone_into(&mut machine.nonce);
        }
    }
    assert_no_token(&machine.try_beat(server).await, &name);
    for key in keys(server, &issued, revoked, &name).await {
        for more in [json!({}), json!({"nonce": machine.nonce}), json!({"instance": "x"})] {
            let reply = try_activate(server, &key, "fp-1", more).await;
            assert_no_token(&reply, &name);
            assert!(matches!(reply.status, 403 | 409), "{name}: {}", reply.text);
            if revoked != Revoked::Activation {
                assert_eq!(reply.body["code"], "LICENSE_REVOKED", "{name}");
            }
        }
        let question = json!({"licenseKey": key, "fingerprint": "fp-1"});
        let verdict = server.post("/license-keys/validate", question).await.expect(200);
        assert_eq!((&verdict["valid"], verdict.get("token")), (&json!(false), None), "{name}");
    }
    // Nor for somebody else to deliver.
    let afresh = server.admin_post(&format!("/license-keys/{}/regenerate", issued.id), json!({})).await;
    assert!(afresh.status >= 400 || afresh.body == json!({"tokens": []}), "{name}: {}", afresh.text);
    // None was made either: the last one is that of the activation.
    assert_eq!(row(server, &machine).await.token_iat, issued_at, "{name}");
}

async fn a_revoked_machine_gets_no_licence_token_in_any_state(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let floating = tier(&server, &shop, "floating", json!({"activationModel": "floating"})).await;
    let befores = [Before::Active, Before::Suspended, Before::Expired, Before::Lapsed, Before::Deactivated];
    for revoked in [Revoked::Licence, Revoked::Activation, Revoked::Both] {
        for grace in [Grace::With, Grace::Over, Grace::None] {
            for before in befores {
                try_all(&server, &shop, &floating, (revoked, grace, before)).await;
            }
        }
    }
}
