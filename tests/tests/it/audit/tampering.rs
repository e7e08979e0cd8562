//! What somebody who can write the database can do to the log, and how it is found.

use licentia_crypto::jws::Signer;
use licentia_crypto::rsa_keys::{KeyPair, RsaKeyBits};
use licentia_entity::signing_key::Purpose;
use licentia_tests::{Backend, TestServer, on_both};
use serde_json::{Value, json};

use super::{expect_first, expect_whole, sealed, sql, verify, verify_with, write};

on_both![
    an_altered_or_missing_entry_is_named,
    a_moved_or_missing_link_is_named,
    a_cut_tail_is_found_for_good,
    a_head_that_is_gone_or_forged_is_found_for_good,
    a_history_that_was_sealed_anew_is_found_for_good,
    a_head_that_is_gone_before_the_first_link_is_found_for_good,
    another_key_than_the_first_one_is_found,
    what_an_older_head_hides_is_found_with_a_checkpoint_kept_elsewhere,
    forged_entries_and_links_are_found,
    tampered_checkpoints_are_found,
    a_replaced_log_is_found_with_a_checkpoint_kept_elsewhere,
    what_is_no_checkpoint_of_ours_is_told,
    an_entry_that_was_deleted_before_it_was_sealed_is_missed,
    a_check_that_finds_something_is_told_to_operators_once,
    a_hundred_findings_are_shown_and_all_are_counted,
];

const LINKS: u64 = 8;
/// Of the entry at this place of the chain.
const THIRD: &str = "(SELECT event_id FROM audit_link WHERE position = 3)";

async fn log(backend: Backend) -> TestServer {
    let server = TestServer::start(backend).await;
    sealed(&server, 8).await;
    expect_whole(&verify(&server).await, LINKS);
    server
}

