//! Explained verdicts: every rule with its inputs, and nothing that the asker may not know.

use licentia_domain::database::Lane;
use licentia_entity::{activation, license};
use licentia_tests::{Backend, Machine, Shop, TestServer, on_both};
use licentia_types::ids::{ActivationId, LicenseId};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use serde_json::{Value, json};

use crate::licenses::suspend;

mod versions;

on_both![
    rules_are_told_on_demand_only,
    every_rule_is_told_in_the_order_judged,
    rules_tell_what_they_were_judged_by,
    a_judgement_that_ends_early_tells_how_far_it_came,
    a_grace_excuses_no_revoked_licence,
    a_revoked_machine_is_revoked,
    a_lapsed_machine_is_not_active,
    a_machine_in_a_free_environment_needs_no_seat,
    a_machine_returns_to_the_seat_that_it_still_holds,
    nobody_is_named_in_an_explanation,
    a_verdict_without_explanation_asks_no_more_of_the_database,
];

const NAMES: [&str; 14] = [
    "token_valid",
    "license_known",
    "not_revoked",
    "not_suspended",
    "not_expired",
    "activated",
    "fingerprint_matches",
    "seat_free",
    "within_offline_grace",
    "assemblies_approved",
    "version_covered",
    "feature_included",
    "no_grace_needed",
    "heartbeat_in_time",
];

/// A licence for one machine, and that machine.
pub(crate) async fn begin(backend: Backend) -> (TestServer, Shop, Value, Machine) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let issued = shop.issue(&server, json!({"maxActivations": 1})).await;
    let machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    (server, shop, issued, machine)
}

async fn explain(server: &TestServer, mut question: Value) -> Value {
    question["explain"] = json!(true);
    server.post("/license-keys/validate", question).await.expect(200)
}

fn by_key(machine: &Machine) -> Value {
    json!({"licenseKey": machine.key, "fingerprint": machine.fingerprint})
}

fn names(verdict: &Value) -> Vec<&str> {
    let rules = verdict["rules"].as_array().unwrap();
    rules.iter().map(|rule| rule["rule"].as_str().unwrap()).collect()
}

