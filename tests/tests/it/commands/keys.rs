//! `licentia admin`: API keys from the command line, in production.

use super::installation::Installation;

/// Id and secret of a new key.
fn create(place: &Installation, more: &[&str]) -> (String, String) {
    let printed = place.prints(&[&["admin", "create-key", "--name", "Shop"], more].concat());
    let lines: Vec<&str> = printed.lines().collect();
    let [id, secret] = lines.as_slice() else { panic!("two lines: {printed}") };
    assert!(id.starts_with("key_") && secret.starts_with("lsk_"), "{printed}");
    ((*id).to_owned(), (*secret).to_owned())
}

#[tokio::test]
async fn a_key_is_made_listed_and_revoked() {
    let place = Installation::for_production();
    let (id, secret) = create(&place, &[]);
    let (narrow_id, narrow) = create(&place, &["--permission", "catalog,customers", "--expires-days", "30"]);
    let serving = place.serve(&[]);
    assert_eq!(serving.admin_key(), None, "production prints no key by itself");
    assert_eq!(serving.status_with(&secret).await, 200);
    assert_eq!(serving.status_with(&narrow).await, 403);

    let listed = place.prints(&["admin", "list-keys"]);
    assert!(!listed.contains("lsk_"), "{listed}");
    let line = |id: &str| listed.lines().find(|line| line.starts_with(id)).unwrap().to_owned();
    assert!(line(&id).contains("for ever") && line(&id).ends_with("  Shop"), "{listed}");
    assert!(
        line(&narrow_id).contains("until ") && line(&narrow_id).contains("catalog,customers"),
        "{listed}"
    );

    assert_eq!(place.prints(&["admin", "revoke-key", &id]), format!("{id} is revoked.\n"));
    assert_eq!(serving.status_with(&secret).await, 401);
    let listed = place.prints(&["admin", "list-keys"]);
    assert!(listed.lines().any(|line| line.starts_with(&id) && line.contains("revoked ")), "{listed}");
    serving.stop();
}

#[tokio::test]
async fn a_key_is_bounded_by_groups() {
    let place = Installation::for_production();
    let (_, everywhere) = create(&place, &[]);
    let serving = place.serve(&[]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let groups = format!("{}/api/v1/groups", place.url());
    let made = http.post(&groups).bearer_auth(&everywhere).json(&serde_json::json!({"name": "North"}));
    let made: serde_json::Value = made.send().await.unwrap().json().await.unwrap();
    let group = made["id"].as_str().unwrap();
    let (id, within) = create(&place, &["--group", group]);
    assert_eq!(serving.status_with(&within).await, 200);
    let another = http.post(&groups).bearer_auth(&within).json(&serde_json::json!({"name": "South"}));
    assert_eq!(another.send().await.unwrap().status(), 403);
    let listed = place.prints(&["admin", "list-keys"]);
    let line = listed.lines().find(|line| line.starts_with(&id)).unwrap();
    assert!(line.ends_with(&format!("  within {group}  Shop")), "{listed}");
    serving.stop();
}

#[test]
fn what_is_no_key_is_refused() {
    let place = Installation::for_production();
    place.refuses(&["admin", "revoke-key", "key_01h455vb4pex5vsknk084sn02q"], 1);
    let nowhere = ["admin", "create-key", "--name", "x", "--group", "grp_01h455vb4pex5vsknk084sn02q"];
    assert!(place.refuses(&nowhere, 1).contains("there is no such group"));
    for (arguments, named) in [
        (&["admin", "revoke-key", "lic_01h455vb4pex5vsknk084sn02q"][..], "lic_01h455vb4pex5vsknk084sn02q"),
        (&["admin", "create-key"], "--name"),
        (&["admin", "create-key", "--name", "x", "--permission", "everything"], "everything"),
        (&["admin", "create-key", "--name", "x", "--expires-days", "0"], "--expires-days"),
        (&["admin", "create-key", "--name", ""], "--name"),
        (&["serve", "--fast"], "--fast"),
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(named), "{arguments:?}: {}", ended.stderr);
    }
}