async fn an_altered_or_missing_entry_is_named(backend: Backend) {
    for (column, value) in [
        ("detail", r#"'{"number": 99, "name": "entry"}'"#),
        ("detail", "'{}'"),
        ("actor_kind", "'api_key'"),
        ("actor_id", "'somebody'"),
        ("action", "'test.undone'"),
        ("subject", "'another'"),
        ("ip", "'127.0.0.1'"),
        ("request_id", "''"),
        ("at", "at + 1"),
        ("license_id", "id"),
    ] {
        let server = log(backend).await;
        sql(&server, &[&format!("UPDATE audit_event SET {column} = {value} WHERE id = {THIRD}")]).await;
        let report = verify(&server).await;
        expect_first(&report, "row_altered", 3);
        assert_eq!(report["found"], 1, "{column}");
        assert!(report["findings"][0]["eventId"].as_str().unwrap().starts_with("aud_"));
    }
    let server = log(backend).await;
    sql(&server, &[&format!("DELETE FROM audit_event WHERE id = {THIRD}")]).await;
    expect_first(&verify(&server).await, "row_deleted", 3);
}

async fn a_moved_or_missing_link_is_named(backend: Backend) {
    let delete_third = format!("DELETE FROM audit_event WHERE id = {THIRD}");
    let cases: [(&[&str], &str, i64); 6] = [
        (&[&delete_third, "DELETE FROM audit_link WHERE position = 3"], "link_missing", 3),
        (
            &[
                &delete_third,
                "DELETE FROM audit_link WHERE position = 3",
                "UPDATE audit_link SET position = 3 WHERE position = 4",
            ],
            "link_broken",
            3,
        ),
        (
            &[
                "UPDATE audit_link SET position = -5 WHERE position = 5",
                "UPDATE audit_link SET position = 5 WHERE position = 6",
                "UPDATE audit_link SET position = 6 WHERE position = -5",
            ],
            "link_broken",
            5,
        ),
        (&["UPDATE audit_link SET position = -5 WHERE position = 5"], "link_broken", -5),
        (
            &["UPDATE audit_link SET link = (SELECT link FROM audit_link AS other WHERE other.position = 1)
               WHERE position = 2"],
            "row_altered",
            2,
        ),
        (&["DELETE FROM audit_link WHERE position < 3"], "link_missing", 1),
    ];
    for (statements, kind, position) in cases {
        let server = log(backend).await;
        sql(&server, statements).await;
        expect_first(&verify(&server).await, kind, position);
    }
}

const CUT: [&str; 4] = [
    "DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_link WHERE position > 6)",
    "DELETE FROM audit_link WHERE position > 6",
    "DELETE FROM audit_pending",
    "DELETE FROM audit_checkpoint",
];

async fn a_cut_tail_is_found_for_good(backend: Backend) {
    let server = log(backend).await;
    sql(&server, &CUT).await;
    let report = verify(&server).await;
    expect_first(&report, "tail_cut", 7);
    assert_eq!((&report["found"], &report["links"]), (&json!(1), &json!(6)));

    // The log goes on, and the gap stays.
    sealed(&server, 12).await;
    let report = verify(&server).await;
    expect_first(&report, "link_missing", 7);
    assert_eq!(report["found"], 1);

    // With the checkpoints left, they tell as well.
    let server = log(backend).await;
    sql(&server, &CUT[..2]).await;
    let report = verify(&server).await;
    expect_first(&report, "tail_cut", 7);
    assert_eq!(report["found"], 2);
}

async fn a_head_that_is_gone_or_forged_is_found_for_good(backend: Backend) {
    for forgery in [
        "DELETE FROM server_setting WHERE name = 'audit_head'",
        "UPDATE server_setting SET value = '6' || substr(value, 2) WHERE name = 'audit_head'",
        "UPDATE server_setting SET value = '' WHERE name = 'audit_head'",
    ] {
        let server = log(backend).await;
        sql(&server, &CUT).await;
        sql(&server, &[forgery]).await;
        let report = verify(&server).await;
        expect_first(&report, "head_invalid", Value::Null);
        // The server goes on sealing, and does not mend what it cannot know.
        sealed(&server, 9).await;
        let report = verify(&server).await;
        expect_first(&report, "link_missing", 7);
    }
}

/// What whoever can write the database does to have the server seal what they made of it.
const SEAL_ANEW: [&str; 4] = [
    "DELETE FROM audit_link",
    "DELETE FROM audit_checkpoint",
    "UPDATE audit_event SET actor_kind = 'nobody'",
    "INSERT INTO audit_pending (event_id) SELECT id FROM audit_event",
];

async fn a_history_that_was_sealed_anew_is_found_for_good(backend: Backend) {
    let server = log(backend).await;
    sql(&server, &SEAL_ANEW).await;
    sql(&server, &["DELETE FROM server_setting WHERE name = 'audit_head'"]).await;
    expect_first(&verify(&server).await, "head_invalid", Value::Null);
    for count in [8, 12] {
        sealed(&server, count).await;
        let report = verify(&server).await;
        expect_first(&report, "link_missing", 1);
        assert_eq!(report["waiting"], 0);
    }
}

async fn a_head_that_is_gone_before_the_first_link_is_found_for_good(backend: Backend) {
    let server = TestServer::start(backend).await;
    expect_whole(&verify(&server).await, 0);
    sql(&server, &["DELETE FROM server_setting WHERE name = 'audit_head'"]).await;
    expect_first(&verify(&server).await, "head_invalid", Value::Null);
    // Neither the next start nor the sealer mends it.
    let other = server.another().await;
    expect_first(&verify(&other).await, "head_invalid", Value::Null);
    sealed(&server, 3).await;
    expect_first(&verify(&server).await, "link_missing", 1);
}

async fn another_key_than_the_first_one_is_found(backend: Backend) {
    let server = log(backend).await;
    sql(&server, &SEAL_ANEW).await;
    sql(&server, &["DELETE FROM sealed_secret WHERE name = 'audit'"]).await;
    let server = server.another().await;
    expect_first(&verify(&server).await, "head_invalid", Value::Null);
    sealed(&server, 9).await;
    expect_first(&verify(&server).await, "link_missing", 1);
}

/// A head that was copied is good for ever: what remains, and how it is found.
async fn what_an_older_head_hides_is_found_with_a_checkpoint_kept_elsewhere(backend: Backend) {
    let server = TestServer::start(backend).await;
    sql(&server, &["CREATE TABLE former AS SELECT * FROM server_setting WHERE name = 'audit_head'"]).await;
    sealed(&server, 8).await;
    let kept = verify(&server).await["checkpoint"].as_str().unwrap().to_owned();
    sql(&server, &SEAL_ANEW).await;
    let put_back = "UPDATE server_setting SET value = (SELECT value FROM former) WHERE name = 'audit_head'";
    sql(&server, &[put_back]).await;
    server.clock.advance(1);
    server.run_jobs().await;
    expect_whole(&verify(&server).await, LINKS);
    expect_first(&verify_with(&server, &kept).await, "history_rewritten", 8);
}

async fn forged_entries_and_links_are_found(backend: Backend) {
    let id = match backend {
        Backend::Sqlite => "randomblob(16)",
        Backend::Postgres => "gen_random_uuid()",
    };
    let forge = format!(
        "INSERT INTO audit_event (id, at, actor_kind, action, subject, detail)
         SELECT {id}, at, 'operator', 'forged', subject, detail FROM audit_event WHERE id = {THIRD}"
    );
    let server = log(backend).await;
    sql(&server, &[&forge]).await;
    let report = verify(&server).await;
    expect_first(&report, "never_sealed", Value::Null);
    let forged = server.admin_get("/audit-events?action=forged").await.expect(200);
    assert_eq!(report["findings"][0]["eventId"], forged["items"][0]["id"]);

    // With a link like any other.
    let link = "INSERT INTO audit_link (position, event_id, link)
                SELECT 9, audit_event.id, audit_link.link FROM audit_event, audit_link
                WHERE action = 'forged' AND position = 8";
    sql(&server, &[link]).await;
    let report = verify(&server).await;
    expect_first(&report, "row_altered", 9);
    assert_eq!(report["findings"][1]["kind"], "link_broken");
}

async fn tampered_checkpoints_are_found(backend: Backend) {
    let server = log(backend).await;
    sql(&server, &["UPDATE audit_checkpoint SET signed = 'no checkpoint'"]).await;
    expect_first(&verify(&server).await, "checkpoint_invalid", 8);

    let server = log(backend).await;
    sealed(&server, 10).await;
    sql(
        &server,
        &["UPDATE audit_checkpoint SET signed = (SELECT signed FROM audit_checkpoint AS other WHERE other.position = 8)"],
    )
    .await;
    let report = verify(&server).await;
    expect_first(&report, "checkpoint_invalid", 10);
    assert_eq!(report["found"], 1);

    let server = log(backend).await;
    sql(&server, &["UPDATE audit_checkpoint SET position = 1000"]).await;
    assert_eq!(verify(&server).await["whole"], true, "it is signed, and of a position that is there");
    sql(&server, &["UPDATE audit_checkpoint SET signed = 'no checkpoint'"]).await;
    expect_first(&verify(&server).await, "checkpoint_invalid", 1000);
}

/// Everything that the server knows is that of an older backup, which then went on differently.
async fn a_replaced_log_is_found_with_a_checkpoint_kept_elsewhere(backend: Backend) {
    const TABLES: [&str; 5] =
        ["audit_event", "audit_link", "audit_pending", "audit_checkpoint", "server_setting"];
    let server = TestServer::start(backend).await;
    sealed(&server, 5).await;
    for table in TABLES {
        sql(&server, &[&format!("CREATE TABLE former_{table} AS SELECT * FROM {table}")]).await;
    }
    let early = verify(&server).await["checkpoint"].as_str().unwrap().to_owned();
    sealed(&server, 8).await;
    let kept = verify(&server).await["checkpoint"].as_str().unwrap().to_owned();
    expect_whole(&verify_with(&server, &kept).await, 8);

    for table in TABLES {
        sql(
            &server,
            &[&format!("DELETE FROM {table}"), &format!("INSERT INTO {table} SELECT * FROM former_{table}")],
        )
        .await;
    }
    expect_whole(&verify(&server).await, 5);
    expect_first(&verify_with(&server, &kept).await, "tail_cut", 6);

    sealed(&server, 10).await;
    expect_whole(&verify(&server).await, 10);
    let report = verify_with(&server, &kept).await;
    expect_first(&report, "history_rewritten", 8);
    assert_eq!(report["found"], 1);
    expect_whole(&verify_with(&server, &early).await, 10);
}

async fn what_is_no_checkpoint_of_ours_is_told(backend: Backend) {
    let server = log(backend).await;
    let ours = verify(&server).await["checkpoint"].as_str().unwrap().to_owned();
    let claims = licentia_tests::claims(&ours);
    let typ = "audit-checkpoint+jwt";
    let sign =
        |signer: &Signer, typ: &str, claims: &Value| signer.sign(&signer.prepare(typ), claims).unwrap();
    let with = |member: &str, value: Value| {
        let mut claims = claims.clone();
        claims[member] = value;
        claims
    };
    let document = server.signer(Purpose::Document).await;
    let token = server.signer(Purpose::Token).await;
    let foreign = KeyPair::generate(RsaKeyBits::Rsa2048).unwrap();
    let kid = foreign.public().thumbprint();
    let foreign = Signer::new(foreign, kid);
    let (body, _) = ours.rsplit_once('.').unwrap();
    for no_checkpoint in [
        String::new(),
        "no-checkpoint".to_owned(),
        "x".repeat(5000),
        body.to_owned(),
        format!("{body}."),
        format!("{body}.{}", "A".repeat(342)),
        sign(&document, "JWT", &claims),
        sign(&document, typ, &with("iss", json!("https://elsewhere.example"))),
        sign(&document, typ, &with("aud", json!("urn:licentia:other"))),
        sign(&document, typ, &with("link", json!("AAAA"))),
        sign(&document, typ, &with("position", json!("8"))),
        sign(&token, typ, &claims),
        sign(&foreign, typ, &claims),
        sign(
            &Signer::new(KeyPair::generate(RsaKeyBits::Rsa2048).unwrap(), document.kid().to_owned()),
            typ,
            &claims,
        ),
    ] {
        expect_first(&verify_with(&server, &no_checkpoint).await, "checkpoint_invalid", Value::Null);
    }
    // Signed by us, of another past.
    let other = sign(&document, typ, &with("link", json!("A".repeat(43))));
    expect_first(&verify_with(&server, &other).await, "history_rewritten", 8);
    for query in ["checkpoint=a&checkpoint=b", "limit=1", "check=1"] {
        let reply = server.admin_get(&format!("/audit-events/verify?{query}")).await;
        reply.expect_problem(400, "PARAMETER_INVALID");
    }
}

async fn an_entry_that_was_deleted_before_it_was_sealed_is_missed(backend: Backend) {
    let server = log(backend).await;
    write(&server, [json!({})]).await;
    sql(&server, &["DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_pending)"]).await;
    // What has a link is not sealed again.
    sql(&server, &[&format!("INSERT INTO audit_pending (event_id) VALUES ({THIRD})")]).await;
    server.clock.advance(1);
    server.run_jobs().await;
    let report = verify(&server).await;
    expect_first(&report, "row_deleted", 9);
    assert_eq!((&report["found"], &report["links"]), (&json!(1), &json!(9)));
}

async fn a_check_that_finds_something_is_told_to_operators_once(backend: Backend) {
    let server = log(backend).await;
    let told = async || server.admin_get("/system-events?source=audit").await.expect(200);
    assert_eq!(told().await["total"], 0);
    sql(&server, &[&format!("DELETE FROM audit_event WHERE id = {THIRD}")]).await;
    for _ in 0..3 {
        assert_eq!(verify(&server).await["whole"], false);
    }
    let told = told().await;
    assert_eq!((&told["total"], &told["items"][0]["level"]), (&json!(1), &json!("error")));
    assert_eq!(told["items"][0]["detail"]["first"]["position"], 3);
}

async fn a_hundred_findings_are_shown_and_all_are_counted(backend: Backend) {
    let server = TestServer::start(backend).await;
    write(&server, (0..1_100).map(|number| json!({"number": number}))).await;
    server.run_jobs().await;
    sql(&server, &["UPDATE audit_event SET subject = 'another'"]).await;
    let report = verify(&server).await;
    assert_eq!(report["findings"].as_array().unwrap().len(), 100);
    assert_eq!(report["found"], report["entries"]);
}