/// One rule of a verdict: whether it holds, and its inputs.
#[track_caller]
pub(crate) fn rule(verdict: &Value, name: &str) -> (bool, Value) {
    let rules = verdict["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["rule"] == name).unwrap();
    (rule["passed"].as_bool().unwrap(), rule["inputs"].clone())
}

async fn set_license(server: &TestServer, license: &Value, column: license::Column, value: SimpleExpr) {
    let id: LicenseId = license["id"].as_str().unwrap().parse().unwrap();
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    let change = license::Entity::update_many()
        .col_expr(column, value)
        // As every edit does.
        .col_expr(license::Column::Version, Expr::col(license::Column::Version).add(1));
    change.filter(license::Column::Id.eq(id)).exec(&tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn set_machine(server: &TestServer, machine: &Machine, values: &[(activation::Column, SimpleExpr)]) {
    let id: ActivationId = machine.activation.parse().unwrap();
    let tx = server.context.db.write(Lane::Ordinary).await.unwrap();
    let mut change = activation::Entity::update_many();
    for (column, value) in values {
        change = change.col_expr(*column, value.clone());
    }
    change.filter(activation::Column::Id.eq(id)).exec(&tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// Puts an end to the right to updates.
async fn limit_updates(server: &TestServer, license: &Value, seconds_from_now: i64) {
    let until = server.context.moment().now.micros() + seconds_from_now * 1_000_000;
    set_license(server, license, license::Column::UpdatesUntil, Expr::value(until)).await;
}

async fn rules_are_told_on_demand_only(backend: Backend) {
    let (server, _, _, machine) = begin(backend).await;
    for more in [json!({}), json!({"explain": false})] {
        let mut question = by_key(&machine);
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let verdict = server.post("/license-keys/validate", question).await.expect(200);
        assert!(verdict.get("rules").is_none());
    }
    let told = explain(&server, by_key(&machine)).await;
    let plain = server.post("/license-keys/validate", by_key(&machine)).await.expect(200);
    let mut without = told.clone();
    without.as_object_mut().unwrap().remove("rules").unwrap();
    assert_eq!(without, plain);
}

async fn every_rule_is_told_in_the_order_judged(backend: Backend) {
    let (server, _, issued, machine) = begin(backend).await;
    for (question, from) in [
        (json!({"token": machine.token}), 0),
        (by_key(&machine), 1),
        (json!({"licenseKey": machine.key}), 1),
        (json!({"licenseKey": machine.key, "fingerprint": "fp-2"}), 1),
    ] {
        let verdict = explain(&server, question).await;
        assert_eq!(names(&verdict), NAMES[from..]);
        let failed: Vec<&Value> =
            verdict["rules"].as_array().unwrap().iter().filter(|rule| rule["passed"] == false).collect();
        assert_eq!(failed.len(), verdict["reasons"].as_array().unwrap().len(), "{verdict}");
    }
    suspend(&server, issued["id"].as_str().unwrap()).await;
    server.clock.advance(700_000);
    let verdict =
        explain(&server, json!({"licenseKey": machine.key, "fingerprint": "fp-1", "actionType": "api"}))
            .await;
    assert_eq!(
        verdict["reasons"],
        json!(["SUSPENDED", "GRACE_EXPIRED", "FEATURE_NOT_INCLUDED", "HEARTBEAT_OVERDUE"])
    );
    for name in NAMES.into_iter().skip(1) {
        let holds = !["not_suspended", "within_offline_grace", "feature_included", "heartbeat_in_time"]
            .contains(&name);
        assert_eq!(rule(&verdict, name).0, holds, "{name}");
    }
}

async fn rules_tell_what_they_were_judged_by(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let path = format!("/pricing-tiers/{}", shop.basic);
    server.admin_put(&path, json!({"expiryGrace": 600})).await.expect(200);
    let issued = shop.issue(&server, json!({"maxActivations": 1, "validDays": 1})).await;
    let machine = Machine::activate(&server, issued["licenseKey"].as_str().unwrap(), "fp-1").await;
    let contact = server.context.moment().now;
    server.clock.advance(86_400);
    let now = server.context.moment().now;
    let mut question = by_key(&machine);
    question["actionType"] = json!("export");
    let verdict = explain(&server, question).await;
    let end = contact + licentia_types::time::Seconds::constant(86_400 + 600);
    let expected = [
        ("not_expired", true, json!({"expiresAt": issued["expiresAt"], "endsAt": end, "now": now})),
        ("not_suspended", true, json!({"licenseStatus": "expired", "suspendedAt": null})),
        ("activated", true, json!({"activationStatus": "active"})),
        ("seat_free", true, json!({"seatNeeded": false, "used": 1, "limit": 1})),
        ("feature_included", true, json!({"action": "export", "features": ["edit", "export", "rooms"]})),
        (
            "heartbeat_in_time",
            false,
            json!({"liveness": "grace", "lastContactAt": contact, "heartbeatInterval": 86_400, "now": now}),
        ),
        (
            "no_grace_needed",
            false,
            json!({"licenseStatus": "expired", "expiresAt": issued["expiresAt"], "endsAt": end, "liveness": "grace"}),
        ),
        (
            "version_covered",
            true,
            json!({"updatesUntil": null, "productVersion": null, "date": null, "dateFrom": null}),
        ),
    ];
    for (name, passed, inputs) in expected {
        assert_eq!(rule(&verdict, name), (passed, inputs), "{name}");
    }
    let stranger = json!({"licenseKey": machine.key, "fingerprint": "fp-2"});
    let verdict = explain(&server, stranger).await;
    assert_eq!(rule(&verdict, "fingerprint_matches"), (false, json!({"othersActive": true})));
    assert_eq!(rule(&verdict, "seat_free"), (false, json!({"seatNeeded": true, "used": 1, "limit": 1})));
}

async fn a_judgement_that_ends_early_tells_how_far_it_came(backend: Backend) {
    let (server, _, _, machine) = begin(backend).await;
    let unknown = explain(&server, json!({"licenseKey": "a-key-of-nobody"})).await;
    assert_eq!(unknown["rules"], json!([{"rule": "license_known", "passed": false, "inputs": {}}]));
    assert_eq!(unknown["reasons"], json!(["NOT_FOUND"]));
    server.clock.advance(200_000);
    let ended = explain(&server, json!({"token": machine.token})).await;
    let rule = json!({"rule": "token_valid", "passed": false, "inputs": {"fault": "expired"}});
    assert_eq!(ended["rules"], json!([rule]));
    assert_eq!(ended["reasons"], json!(["TOKEN_INVALID", "expired"]));
}

async fn a_grace_excuses_no_revoked_licence(backend: Backend) {
    let (server, _, issued, machine) = begin(backend).await;
    let path = format!("/license-keys/{}/revoke", issued["id"].as_str().unwrap());
    server.admin_post(&path, json!({"reason": "CANARY"})).await.expect(200);
    let until = server.context.moment().now + licentia_types::time::Seconds::constant(3_600);
    set_license(&server, &issued, license::Column::GraceUntil, Expr::value(until.micros())).await;
    for question in [by_key(&machine), json!({"token": machine.token}), json!({"licenseKey": machine.key})] {
        let verdict = explain(&server, question).await;
        assert_eq!((&verdict["valid"], &verdict["reasons"]), (&json!(false), &json!(["REVOKED"])));
        let (passed, inputs) = rule(&verdict, "not_revoked");
        assert!(!passed);
        assert_eq!(inputs["licenseStatus"], "revoked");
        assert_eq!(inputs["graceUntil"], json!(until));
        assert_eq!(inputs["revokedAt"], json!(server.context.moment().now));
        assert!(!verdict.to_string().contains("CANARY"));
    }
}

async fn a_revoked_machine_is_revoked(backend: Backend) {
    let (server, _, _, machine) = begin(backend).await;
    let now = server.context.moment().now.micros();
    let revoked = [
        (activation::Column::Status, Expr::value("revoked")),
        (activation::Column::RevokedAt, Expr::value(now)),
        (activation::Column::GraceUntil, Expr::value(now + 60_000_000)),
        (activation::Column::RevocationReason, Expr::value("CANARY")),
    ];
    set_machine(&server, &machine, &revoked).await;
    for question in [by_key(&machine), json!({"token": machine.token})] {
        let verdict = explain(&server, question).await;
        assert_eq!((&verdict["valid"], &verdict["reasons"]), (&json!(false), &json!(["REVOKED"])));
        let (passed, inputs) = rule(&verdict, "not_revoked");
        assert!(!passed && inputs["activationGraceUntil"].is_string());
        assert_eq!(
            (&inputs["activationStatus"], &inputs["licenseStatus"]),
            (&json!("revoked"), &json!("active"))
        );
        assert!(!verdict.to_string().contains("CANARY"));
    }
    // The licence itself is not.
    assert_eq!(explain(&server, json!({"licenseKey": machine.key})).await["code"], "VALID");
}

async fn a_lapsed_machine_is_not_active(backend: Backend) {
    let (server, _, issued, machine) = begin(backend).await;
    let lapsed = [
        (activation::Column::Status, Expr::value("lapsed")),
        (activation::Column::HoldsSeat, Expr::value(false)),
    ];
    set_machine(&server, &machine, &lapsed).await;
    let full = explain(&server, by_key(&machine)).await;
    assert_eq!(full["reasons"], json!(["NOT_ACTIVATED", "SEAT_LIMIT_REACHED"]));
    assert_eq!(rule(&full, "activated"), (false, json!({"activationStatus": "lapsed"})));
    set_license(&server, &issued, license::Column::SeatsUsed, Expr::value(0)).await;
    assert_eq!(explain(&server, by_key(&machine)).await["reasons"], json!(["NOT_ACTIVATED"]));
    // A lease that has ended is as good as lapsed, before it was written down.
    let now = server.context.moment().now.micros();
    let leased = |until: i64| {
        [
            (activation::Column::Status, Expr::value("active")),
            (activation::Column::Floating, Expr::value(true)),
            (activation::Column::LeaseUntil, Expr::value(until)),
        ]
    };
    set_machine(&server, &machine, &leased(now)).await;
    assert_eq!(explain(&server, by_key(&machine)).await["reasons"], json!(["NOT_ACTIVATED"]));
    set_machine(&server, &machine, &leased(now + 1)).await;
    assert_eq!(explain(&server, by_key(&machine)).await["code"], "VALID");
}

async fn a_machine_in_a_free_environment_needs_no_seat(backend: Backend) {
    let (server, _, _, machine) = begin(backend).await;
    let free = [
        (activation::Column::HoldsSeat, Expr::value(false)),
        (activation::Column::FreeEnvironment, Expr::value("ci")),
    ];
    set_machine(&server, &machine, &free).await;
    let verdict = explain(&server, by_key(&machine)).await;
    assert_eq!((&verdict["code"], &verdict["valid"]), (&json!("VALID"), &json!(true)));
}

async fn a_machine_returns_to_the_seat_that_it_still_holds(backend: Backend) {
    let (server, _, _, machine) = begin(backend).await;
    let leaving = [
        (activation::Column::Status, Expr::value("deactivated")),
        (activation::Column::SeatFreesAt, Expr::value(i64::MAX)),
    ];
    set_machine(&server, &machine, &leaving).await;
    let verdict = explain(&server, by_key(&machine)).await;
    assert_eq!(verdict["reasons"], json!(["NOT_ACTIVATED"]));
    Machine::activate(&server, &machine.key, "fp-1").await;
}

async fn nobody_is_named_in_an_explanation(backend: Backend) {
    let server = TestServer::start(backend).await;
    let shop = Shop::open(&server).await;
    let canary = |of: &str| format!("canary-{of}");
    let issued = shop
        .issue(
            &server,
            json!({"maxActivations": 1, "notes": canary("notes"), "metadata": {"a": canary("metadata")},
                   "source": "shop", "sourceOrderId": canary("order"),
                   "customer": {"name": canary("name"), "email": "canary-mail@example.com"}}),
        )
        .await;
    let more = json!({"hostname": canary("host"), "userRef": canary("user"), "tenantRef": canary("tenant"),
                      "environment": canary("environment")});
    let key = issued["licenseKey"].as_str().unwrap();
    let machine = Machine::activate_with(&server, key, "canary-fingerprint", more).await;
    for question in [
        json!({"token": machine.token}),
        json!({"licenseKey": key, "fingerprint": "canary-fingerprint"}),
        json!({"licenseKey": key, "fingerprint": "another"}),
    ] {
        let verdict = explain(&server, question).await.to_string();
        assert!(!verdict.contains("canary") && !verdict.contains(key) && !verdict.contains(&machine.nonce));
    }
}

async fn a_verdict_without_explanation_asks_no_more_of_the_database(backend: Backend) {
    let (server, _, issued, machine) = begin(backend).await;
    let cost = async |question: Value| {
        let before = server.context.db.statements();
        server.post("/license-keys/validate", question).await.expect(200);
        server.context.db.statements() - before
    };
    let with = |member: &str, value: Value| {
        let mut question = by_key(&machine);
        question[member] = value;
        question
    };
    // Whoever comes first reads the catalogue.
    cost(by_key(&machine)).await;
    // The licence and the machine, together.
    assert_eq!(cost(by_key(&machine)).await, 1);
    assert_eq!(cost(json!({"licenseKey": machine.key})).await, 1);
    assert_eq!(cost(with("productVersion", json!("2.0"))).await, 1);
    // Whoever comes first reads what was changed lately.
    cost(json!({"token": machine.token})).await;
    // Machine, licence, and its product, for the audience and for the catalogue.
    assert_eq!(cost(json!({"token": machine.token})).await, 3);
    limit_updates(&server, &issued, 60).await;
    // Whoever comes first reads what it grants now.
    cost(by_key(&machine)).await;
    assert_eq!(cost(by_key(&machine)).await, 1);
    assert_eq!(cost(with("productVersion", json!("2.0"))).await, 2);
    assert_eq!(cost(with("explain", json!(true))).await, 2);
}
