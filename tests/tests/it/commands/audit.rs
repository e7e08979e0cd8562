//! `licentia audit`: the log checked from the command line.

use std::process::Stdio;

use sea_orm::ConnectionTrait;

use super::installation::Installation;

/// An installation whose server has sealed its log; gives the checkpoint.
fn sealed() -> (Installation, String) {
    let place = Installation::new();
    for name in ["one", "two", "three"] {
        place.prints(&["admin", "create-key", "--name", name]);
    }
    let serving = place.serve(&[]);
    let checkpoint = loop {
        // Each look is a process; the server signs when it has sealed.
        let ended = place.run(&["audit", "checkpoint"]);
        if ended.code == Some(0) {
            break ended.stdout;
        }
        assert!(ended.stderr.contains("there is no checkpoint yet"), "{}", ended.stderr);
    };
    serving.stop();
    (place, checkpoint)
}

async fn sql(place: &Installation, statement: &str) {
    let url = format!("sqlite://{}", place.file("licentia.db").display());
    let connection = sea_orm::Database::connect(url).await.unwrap();
    connection.execute_unprepared(statement).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_whole_log_is_told_by_the_exit_code() {
    let (place, checkpoint) = sealed();
    assert_eq!((checkpoint.lines().count(), checkpoint.split('.').count()), (1, 3));
    let told = place.prints(&["audit", "verify"]);
    assert!(told.starts_with("The audit log is whole: ") && told.ends_with(" 0 waiting.\n"), "{told}");
    let kept = place.write("kept", &checkpoint);
    assert_eq!(place.prints(&["audit", "verify", "--checkpoint", kept.to_str().unwrap()]), told);
    place.prints(&["admin", "create-key", "--name", "four"]);
    assert!(place.prints(&["audit", "verify"]).ends_with(" 1 waiting.\n"));
}

#[tokio::test]
async fn what_is_wrong_is_named_and_ends_with_1() {
    let (place, checkpoint) = sealed();
    sql(&place, "DELETE FROM audit_event WHERE id = (SELECT event_id FROM audit_link WHERE position = 2)")
        .await;
    let ended = place.run(&["audit", "verify"]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(1), "licentia: the audit log is not whole: 1 findings\n")
    );
    assert!(ended.stdout.starts_with("row_deleted  position 2  aud_"), "{}", ended.stdout);

    for table in ["audit_event", "audit_link", "audit_pending", "audit_checkpoint"] {
        sql(&place, &format!("DELETE FROM {table}")).await;
    }
    sql(&place, "DELETE FROM server_setting WHERE name = 'audit_head'").await;
    let ended = place.run(&["audit", "verify"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.starts_with("head_invalid  the head of the chain is gone\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("not whole: 0 entries"), "{}", ended.stdout);
    let kept = place.write("kept", &checkpoint);
    let ended = place.run(&["audit", "verify", "--checkpoint", kept.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("\ntail_cut  position 1  "), "{}", ended.stdout);
}

#[tokio::test]
async fn a_log_that_could_not_be_checked_is_not_taken_for_a_damaged_one() {
    let (place, _) = sealed();
    sql(&place, "ALTER TABLE audit_link RENAME TO misplaced").await;
    let complaint = place.refuses(&["audit", "verify"], 2);
    assert!(complaint.contains("the audit log cannot be read"), "{complaint}");
    sql(
        &place,
        "UPDATE sealed_secret SET sealed = nonces.sealed FROM sealed_secret AS nonces
        WHERE sealed_secret.name = 'audit' AND nonces.name = 'nonces'",
    )
    .await;
    let complaint = place.refuses(&["audit", "verify"], 2);
    assert!(complaint.contains("a sealed secret could not be opened"), "{complaint}");
}

#[tokio::test]
async fn a_checkpoint_comes_from_a_file_or_the_standard_input() {
    let (place, checkpoint) = sealed();
    let complaint = place.refuses(&["audit", "verify", "--checkpoint", "nowhere"], 2);
    assert!(complaint.contains("the checkpoint cannot be read"), "{complaint}");
    for (text, code) in [(checkpoint.as_str(), 0), ("no checkpoint", 1), ("", 1)] {
        let file = std::fs::File::open(place.write("kept", text)).unwrap();
        let ended = place.run_with(&["audit", "verify", "--checkpoint", "-"], Stdio::from(file));
        assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.stdout.contains("checkpoint_invalid"), code == 1);
    }
}
